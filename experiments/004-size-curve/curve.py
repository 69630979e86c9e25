"""Trains layer 2 on growing shares of the seed families, and prints a row for each share, model and corpus.

Usage: python experiments/004-size-curve/curve.py [NAME=FILE ...], each FILE labelled notes to be judged on, never trained on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bh_lib.evaluate import Metrics, evaluate, read_labelled
from bh_lib.lab import build_corpus, read_config
from bh_lib.lab.alone import LayerAlone
from bh_lib.lab.calibrate import calibrate_heads
from bh_lib.lab.encoder import Encoder
from bh_lib.lab.examples import examples_of, labels_of
from bh_lib.lab.train import TfidfScorer, fit_heads
from bh_lib.schema.note import LabelledNote
from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.document import read_document
from bh_lib.sentinel.layers.transformer import TransformerLayer

SHARES = (0.1, 0.25, 0.5, 1.0)
FIGURES = {
    "macro-F1": ("macro", "f1"),
    "micro-F1": ("micro", "f1"),
    "critical sens": ("critical", "sensitivity"),
    "critical PPV": ("critical", "ppv"),
    "any sens": ("any_signal", "sensitivity"),
    "any PPV": ("any_signal", "ppv"),
    "any F1": ("any_signal", "f1"),
    "QWK": ("c_ssrs", "qwk"),
    "ECE": ("calibration", "ece"),
}


def figures(metrics: Metrics) -> list[str]:
    """A cell a figure; empty where the corpus has no labels for it."""
    shape = metrics.to_dict()
    values = [shape.get(block, {}).get(name) for block, name in FIGURES.values()]
    return ["" if value is None else f"{value:.3f}" for value in values]


def tell(line: str) -> None:
    """A line of the table, as soon as it is known."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def looked_up(texts: Sequence[str], logits: Any) -> Callable[[Sequence[str]], Any]:
    """Every sentence is scored once, in bulk; the judges ask again and again."""
    place = {text: row for row, text in enumerate(texts)}
    return lambda sentences: logits[[place[sentence] for sentence in sentences]]


def sentences_of(notes: Sequence[LabelledNote]) -> list[str]:
    """Cut as the sentinel cuts them."""
    return [note.text[each.start : each.end] for note in notes for each in read_document(note.text).sentences]


def main(files: Sequence[str]) -> None:
    """Print the table."""
    config = read_config(Path(__file__).parent)
    whole = build_corpus(replace(config, train_share=1.0))
    judged = {"dev-seeds": [n for n in whole.dev if not n.note_id.startswith("dev-")], "test-seeds": whole.test_seeds}
    judged |= {"test-notes": whole.test} | {
        name: list(read_labelled(file)) for name, file in (each.split("=", 1) for each in files)
    }
    dev = examples_of(whole.dev)
    dev_truth, dev_texts = labels_of(dev), [each.text for each in dev]
    texts = list(dict.fromkeys([*dev_texts, *(s for notes in judged.values() for s in sentences_of(notes))]))
    place = {text: row for row, text in enumerate(texts)}
    on_dev = [place[text] for text in dev_texts]
    encoder = Encoder.prepare(config.encoder, layers=config.encoder_layers, int8=config.int8, max_tokens=config.max_tokens)
    features = encoder.features(texts)

    tell("| share | rows | model | corpus | " + " | ".join(FIGURES) + " |")
    tell("|" + "---|" * (len(FIGURES) + 4))

    def show(share: float, rows: int, model: str, system: Any) -> None:
        for name, notes in judged.items():
            metrics = evaluate(notes, system.analyze_batch([note.text for note in notes]))
            tell(f"| {share:.0%} | {rows:,} | {model} | {name} | " + " | ".join(figures(metrics)) + " |")

    show(0.0, 0, "rules", Sentinel.load())
    for share in SHARES:
        train = examples_of(build_corpus(replace(config, train_share=share)).train)
        truth = labels_of(train)
        counts = np.array([config.hard_weight if each.group in whole.hard else 1.0 for each in train])
        heads = fit_heads(
            encoder.embed([each.text for each in train]), truth, features[on_dev], dev_truth,
            penalties=config.penalties, min_positives=4, counts=counts,
        )  # fmt: skip
        words = TfidfScorer([each.text for each in train], truth, min_positives=4, counts=counts)
        for model, logits, learned in (("frozen", heads.logits(features), heads.learned), ("tfidf", words(texts), words.learned)):
            limits = {"critical_beta": config.critical_beta, "least_confidence": config.least_confidence}
            calibrated = calibrate_heads(logits[on_dev], dev_truth, learned, **limits)
            layer = TransformerLayer(looked_up(texts, logits), calibrated)
            show(share, len(train), f"{model} alone", LayerAlone(layer))
            show(share, len(train), f"{model} + rules", Sentinel.load(classifier=layer))


if __name__ == "__main__":
    main(sys.argv[1:])
