"""Evaluate a system on a file of labelled notes, one's own or a foreign one, in one call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, Final, Protocol

from bh_lib._jsonl import write_json
from bh_lib.errors import InputError
from bh_lib.evaluate.decision import PREVALENCES
from bh_lib.evaluate.metrics import Metrics, corpus_digest, evaluate_outcomes
from bh_lib.evaluate.mistakes import write_mistakes
from bh_lib.evaluate.outcome import as_analysis, pair
from bh_lib.evaluate.report import write_report
from bh_lib.evaluate.robustness import robustness
from bh_lib.evaluate.scores import classifier_scores
from bh_lib.evaluate.table import TABLE_FIELDS, is_table, read_rows, table_note
from bh_lib.schema.note import LabelledNote, parse_note

__all__ = ["Analyzer", "evaluate_file", "evaluate_notes", "read_labelled"]

_FIELDS: Final = frozenset({"id", "text", "flags", "spans", "c_ssrs_level", "any_signal", "register", "group"})
_BATCH: Final = 256
_SAMPLE_SEED: Final = 7


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


def _columns(row: Mapping[str, Any]) -> dict[str, str]:
    """A table's columns by our names; one that we have no name for is refused by its place, as its name may be anybody's."""
    for number, name in enumerate(row, 1):
        if name not in TABLE_FIELDS:
            known = ", ".join(sorted(TABLE_FIELDS))
            raise InputError(
                f"column {number} is none of {known}: leave it out, or say which columns to read (--field OURS=THEIRS)"
            )
    return {name: name for name in row}


def read_labelled(path: str | os.PathLike[str], fields: Mapping[str, str] | None = None) -> Iterator[LabelledNote]:
    """Read labelled notes from JSONL, CSV or Parquet, one at a time; the file's name says which it is.

    Parameters
    ----------
    path : path
        In a table, ``flags`` are written ``SH-001;SH-002``: see `bh_lib.evaluate.table`.
    fields : mapping of our field to theirs, optional
        For a foreign file, such as ``{"text": "post", "any_signal": "suicidal"}``; what isn't named is not read, and
        ``text`` is ``text`` unless said otherwise. A row without an id is called by its line; 0 and 1 will do for ``any_signal``.

    Raises
    ------
    InputError
        If ``fields`` names a field that a labelled note hasn't, or a line is wrong; it names line and field, or row and column,
        never the value.
    """
    table = is_table(path)
    if fields is not None:
        known = TABLE_FIELDS if table else _FIELDS
        if set(fields) - known:
            raise InputError(f"fields can map {', '.join(sorted(known))}")
        fields = {"id": "id", "text": "text", **fields}
    place = "row" if table else "line"
    columns: Mapping[str, str] | None = fields
    for number, row in read_rows(path):
        try:
            if table:
                columns = columns or _columns(row)
                note = parse_note({"id": f"row {number}", **table_note(row, columns)})
            else:
                note = _note(row, number, fields)
        except InputError as error:
            raise InputError(error.rule, path=str(path), place=f"{place} {number}") from None
        yield note


def _one_by_one(system: Analyzer) -> Callable[[str], Any]:
    """What `robustness` asks: one text, and an answer with flags, whichever shape the system answers in."""

    def analyze(text: str) -> Any:
        flags = as_analysis(system.analyze_batch([text])[0])["flags"]
        return SimpleNamespace(flags=[SimpleNamespace(flag_id=flag["flag_id"]) for flag in flags])

    return analyze


def evaluate_notes(
    notes: Sequence[LabelledNote],
    sentinel: Analyzer,
    out_dir: str | os.PathLike[str] | None = None,
    *,
    title: str = "Evaluation",
    robust: int = 0,
    prevalences: Sequence[float] = PREVALENCES,
) -> Metrics:
    """Analyze notes, score the answers, and write ``metrics.json``, ``report.html`` and ``errors.jsonl``.

    None of the three holds a note's text. Nothing is written where ``out_dir`` is None.

    Parameters
    ----------
    notes : sequence of LabelledNote
    sentinel : Analyzer
        One with a ``classifier`` is also asked for its scores below the threshold, which the curves need.
    out_dir : path, optional
    title : str
        Of the report.
    robust : int
        How many notes, drawn at random, are also analyzed in each of the variants of `robustness`; it takes some fourteen times as
        long for them.
    prevalences : sequence of float
        For which PPV and NPV are told.

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
    outcomes = pair(notes, analyses, classifier_scores(sentinel, [note.text for note in notes]))
    metrics = evaluate_outcomes(outcomes, corpus_digest(notes), seconds=seconds, prevalences=prevalences)
    if robust:
        drawn = Random(_SAMPLE_SEED).sample(list(notes), min(robust, len(notes)))  # noqa: S311 - a sample, not a secret
        metrics = replace(metrics, robustness=robustness(_one_by_one(sentinel), [note.text for note in drawn]))
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
    *,
    robust: int = 0,
    prevalences: Sequence[float] = PREVALENCES,
) -> Metrics:
    """Evaluate a sentinel on a file of labelled notes; see `read_labelled` for ``fields`` and `evaluate_notes` for the rest.

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
    notes = list(read_labelled(path, fields))
    title = f"Evaluation on {Path(path).name}"
    return evaluate_notes(notes, sentinel, out_dir, title=title, robust=robust, prevalences=prevalences)
