"""Flat tables that expectations can speak about, read a line at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import require
from bh_lib._jsonl import read_jsonl
from bh_lib.checks.source import is_database, read_events
from bh_lib.errors import InputError
from bh_lib.schema._formats import is_uuid
from bh_lib.schema.note import LabelledNote, read_notes
from bh_lib.schema.validate import VERSIONS, is_valid_event

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["events_frame", "notes_frame", "predictions_frame"]

# Block of the event -> its fields and the columns that they become. "" is the event itself.
_EVENT_COLUMNS: Final[dict[tuple[str, ...], dict[str, str]]] = {
    (): {
        "event_id": "event_id",
        "timestamp": "timestamp",
        "schema_version": "schema_version",
        "purpose_of_use": "purpose_of_use",
    },
    ("service",): {"name": "service"},
    ("actor",): {"subject_id": "actor_id", "subject_type": "actor_type", "org_id": "actor_org", "owner_org_id": "owner_org"},
    ("action",): {"name": "action_name"},
    ("resource",): {"id": "resource_id"},
    ("outcome",): {"status": "status", "error_type": "error_type", "error_message": "error_message"},
    ("http",): {"route_template": "route_template"},
    ("consent",): {"basis": "consent_basis"},
    ("emergency",): {"review_due_at": "review_due_at"},
    ("attribution",): {"level": "attribution"},
    ("integrity",): {
        "chain_id": "chain_id",
        "seq": "seq",
        "event_hash": "event_hash",
        "prev_event_hash": "prev_event_hash",
    },
}
_EACH_ITS_OWN: Final = frozenset({"event_id", "timestamp", "seq", "event_hash", "prev_event_hash"})
"""Columns where hardly a value stands twice. In all others a million rows share a few thousand strings."""
_CHUNK: Final = 20_000
"""Events that are held as objects at a time."""


def _at(event: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = event
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return None if isinstance(value, dict | list) else value


def _is_part2(event: Mapping[str, Any]) -> bool:
    resource = event.get("resource")
    labels = resource.get("sensitivity") if isinstance(resource, dict) else None
    return isinstance(labels, list) and "42CFRPart2" in labels


def _table(columns: dict[str, list[Any]], path: str | os.PathLike[str], what: str) -> pd.DataFrame:
    if not next(iter(columns.values())):
        raise InputError(f"holds no {what}: at least one is needed", path=str(path))
    frame: pd.DataFrame = require("pandas", extra="lab").DataFrame(columns)
    return frame


def _chunk(events: Sequence[tuple[str, Mapping[str, Any]]], seen: dict[str, str]) -> dict[str, list[Any]]:
    # An id that is not a UUID may be anything, a record number even: such an event is named by its place.
    names = ((event.get("event_id"), place) for place, event in events)
    columns: dict[str, list[Any]] = {"row": [name if isinstance(name, str) and is_uuid(name) else place for name, place in names]}
    for where, fields in _EVENT_COLUMNS.items():
        blocks: list[Any] = [event for _, event in events]
        for key in where:
            blocks = [block.get(key) if isinstance(block, dict) else None for block in blocks]
        for field, column in fields.items():
            cells = [block.get(field) if isinstance(block, dict) else None for block in blocks]
            shared = seen if column not in _EACH_ITS_OWN else {}
            columns[column] = [
                shared.setdefault(cell, cell) if isinstance(cell, str) else None if isinstance(cell, dict | list) else cell
                for cell in cells
            ]
    columns["holds_schema"] = [_holds_schema(event) for _, event in events]
    columns["is_part2"] = [_is_part2(event) for _, event in events]
    return columns


def events_frame(path: str | os.PathLike[str], table: str = "audit_event", chain: str = "main") -> pd.DataFrame:
    """One row an event, for `suites.events_suite`.

    Beside the fields of the event: ``row`` (its id, or its place where the id is none), ``holds_schema`` (valid at its own
    version), ``is_part2``, ``is_cross_org``, ``behind_seconds`` (how far its clock runs behind an earlier event of its chain)
    and ``beat_gap`` (of a heartbeat: how long after the one before it, in its service's usual intervals).

    Raises
    ------
    InputError
        If the file can't be read, a line is not a JSON object, or there is no event.
    """
    pd = require("pandas", extra="lab")
    events, seen, chunks = read_events(path, table, chain), dict[str, str](), []
    while held := list(islice(events, _CHUNK)):
        chunks.append(pd.DataFrame(_chunk(held, seen), dtype=object))
    if not chunks:
        # A URL may hold a password.
        raise InputError("holds no event: at least one is needed", path=table if is_database(path) else str(path))
    frame: Any = pd.concat(chunks, ignore_index=True)
    frame["occurred_at"] = pd.to_datetime(frame["timestamp"], utc=True, errors="coerce", format="ISO8601")
    frame["is_cross_org"] = frame["owner_org"].notna() & (frame["owner_org"] != frame["actor_org"])
    latest = frame.groupby("chain_id", dropna=False)["occurred_at"].cummax()
    frame["behind_seconds"] = (latest - frame["occurred_at"]).dt.total_seconds()
    beats = frame[frame["action_name"].astype(str).str.contains("heartbeat")].sort_values("occurred_at", kind="stable")
    gaps = beats.groupby("service", dropna=False)["occurred_at"].diff().dt.total_seconds()
    usual = gaps.groupby(beats["service"], dropna=False).transform("median")
    frame["beat_gap"] = gaps / usual.where(usual > 0)
    # What no expectation asks for is not carried on: Great Expectations hashes every cell, several times.
    frame.drop(columns=["timestamp", "action_name", "service", "actor_org", "owner_org"], inplace=True)
    return frame


def _holds_schema(event: Mapping[str, Any]) -> bool:
    version = event.get("schema_version")
    return version in VERSIONS and is_valid_event(event, version)


def _note_row(note: LabelledNote, split: str | None) -> dict[str, Any]:
    # Two notes that differ only in case and spacing are one note twice.
    digest = hashlib.sha256(" ".join(note.text.casefold().split()).encode("utf-8", "surrogatepass")).hexdigest()
    return {
        "note_id": note.note_id,
        "text": note.text,
        "length": len(note.text),
        "digest": digest,
        "flags": None if note.flags is None else " ".join(note.flags),
        "c_ssrs_level": note.c_ssrs_level,
        "register": note.register,
        "group": note.group,
        "split": split,
    }


def notes_frame(path: str | os.PathLike[str], splits: Mapping[str, str] | None = None) -> pd.DataFrame:
    """One row a labelled note; `splits` maps a note id to train, dev or test.

    Raises
    ------
    InputError
        If a line is not a labelled note: labels outside the taxonomy and spans outside the text are refused here.
    """
    rows = [_note_row(note, (splits or {}).get(note.note_id)) for note in read_notes(path)]
    # A foreign note's id may be a record number: a note is named by its place.
    columns = {"row": [f"note {number}" for number in range(1, len(rows) + 1)]}
    columns |= {name: [row[name] for row in rows] for name in _note_row(LabelledNote("-", ""), None)}
    return _table(columns, path, "note")


def predictions_frame(path: str | os.PathLike[str]) -> pd.DataFrame:
    """One row an analysis, as `bh sentinel analyze` writes them."""
    numbered = list(read_jsonl(path))
    rows = [analysis for _, analysis in numbered]
    columns: dict[str, list[Any]] = {
        "row": [f"line {number}" for number, _ in numbered],
        "note_id": [row.get("id") for row in rows],
        "has_text": ["text" in row for row in rows],
        "taxonomy_version": [row.get("taxonomy_version") for row in rows],
        "ideation_level": [_at(row, ("c_ssrs", "ideation_level")) for row in rows],
        "triage": [_at(row, ("c_ssrs", "triage")) for row in rows],
        "max_severity": [_at(row, ("summary", "max_severity")) for row in rows],
        "immediate_review": [_at(row, ("summary", "immediate_review")) for row in rows],
        "pattern_status": [_at(row, ("status", "pattern")) for row in rows],
    }
    return _table(columns, path, "analysis")
