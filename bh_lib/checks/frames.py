"""Flat tables that expectations can speak about, read a line at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import require
from bh_lib._jsonl import read_jsonl
from bh_lib.errors import InputError
from bh_lib.schema.note import LabelledNote, read_notes
from bh_lib.schema.validate import VERSIONS, is_valid_event

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["events_frame", "notes_frame", "predictions_frame"]

# Column of the table -> path in the event.
_EVENT_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "event_id": ("event_id",),
    "timestamp": ("timestamp",),
    "schema_version": ("schema_version",),
    "service": ("service", "name"),
    "actor_id": ("actor", "subject_id"),
    "actor_type": ("actor", "subject_type"),
    "actor_org": ("actor", "org_id"),
    "owner_org": ("actor", "owner_org_id"),
    "action": ("action", "type"),
    "phi_touched": ("action", "phi_touched"),
    "resource_type": ("resource", "type"),
    "resource_id": ("resource", "id"),
    "patient_id": ("resource", "patient_id"),
    "status": ("outcome", "status"),
    "error_type": ("outcome", "error_type"),
    "error_message": ("outcome", "error_message"),
    "route_template": ("http", "route_template"),
    "purpose_of_use": ("purpose_of_use",),
    "consent_basis": ("consent", "basis"),
    "recipient_type": ("disclosure", "recipient", "type"),
    "notice_sent": ("disclosure", "notice_sent"),
    "approved_by": ("emergency", "approved_by"),
    "review_due_at": ("emergency", "review_due_at"),
    "attribution": ("attribution", "level"),
    "chain_id": ("integrity", "chain_id"),
    "seq": ("integrity", "seq"),
    "event_hash": ("integrity", "event_hash"),
    "prev_event_hash": ("integrity", "prev_event_hash"),
}


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


def _events(path: str | os.PathLike[str]) -> Iterable[Mapping[str, Any]]:
    if Path(path).suffix == ".parquet":
        raise InputError("is Parquet; give the log as JSONL", path=str(path))
    for _, event in read_jsonl(path):
        yield event


def events_frame(path: str | os.PathLike[str]) -> pd.DataFrame:
    """One row an event: the columns above, ``holds_schema`` (valid at its own version), ``is_part2`` and ``is_cross_org``.

    Raises
    ------
    InputError
        If the file can't be read, a line is not a JSON object, or there is no event.
    """
    columns: dict[str, list[Any]] = {name: [] for name in (*_EVENT_COLUMNS, "holds_schema", "is_part2")}
    for event in _events(path):
        for name, where in _EVENT_COLUMNS.items():
            columns[name].append(_at(event, where))
        columns["holds_schema"].append(_holds_schema(event))
        columns["is_part2"].append(_is_part2(event))
    frame = _table(columns, path, "event")
    frame["occurred_at"] = require("pandas", extra="lab").to_datetime(
        frame["timestamp"], utc=True, errors="coerce", format="ISO8601"
    )
    frame["is_cross_org"] = frame["owner_org"].notna() & (frame["owner_org"] != frame["actor_org"])
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
    columns = {name: [row[name] for row in rows] for name in _note_row(LabelledNote("-", ""), None)}
    return _table(columns, path, "note")


def predictions_frame(path: str | os.PathLike[str]) -> pd.DataFrame:
    """One row an analysis, as `bh sentinel analyze` writes them."""
    rows = [analysis for _, analysis in read_jsonl(path)]
    columns: dict[str, list[Any]] = {
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
