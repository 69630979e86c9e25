"""The labelled note: what the corpus writes, evaluation reads, and a clinician's review saves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bh_lib._jsonl import read_jsonl, write_jsonl
from bh_lib.errors import InputError
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["LONGEST_TEXT", "LabelledNote", "Span", "parse_note", "read_notes", "write_notes"]

LONGEST_TEXT: Final = 1_000_000
"""Characters; a longer text is refused wherever one is read."""


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled mention: Python string indices into the note's text, end exclusive."""

    flag_id: str
    start: int
    end: int
    assertion: Assertion = Assertion.PRESENT
    temporality: Temporality = Temporality.UNKNOWN
    experiencer: Experiencer = Experiencer.PATIENT

    def to_dict(self) -> dict[str, Any]:
        """As in ``schema/labelled_note``."""
        return {
            "flag_id": self.flag_id,
            "start": self.start,
            "end": self.end,
            "assertion": self.assertion.value,
            "temporality": self.temporality.value,
            "experiencer": self.experiencer.value,
        }


@dataclass(frozen=True, slots=True)
class LabelledNote:
    """A note and what is known of it. ``None`` means not labelled, which is not the same as labelled with nothing.

    Attributes
    ----------
    note_id : str
        ``id`` in JSON.
    text : str
    flags : tuple of str or None
        The flags that are present in the patient.
    spans : tuple of Span or None
        Every mention, with those that are negated, historical or somebody else's.
    c_ssrs_level : int or None
        0 none, 1-5 ideation items, 6 any suicidal behavior.
    any_signal : bool or None
        A label of the whole note, for corpora that say no more than that there is one.
    register : str or None
        Kind of text: ``intake_note``, ``text_message``, …
    group : str or None
        Seed family: a split keeps a family together.
    """

    note_id: str
    text: str
    flags: tuple[str, ...] | None = None
    spans: tuple[Span, ...] | None = None
    c_ssrs_level: int | None = None
    any_signal: bool | None = None
    register: str | None = None
    group: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in ``schema/labelled_note``; what is not labelled is left out."""
        row: dict[str, Any] = {"id": self.note_id, "text": self.text}
        if self.flags is not None:
            row["flags"] = list(self.flags)
        if self.spans is not None:
            row["spans"] = [span.to_dict() for span in self.spans]
        for key in ("c_ssrs_level", "any_signal", "register", "group"):
            if getattr(self, key) is not None:
                row[key] = getattr(self, key)
        return row


_KEYS = {"id", "text", "flags", "spans", "c_ssrs_level", "any_signal", "register", "group"}


def _span(row: object, length: int) -> Span:
    if not isinstance(row, dict) or set(row) - {"flag_id", "start", "end", "assertion", "temporality", "experiencer"}:
        raise InputError("/spans: each is an object of flag_id, start, end, assertion, temporality, experiencer")
    start, end = row.get("start"), row.get("end")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= length:
        raise InputError("/spans: start and end are integers, and 0 <= start < end <= length of the text")
    if row.get("flag_id") not in load_taxonomy():
        raise InputError("/spans: flag_id must be one of schema/flags.toml")
    try:
        return Span(
            row["flag_id"],
            start,
            end,
            Assertion(row.get("assertion", "present")),
            Temporality(row.get("temporality", "unknown")),
            Experiencer(row.get("experiencer", "patient")),
        )
    except ValueError:
        raise InputError("/spans: assertion, temporality and experiencer must be values of the schema") from None


def parse_note(row: Mapping[str, Any]) -> LabelledNote:
    """Read one labelled note.

    Raises
    ------
    InputError
        If a field is unknown, missing, of the wrong type or out of range; it names the field, never the value.

    Examples
    --------
    >>> parse_note({"id": "n1", "text": "Denies SI.", "flags": []}).flags
    ()
    >>> parse_note({"id": "n1", "text": "x", "flags": ["SH-999"]})
    Traceback (most recent call last):
    ...
    bh_lib.errors.InputError: /flags: a list of flag ids of schema/flags.toml
    """
    if set(row) - _KEYS:
        raise InputError(f"unknown field: a labelled note has {', '.join(sorted(_KEYS))}")
    note_id, text = row.get("id"), row.get("text")
    if not isinstance(note_id, str) or not note_id or not isinstance(text, str):
        raise InputError("/id and /text are needed, both strings, and /id not empty")
    if len(text) > LONGEST_TEXT:
        raise InputError(f"/text: at most {LONGEST_TEXT:,} characters: split it")
    flags, spans, level = row.get("flags"), row.get("spans"), row.get("c_ssrs_level")
    if flags is not None and not (isinstance(flags, list) and all(isinstance(f, str) and f in load_taxonomy() for f in flags)):
        raise InputError("/flags: a list of flag ids of schema/flags.toml")
    if spans is not None and not isinstance(spans, list):
        raise InputError("/spans: a list")
    if level is not None and (type(level) is not int or not 0 <= level <= 6):
        raise InputError("/c_ssrs_level: an integer from 0 to 6")
    if not isinstance(row.get("any_signal", False), bool):
        raise InputError("/any_signal: true or false")
    if not all(isinstance(row.get(key, ""), str) for key in ("register", "group")):
        raise InputError("/register and /group: strings")
    return LabelledNote(
        note_id,
        text,
        flags=None if flags is None else tuple(dict.fromkeys(flags)),
        spans=None if spans is None else tuple(_span(span, len(text)) for span in spans),
        c_ssrs_level=level,
        any_signal=row.get("any_signal"),
        register=row.get("register"),
        group=row.get("group"),
    )


def read_notes(path: str | os.PathLike[str]) -> Iterator[LabelledNote]:
    """Read labelled notes from JSONL, one at a time; a fault is named by file, line and field."""
    for number, row in read_jsonl(path):
        try:
            note = parse_note(row)
        except InputError as error:
            raise InputError(str(error), path=str(path), place=f"line {number}") from None
        yield note


def write_notes(path: str | os.PathLike[str], notes: Iterable[LabelledNote]) -> int:
    """Write labelled notes as JSONL, whole or not at all; returns how many."""
    return write_jsonl(path, (note.to_dict() for note in notes))
