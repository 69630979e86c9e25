"""Evaluate a system on a file of labelled notes, one's own or a foreign one, in one call."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from bh_lib._jsonl import read_jsonl, write_json
from bh_lib.errors import InputError
from bh_lib.evaluate.metrics import Metrics, corpus_digest, evaluate_outcomes
from bh_lib.evaluate.mistakes import write_mistakes
from bh_lib.evaluate.outcome import pair
from bh_lib.evaluate.report import write_report
from bh_lib.schema.note import LabelledNote, parse_note

__all__ = ["Analyzer", "evaluate_file", "evaluate_notes", "read_labelled"]

_FIELDS: Final = frozenset({"id", "text", "flags", "spans", "c_ssrs_level", "any_signal", "register", "group"})
_BATCH: Final = 256


class Analyzer(Protocol):
    """What is judged: anything with the sentinel's ``analyze_batch``."""

    def analyze_batch(self, texts: Sequence[str]) -> Sequence[Any]:
        """One analysis a text, in order."""
        ...


def _note(row: Mapping[str, Any], number: int, fields: Mapping[str, str] | None) -> LabelledNote:
    if fields is None:
        return parse_note({"id": f"line {number}", **row})
    picked = {ours: row[theirs] for ours, theirs in fields.items() if theirs in row}
    picked.setdefault("id", f"line {number}")
    if isinstance(picked["id"], int):
        picked["id"] = str(picked["id"])
    if picked.get("any_signal") in (0, 1):
        picked["any_signal"] = bool(picked["any_signal"])
    return parse_note(picked)


def read_labelled(path: str | os.PathLike[str], fields: Mapping[str, str] | None = None) -> Iterator[LabelledNote]:
    """Read labelled notes from JSONL, one at a time.

    Parameters
    ----------
    path : path
    fields : mapping of our field to theirs, optional
        For a foreign file, such as ``{"text": "post", "any_signal": "suicidal"}``; what isn't named is not read, and
        ``text`` is ``text`` unless said otherwise. A row without an id is called by its line; 0 and 1 will do for ``any_signal``.

    Raises
    ------
    InputError
        If ``fields`` names a field that a labelled note hasn't, or a line is wrong; it names line and field, never the value.
    """
    if fields is not None:
        unknown = set(fields) - _FIELDS
        if unknown:
            raise InputError(f"fields can map {', '.join(sorted(_FIELDS))}")
        fields = {"id": "id", "text": "text", **fields}
    for number, row in read_jsonl(path):
        try:
            note = _note(row, number, fields)
        except InputError as error:
            raise InputError(error.rule, path=str(path), place=f"line {number}") from None
        yield note


def evaluate_notes(
    notes: Sequence[LabelledNote],
    sentinel: Analyzer,
    out_dir: str | os.PathLike[str] | None = None,
    *,
    title: str = "Evaluation",
) -> Metrics:
    """Analyze notes, score the answers, and write ``metrics.json``, ``report.html`` and ``errors.jsonl``.

    None of the three holds a note's text. Nothing is written where ``out_dir`` is None.

    Raises
    ------
    InputError
        If there is no note, or the folder can't be written.
    """
    if not notes:
        raise InputError("there is no note to evaluate")
    started = time.perf_counter()
    analyses: list[Any] = []
    for first in range(0, len(notes), _BATCH):
        analyses.extend(sentinel.analyze_batch([note.text for note in notes[first : first + _BATCH]]))
    seconds = time.perf_counter() - started
    outcomes = pair(notes, analyses)
    metrics = evaluate_outcomes(outcomes, corpus_digest(notes), seconds=seconds)
    if out_dir is not None:
        folder = Path(out_dir)
        write_json(folder / "metrics.json", metrics.to_dict())
        write_mistakes(folder / "errors.jsonl", outcomes)
        write_report(folder / "report.html", metrics, outcomes, title=title)
    return metrics


def evaluate_file(
    path: str | os.PathLike[str],
    sentinel: Analyzer,
    out_dir: str | os.PathLike[str] | None = None,
    fields: Mapping[str, str] | None = None,
) -> Metrics:
    """Evaluate a sentinel on a file of labelled notes; see `read_labelled` for ``fields`` and `evaluate_notes` for what is written.

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> class Silent:
    ...     def analyze_batch(self, texts):
    ...         return [{"flags": [], "c_ssrs": {"ideation_level": 0, "behavior": []}} for _ in texts]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "notes.jsonl"
    ...     _ = file.write_text(json.dumps({"post": "Wants to die.", "level": 1}))
    ...     metrics = evaluate_file(file, Silent(), folder, {"text": "post", "c_ssrs_level": "level"})
    ...     sorted(each.name for each in pathlib.Path(folder).iterdir())
    ['errors.jsonl', 'metrics.json', 'notes.jsonl', 'report.html']
    >>> metrics.any_signal["sensitivity"], metrics.per_flag is None
    (0.0, True)
    """
    return evaluate_notes(list(read_labelled(path, fields)), sentinel, out_dir, title=f"Evaluation on {Path(path).name}")
