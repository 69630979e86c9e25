"""An audit log as a lazy table: JSONL or Parquet, read as far as a question needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bh_lib._extras import require
from bh_lib.errors import InputError

if TYPE_CHECKING:
    import polars as pl
    from polars import LazyFrame

__all__ = ["COLUMNS", "readable", "scan_context", "scan_log", "within"]

COLUMNS: dict[str, tuple[str, ...]] = {
    "event_id": ("event_id",),
    "timestamp": ("timestamp",),
    "service": ("service", "name"),
    "session": ("correlation", "session_id"),
    "actor": ("actor", "subject_id"),
    "actor_type": ("actor", "subject_type"),
    "org": ("actor", "org_id"),
    "owner_org": ("actor", "owner_org_id"),
    "roles": ("actor", "roles"),
    "authorizing": ("delegation", "authorizing", "subject_id"),
    "attribution": ("attribution", "level"),
    "action": ("action", "type"),
    "action_name": ("action", "name"),
    "resource": ("resource", "type"),
    "resource_id": ("resource", "id"),
    "patient": ("resource", "patient_id"),
    "sensitivity": ("resource", "sensitivity"),
    "purpose": ("purpose_of_use",),
    "consent_id": ("consent", "id"),
    "basis": ("consent", "basis"),
    "signed_at": ("consent", "signed_at"),
    "expires_at": ("consent", "expires_at"),
    "revoked_at": ("consent", "revoked_at"),
    "recipient": ("disclosure", "recipient", "id"),
    "recipient_type": ("disclosure", "recipient", "type"),
    "description_code": ("disclosure", "description_code"),
    "notice_sent": ("disclosure", "notice_sent"),
    "emergency": ("emergency", "nature_code"),
    "approved_by": ("emergency", "approved_by"),
    "review_due_at": ("emergency", "review_due_at"),
    "client_ip": ("http", "client_ip"),
    "status": ("outcome", "status"),
    "reason": ("outcome", "error_type"),
}
"""Column of the table → path in the event. A log of an older version has nulls where it has no such field."""

_LISTS, _BOOLEANS = {"roles", "sensitivity"}, {"notice_sent"}
_TIMES = ("signed_at", "expires_at", "revoked_at", "review_due_at")
_CONTEXT = (
    *("kind", "id", "patient_id", "staff_id", "program_id", "org_id", "role", "start", "end"),
    *("area_id", "surname_group", "household_id", "employee_id", "network", "basis"),
)


def _polars() -> Any:
    return require("polars", extra="lab")


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Say which file is unusable, and never what stands in it: Polars' own messages quote values."""
    pl = _polars()
    try:
        yield
    except (pl.exceptions.PolarsError, OSError):
        raise InputError("is not an audit log: JSONL or Parquet, an event a row", path=path) from None


def _tree() -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, path in COLUMNS.items():
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = name
    return tree


def _type(pl: Any, node: Any) -> Any:
    if isinstance(node, dict):
        return pl.Struct({name: _type(pl, inner) for name, inner in node.items()})
    return pl.List(pl.String) if node in _LISTS else pl.Boolean if node in _BOOLEANS else pl.String


def _held(pl: Any, kind: Any, path: tuple[str, ...]) -> bool:
    for part in path:
        if not isinstance(kind, pl.Struct):
            return False
        kind = {field.name: field.dtype for field in kind.fields}.get(part)
    return kind is not None


def scan_log(path: str | os.PathLike[str]) -> pl.LazyFrame:
    """Open a log as a lazy table with the columns of `COLUMNS`, and ``at``, the timestamp as UTC datetime.

    Parameters
    ----------
    path : path
        ``*.parquet``, with the event's nested blocks as structs; anything else is read as JSONL.

    Raises
    ------
    InputError
        If there is no such file. What is wrong inside it shows when the table is collected: see `readable`.
    MissingExtraError
        Without Polars (the ``lab`` extra).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> line = '{"event_id":"e1","timestamp":"2026-01-05T08:00:00Z","actor":{"subject_id":"usr-1"}}'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = pathlib.Path(folder) / "a.jsonl"
    ...     _ = log.write_text(line)
    ...     scan_log(log).select("actor", "patient").collect().rows()
    [('usr-1', None)]
    """
    pl, file = _polars(), Path(path)
    if not file.is_file():
        raise InputError("no such file", path=str(path))
    if file.suffix == ".parquet":
        frame = pl.scan_parquet(file)
    else:
        frame = pl.scan_ndjson(file, schema={name: _type(pl, node) for name, node in _tree().items()})
    with readable(str(path)):
        schema = frame.collect_schema()
    columns = []
    for name, (top, *rest) in COLUMNS.items():
        if top not in schema or not _held(pl, schema[top], tuple(rest)):
            columns.append(pl.lit(None, dtype=_type(pl, name)).alias(name))
            continue
        column = pl.col(top)
        for part in rest:
            column = column.struct.field(part)
        columns.append(column.alias(name))
    table: LazyFrame = frame.select(columns).with_columns(
        pl.col("timestamp").str.to_datetime(time_zone="UTC", strict=False).alias("at"),
        *(pl.col(name).str.to_datetime(time_zone="UTC", strict=False) for name in _TIMES),
    )
    return table


def scan_context(path: str | os.PathLike[str]) -> pl.LazyFrame:
    """Open a context file, a fact a line: what the simulator writes, or an export of schedule and roster in its form.

    Columns: kind, id, patient_id, staff_id, program_id, org_id, role, start, end (datetimes), area_id, surname_group,
    household_id, employee_id, network, basis, vip; null where a fact has no such thing.
    """
    pl, file = _polars(), Path(path)
    if not file.is_file():
        raise InputError("no such file", path=str(path))
    frame = pl.scan_ndjson(file, schema={**dict.fromkeys(_CONTEXT, pl.String), "vip": pl.Boolean})
    facts: LazyFrame = frame.with_columns(pl.col("start", "end").str.to_datetime(time_zone="UTC", strict=False))
    return facts


def within(frame: pl.LazyFrame, since: str | datetime | None, until: str | datetime | None) -> pl.LazyFrame:
    """The events at or after ``since`` and before ``until``: datetimes, or RFC 3339 (a date alone is its midnight, UTC).

    Raises
    ------
    InputError
        If a time can't be read.
    """
    pl = _polars()
    for name, value in (("since", since), ("until", until)):
        if value is None:
            continue
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            raise InputError("is a date or a time: 2026-01-31, or 2026-01-31T08:00:00Z", place=name) from None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        frame = frame.filter(pl.col("at") >= moment if name == "since" else pl.col("at") < moment)
    return frame
