"""Judgements on disk: one note a line beside the labelled notes, without the notes' text; read back whole or refused by line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bh_lib._jsonl import read_jsonl, write_jsonl
from bh_lib.errors import InputError
from bh_lib.evaluate.feedback.judgement import Claim, Mark, NoteReview, Reason, Verdict
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["Stored", "judgements_path", "read_judgements", "write_judgements"]

Stored = tuple[NoteReview, str]
"""A note's judgements, and the digest of the text that was judged."""


def judgements_path(path: str | os.PathLike[str]) -> Path:
    """Where the judgements of a file of labelled notes are kept.

    Examples
    --------
    >>> judgements_path("mine/reviewed.jsonl").name
    'reviewed.judgements.jsonl'
    """
    return Path(path).with_suffix(".judgements.jsonl")


def _claim_row(claim: Claim) -> dict[str, str]:
    return {
        "flag_id": claim.flag_id,
        "assertion": claim.assertion.value,
        "temporality": claim.temporality.value,
        "experiencer": claim.experiencer.value,
    }


def _mark_row(mark: Mark) -> dict[str, Any]:
    row: dict[str, Any] = {
        "verdict": mark.verdict.value,
        "claim": _claim_row(mark.claim),
        "places": [list(place) for place in mark.places],
    }
    if mark.proposed is not None:
        row["proposed"] = _claim_row(mark.proposed)
    for key in ("held_back", "reason", "comment", "basis"):
        if getattr(mark, key):
            row[key] = str(getattr(mark, key))
    return row


def _claim(row: Mapping[str, str]) -> Claim:
    if row["flag_id"] not in load_taxonomy():
        raise ValueError
    return Claim(row["flag_id"], Assertion(row["assertion"]), Temporality(row["temporality"]), Experiencer(row["experiencer"]))


def _mark(row: Mapping[str, Any], length: int) -> Mark:
    places = tuple((start, end) for start, end in row["places"])
    if not all(type(start) is type(end) is int and 0 <= start < end <= length for start, end in places):
        raise ValueError
    proposed, reason = row.get("proposed"), row.get("reason")
    return Mark(
        _claim(row["claim"]),
        places,
        None if proposed is None else _claim(proposed),
        row.get("held_back"),
        row.get("basis", ""),
        Verdict(row["verdict"]),
        None if reason is None else Reason(reason),
        row.get("comment", ""),
    )


def write_judgements(path: str | os.PathLike[str], stored: Iterable[Stored]) -> int:
    """Write judgements, whole or not at all; returns how many notes."""
    return write_jsonl(
        path,
        (
            {
                "id": state.note_id,
                "text_digest": digest,
                "length": state.length,
                "done": state.done,
                "marks": [_mark_row(mark) for mark in state.marks],
            }
            for state, digest in stored
        ),
    )


def read_judgements(path: str | os.PathLike[str]) -> dict[str, Stored]:
    """Read judgements back, by note.

    Raises
    ------
    InputError
        If the file can't be read, or a line isn't what a review wrote; it names the line, never what stands there.
    """
    found: dict[str, Stored] = {}
    for number, row in read_jsonl(path):
        try:
            length = int(row["length"])
            marks = tuple(_mark(mark, length) for mark in row["marks"])
            state, digest = NoteReview(str(row["id"]), length, marks, row["done"] is True), str(row["text_digest"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError(
                "isn't the judgements of a note, as a review writes them", path=str(path), place=f"line {number}"
            ) from None
        found[state.note_id] = (state, digest)
    return found
