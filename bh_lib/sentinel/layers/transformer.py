"""Layer 2: a trained sentence classifier from an exported folder, with onnxruntime and tokenizers and nothing more.

An exported folder holds ``manifest.json`` (the SHA-256 of every other file), ``model.onnx`` (token ids in, one logit a flag
out), ``tokenizer.json`` and ``heads.json`` (each flag's calibration and threshold). Nothing of it is code, and a folder whose
bytes are not what the manifest says is refused. The digests guard against damage and a swapped file; who may write the
manifest itself is for the file system's rights to say.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import require
from bh_lib._jsonl import read_json
from bh_lib.errors import InputError, IntegrityError
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.document import Document
from bh_lib.sentinel.mention import Mention

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FORMAT", "Head", "TransformerLayer", "read_manifest"]

FORMAT: Final = "bh-lib/sentence-classifier/1"
_BATCH: Final = 32
_KINDS: Final = frozenset({"onnx"})


@dataclass(frozen=True, slots=True)
class Head:
    """How one flag's logit becomes a confidence, and from where on it is raised.

    Attributes
    ----------
    slope, intercept : float
        ``confidence = 1 / (1 + exp(-(slope * logit + intercept)))`` (Platt, 1999).
    threshold : float or None
        Raised at this confidence or above; None for a flag that the model never learned, and so never raises.
    """

    flag_id: str
    slope: float = 1.0
    intercept: float = 0.0
    threshold: float | None = 0.5

    def confidence(self, logit: float) -> float:
        """Calibrated, 0-1.

        Examples
        --------
        >>> Head("SH-002").confidence(0.0), Head("SH-002", intercept=-800.0).confidence(0.0) < 1e-12
        (0.5, True)
        """
        return 1 / (1 + math.exp(-max(min(self.slope * logit + self.intercept, 40.0), -40.0)))


def read_manifest(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Read an exported folder's manifest, and hold every file against its digest.

    Raises
    ------
    InputError
        If the folder or its manifest is missing, of another format, or of another taxonomy.
    IntegrityError
        If a file is missing or its bytes are not those that were exported.
    """
    path = Path(folder)
    manifest = read_json(path / "manifest.json")
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or manifest.get("format") != FORMAT or not files:
        raise InputError(f"must be of the format {FORMAT}, with its files", path=str(path / "manifest.json"))
    if manifest.get("taxonomy_version") != load_taxonomy().version:
        rule = f"the model knows another taxonomy than {load_taxonomy().version}: export it again"
        raise InputError(rule, path=str(path / "manifest.json"))
    for name, expected in files.items():
        if Path(name).name != name:
            raise IntegrityError(f"{path / 'manifest.json'}: names a file outside of its folder")
        try:
            found = hashlib.sha256((path / name).read_bytes()).hexdigest()
        except OSError:
            raise IntegrityError(f"{path / name}: is missing, and the manifest names it") from None
        if found != expected:
            raise IntegrityError(f"{path / name}: its SHA-256 is not the one that the manifest gives: export it again")
    return dict(manifest)


