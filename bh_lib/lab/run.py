"""One experiment from its config to its record: synthesize, check, train, calibrate, export, evaluate."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from bh_lib._extras import require
from bh_lib._jsonl import write_json
from bh_lib.evaluate import Metrics, corpus_digest, evaluate_notes
from bh_lib.evaluate.file import Analyzer
from bh_lib.lab.alone import LayerAlone
from bh_lib.lab.calibrate import calibrate_heads, fit_curves
from bh_lib.lab.config import ExperimentConfig, read_config
from bh_lib.lab.encoder import Encoder
from bh_lib.lab.examples import Example, examples_of, labels_of, pattern_examples
from bh_lib.lab.export import export_classifier
from bh_lib.lab.remember import RememberingLayer
from bh_lib.lab.train import LinearHeads, TfidfScorer, fit_heads
from bh_lib.lab.tune import tune_classifier
from bh_lib.schema.note import LabelledNote, write_notes
from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.layers.transformer import TransformerLayer
from bh_lib.synth.corpus import generate_notes, seed_examples
from bh_lib.synth.seeds import SeedKind, load_seeds

__all__ = ["Corpus", "ExperimentRun", "build_corpus", "run_experiment", "train_layer"]

Check = Callable[[Path, Mapping[str, str]], object]


@dataclass(frozen=True, slots=True)
class Corpus:
    """What an experiment learns from and is judged on; no seed family is in two of the three.

    Attributes
    ----------
    train, dev : tuple of LabelledNote
        Seeds, each as a note of its own, and composed notes of the same split.
    test : tuple of LabelledNote
        Composed notes: what a production note looks like.
    test_seeds : tuple of LabelledNote
        The seeds of the test split, one statement each.
    hard : frozenset of str
        Families of hard negatives.
    """

    train: tuple[LabelledNote, ...] = field(repr=False)
    dev: tuple[LabelledNote, ...] = field(repr=False)
    test: tuple[LabelledNote, ...] = field(repr=False)
    test_seeds: tuple[LabelledNote, ...] = field(repr=False)
    hard: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def digest(self) -> str:
        """Over all notes and labels."""
        return corpus_digest([*self.train, *self.dev, *self.test, *self.test_seeds])


@dataclass(frozen=True, slots=True)
class ExperimentRun:
    """What a run left behind.

    Attributes
    ----------
    config : ExperimentConfig
    folder : Path
        ``metrics.json``, ``report.html`` and ``errors.jsonl`` of each system and corpus, and the model's folder.
    metrics : Mapping of str to Metrics
        By ``<corpus>`` for the whole sentinel, and ``<corpus>-alone`` for its layer 2 by itself.
    model : Path or None
        The exported folder, for ``Sentinel.load(classifier=...)``.
    facts : Mapping
        Corpus digest, sizes, and seconds of each step.
    run_id : str or None
        In MLflow, where the run was tracked.
    """

    config: ExperimentConfig
    folder: Path
    metrics: Mapping[str, Metrics]
    model: Path | None
    facts: Mapping[str, Any]
    run_id: str | None = None


def _kept(notes: Iterable[LabelledNote], share: float, seed: int) -> tuple[LabelledNote, ...]:
    """The notes of a share of families; a larger share holds every family of a smaller one."""
    return tuple(note for note in notes if share >= 1 or Random(f"{seed}:{note.group}").random() < share)  # noqa: S311


def build_corpus(config: ExperimentConfig, seeds_dir: str | os.PathLike[str] | None = None) -> Corpus:
    """Read the seeds, and compose notes, split by seed family."""
    composed = {
        split: tuple(generate_notes(count, config.seed, split, seeds_dir)) if count else ()
        for split, count in (("train", config.train_notes), ("dev", config.dev_notes), ("test", config.test_notes))
    }
    shares = {"train": config.train_share, "dev": config.judge_share, "test": config.judge_share}
    seeds = {split: _kept(seed_examples(split, seeds_dir), share, config.seed) for split, share in shares.items()}
    return Corpus(
        (*seeds["train"], *composed["train"]),
        (*seeds["dev"], *composed["dev"]),
        composed["test"],
        seeds["test"],
        frozenset(seed.family for seed in load_seeds(seeds_dir).of(SeedKind.NEGATIVE)),
    )


def train_layer(
    config: ExperimentConfig,
    train: Sequence[Example],
    dev: Sequence[Example],
    out: Path,
    made: dict[str, Any],
    *,
    hard: Collection[str] = (),
    notes: Sequence[LabelledNote] = (),
) -> tuple[TransformerLayer, Path | None]:
    """Train layer 2, calibrate it and set its thresholds on dev; export it where its kind can be exported.

    Examples of the families in ``hard`` count ``config.hard_weight`` in training. On ``notes``, of the development split, it is
    measured how sure the sentinel may be of what its layers raise together.
    """
    np = require("numpy", extra="ml")
    counts = np.array([config.hard_weight if each.group in hard else 1.0 for each in train])
    limits = {"critical_beta": config.critical_beta, "least_confidence": config.least_confidence}
    truth, dev_truth = labels_of(train), labels_of(dev)
    texts, dev_texts = [each.text for each in train], [each.text for each in dev]
    if config.model == "tfidf":
        scorer = TfidfScorer(texts, truth, min_positives=config.min_positives, counts=counts)
        calibrated = calibrate_heads(scorer(dev_texts), dev_truth, scorer.learned, **limits)
        plain = RememberingLayer(scorer, calibrated, window=config.window, model=config.name)
        plain.curves = fit_curves(Sentinel.load(classifier=plain), notes)
        return plain, None
    heads: LinearHeads | None = None
    if config.model == "tuned":
        encoder = tune_classifier(
            texts,
            truth,
            counts,
            encoder=config.encoder,
            layers=config.encoder_layers,
            tuned_layers=config.tuned_layers,
            epochs=config.epochs,
            rate=config.rate,
            max_tokens=config.max_tokens,
            int8=config.int8,
            seed=config.seed,
        )
        unseen, learned = encoder.embed(dev_texts), truth.sum(axis=0) >= config.min_positives
    else:
        encoder = Encoder.prepare(config.encoder, layers=config.encoder_layers, int8=config.int8, max_tokens=config.max_tokens)
        features = encoder.embed([*texts, *dev_texts])
        seen, unseen = features[: len(texts)], features[len(texts) :]
        fewest = config.min_positives
        heads = fit_heads(seen, truth, unseen, dev_truth, penalties=config.penalties, min_positives=fewest, counts=counts)
        learned = heads.learned
    logits_of = (lambda given: given) if heads is None else heads.logits
    calibrated = calibrate_heads(logits_of(unseen), dev_truth, learned, **limits)
    known = dict(zip(dev_texts, unseen, strict=True))

    def recall(sentences: Sequence[str]) -> Any:
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in known]
        if new:
            known.update(zip(new, encoder.features(new), strict=True))
        return logits_of(np.stack([known[sentence] for sentence in sentences]))

    curves = fit_curves(Sentinel.load(classifier=TransformerLayer(recall, calibrated, window=config.window)), notes)
    export_classifier(out, encoder, heads, calibrated, name=config.name, window=config.window, curves=curves, made=made)
    return RememberingLayer.load(out), out


def _checked(corpus: Corpus, folder: Path, check: Check) -> None:
    """What is trained on and what is tested on go through the same gate, with the split of each note known to it."""
    parts = {"train": corpus.train, "dev": corpus.dev, "test": corpus.test_seeds}
    splits = {note.note_id: split for split, notes in parts.items() for note in notes}
    path = folder / "checked.jsonl"
    write_notes(path, [note for notes in parts.values() for note in notes])
    check(path, splits)


def _systems(layer: TransformerLayer | None) -> dict[str, Analyzer]:
    if layer is None:
        return {"": Sentinel.load()}
    return {"": Sentinel.load(classifier=layer), "-alone": LayerAlone(layer)}


def run_experiment(
    config: ExperimentConfig | str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    seeds_dir: str | os.PathLike[str] | None = None,
    corpora: Mapping[str, Sequence[LabelledNote]] | None = None,
    check: Check | None = None,
    track: bool = True,
) -> ExperimentRun:
    """Run one experiment.

    Parameters
    ----------
    config : ExperimentConfig or path
        Settings, or an experiment's folder.
    out_dir : path
        Everything goes under it: ``<name>/`` for this run, ``mlflow.db`` and ``mlartifacts/`` for the records of all.
    seeds_dir : path, optional
        Another seed corpus than the installed one.
    corpora : mapping, optional
        Further labelled notes to be judged on, by name: never trained or tuned on.
    check : callable, optional
        Given the notes' file and each note's split, before anything is trained; it raises `GateError` to stop the run.
    track : bool
        Whether to record the run in MLflow.

    Raises
    ------
    ConfigError
        If the config is wrong.
    GateError
        If ``check`` refuses the notes.
    """
    config = config if isinstance(config, ExperimentConfig) else read_config(config)
    folder = Path(out_dir) / config.name
    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def lap(step: str) -> None:
        nonlocal started
        seconds[step], started = round(time.perf_counter() - started, 2), time.perf_counter()

    corpus = build_corpus(config, seeds_dir)
    lap("synth")
    if check is not None:
        _checked(corpus, folder, check)
        lap("check")
    layer, model = None, None
    digest = corpus.digest
    facts: dict[str, Any] = {"corpus_digest": digest, "test_notes": len(corpus.test), "test_seeds": len(corpus.test_seeds)}
    if config.model != "none":
        train, dev = examples_of(corpus.train, config.window), examples_of(corpus.dev, config.window)
        train += pattern_examples() if config.pattern_examples else []
        made = {
            "corpus_digest": digest,
            "config": hashlib.sha256(json.dumps(config.to_dict()).encode()).hexdigest(),
            "seed": config.seed,
        }
        layer, model = train_layer(config, train, dev, folder / "model", made, hard=corpus.hard, notes=corpus.dev)
        facts |= {"train_examples": len(train), "dev_examples": len(dev)}
        lap("train")
    judged: dict[str, Sequence[LabelledNote]] = {"test": corpus.test, "test-seeds": corpus.test_seeds, **(corpora or {})}
    metrics = {
        f"{name}{system}": evaluate_notes(
            list(notes), analyzer, folder / f"{name}{system}", title=f"{config.name} on {name}{system}"
        )
        for system, analyzer in _systems(layer).items()
        for name, notes in judged.items()
        if notes
    }
    lap("evaluate")
    facts["seconds"] = seconds
    write_json(folder / "facts.json", {**facts, "config": config.to_dict()})
    run = ExperimentRun(config, folder, metrics, model, facts)
    if track:
        from bh_lib.lab.track import record_run

        run = record_run(run, out_dir)
    return run