def _heads(path: Path) -> tuple[tuple[Head, ...], dict[str, tuple[float, float]]]:
    data = read_json(path)
    try:
        heads = tuple(Head(row["flag_id"], float(row["slope"]), float(row["intercept"]), row["threshold"]) for row in data["heads"])
        curves = {str(layers): (float(slope), float(intercept)) for layers, (slope, intercept) in data.get("curves", {}).items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError("needs heads, each of flag_id, slope, intercept and threshold", path=str(path)) from None
    if tuple(head.flag_id for head in heads) != load_taxonomy().ids:
        raise InputError("needs one head a flag, in the order of schema/flags.toml", path=str(path))
    return heads, curves


def _onnx_scorer(folder: Path, manifest: Mapping[str, Any], threads: int) -> Callable[[Sequence[str]], NDArray[Any]]:
    np = require("numpy", extra="ml")
    ort = require("onnxruntime", extra="ml")
    tokenizers = require("tokenizers", extra="ml")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # Waiting threads sleep: spinning ones take the cores from whatever else the process does.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # its warnings may print tensor contents
    session = ort.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(manifest["max_tokens"]))

    def score(sentences: Sequence[str]) -> NDArray[Any]:
        encoded = tokenizer.encode_batch(list(sentences))
        order = sorted(range(len(encoded)), key=lambda place: len(encoded[place].ids))
        logits = np.zeros((len(encoded), len(load_taxonomy())), dtype=np.float32)
        for first in range(0, len(order), _BATCH):
            # Sentences of one length share a batch, so that hardly any padding is computed.
            places = order[first : first + _BATCH]
            width = len(encoded[places[-1]].ids)
            ids = np.zeros((len(places), width), dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, place in enumerate(places):
                tokens = encoded[place].ids
                ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
            logits[places] = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return logits  # type: ignore[no-any-return]

    return score


class TransformerLayer:
    """Raises flags by sentence, and by windows of neighboring sentences where the model was trained on them.

    Parameters
    ----------
    scorer : callable
        Sentences in, an array of logits out, shape (sentences, flags), flags in taxonomy order.
    heads : sequence of Head
        One a flag, in taxonomy order.
    window : int
        The longest window, in sentences.
    model : str
        The name that a mention's cue carries.
    curves : Mapping of str to tuple of float
        By the layers that raised a flag, such as ``pattern+transformer``: slope and intercept that turn the log odds of their joint
        confidence into how often they were right on the development split, with the pattern packs of that day.

    Examples
    --------
    >>> import numpy as np
    >>> from bh_lib.sentinel.document import read_document
    >>> from bh_lib.schema.taxonomy import load_taxonomy
    >>> def scorer(sentences):
    ...     return np.array([[9.0 if "die" in s and f.flag_id == "SH-001" else -9.0 for f in load_taxonomy()] for s in sentences])
    >>> layer = TransformerLayer(scorer, [Head(flag) for flag in load_taxonomy().ids])
    >>> [(m.flag_id, m.sentence, m.layer) for m in layer.mentions(read_document("Slept well. Wants to die."))]
    [('SH-001', 1, 'transformer')]
    """

    name: str = "transformer"

    def __init__(
        self,
        scorer: Callable[[Sequence[str]], NDArray[Any]],
        heads: Sequence[Head],
        *,
        window: int = 1,
        model: str = "model",
        curves: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        self._scorer, self._heads, self._window, self.model = scorer, tuple(heads), window, model
        self.curves = dict(curves or {})
        if tuple(head.flag_id for head in self._heads) != load_taxonomy().ids:
            raise InputError("a classifier needs one head a flag, in the order of schema/flags.toml")

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, threads: int = 2) -> TransformerLayer:
        """Load an exported folder, once every file is what its manifest says.

        Parameters
        ----------
        folder : path
        threads : int
            Cores that one call may use.

        Raises
        ------
        InputError, IntegrityError
            As `read_manifest`.
        MissingExtraError
            If onnxruntime or tokenizers is not installed.
        """
        path = Path(folder)
        manifest = read_manifest(path)
        if manifest.get("kind") not in _KINDS or not {"model.onnx", "tokenizer.json", "heads.json"} <= manifest["files"].keys():
            raise InputError("is no classifier that this layer can run", path=str(path / "manifest.json"))
        scorer = _onnx_scorer(path, manifest, threads)
        name = f"{manifest.get('name', 'model')}@{manifest['files']['model.onnx'][:12]}"
        heads, curves = _heads(path / "heads.json")
        return cls(scorer, heads, window=int(manifest.get("window", 1)), model=name, curves=curves)

    @property
    def heads(self) -> tuple[Head, ...]:
        """Calibration and threshold of each flag, in taxonomy order."""
        return self._heads

    def score(self, sentences: Sequence[str]) -> list[list[float]]:
        """Calibrated confidences, one list a sentence, flags in taxonomy order."""
        if not sentences:
            return []
        logits = self._scorer(sentences)
        return [[head.confidence(float(value)) for head, value in zip(self._heads, row, strict=True)] for row in logits]

    def mentions(self, document: Document) -> list[Mention]:
        """What the model raises, each with the span of its sentence or window.

        A wider window only adds what no sentence in it said alone.
        """
        sentences = document.sentences
        windows = [
            (first, first + size)
            for size in range(1, self._window + 1)
            for first in range(len(sentences) - size + 1)
            if sentences[first].block == sentences[first + size - 1].block
        ]
        scores = self.score([document.text[sentences[a].start : sentences[b - 1].end] for a, b in windows])
        found: list[Mention] = []
        said: dict[str, set[int]] = {}
        for (first, end), row in zip(windows, scores, strict=True):
            for head, confidence in zip(self._heads, row, strict=True):
                if head.threshold is None or confidence < head.threshold:
                    continue
                places = said.setdefault(head.flag_id, set())
                if end - first > 1 and places & set(range(first, end)):
                    continue
                places.update(range(first, end))
                start, stop = sentences[first].start, sentences[end - 1].end
                found.append(Mention(head.flag_id, start, stop, first, layer=self.name, confidence=confidence, cues=(self.model,)))
        return found
