"""Where the events to check stand: JSONL, Parquet, or the table of a SQL sink (SQLite, PostgreSQL); read, never written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bh_lib._extras import require
from bh_lib._jsonl import read_jsonl
from bh_lib.emitters.sinks.sql import SqlSink
from bh_lib.errors import InputError

__all__ = ["is_database", "read_events"]

_URL: Final = re.compile(r"(sqlite|postgres(?:ql)?)(?:\+\w+)?://")
_BATCH: Final = 10_000


def is_database(path: str | os.PathLike[str]) -> bool:
    """Whether this is the URL of a database, and not a file.

    Examples
    --------
    >>> is_database("sqlite:///audit.db"), is_database("postgresql://auditor@host/trail"), is_database("audit.jsonl")
    (True, True, False)
    """
    return isinstance(path, str) and _URL.match(path) is not None


def read_events(
    path: str | os.PathLike[str], table: str = "audit_event", chain: str = "main"
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ``(place, event)``: the line of a file, the row of a table.

    Parameters
    ----------
    path : path or str
        ``*.parquet``; the URL of a database, ``sqlite:///…`` or ``postgresql://…``; anything else is read as JSONL.
    table, chain : str
        Where `bh_lib.emitters.sinks.sql.SqlSink` wrote them, for a database.

    Raises
    ------
    InputError
        If a file can't be read or a line is no event.
    SinkError
        If a database can't be read.
    """
    if is_database(path):
        yield from _from_database(str(path), table, chain)
    elif Path(path).suffix == ".parquet":
        yield from _from_parquet(path)
    else:
        for number, event in read_jsonl(path):
            yield f"line {number}", event


def _from_database(url: str, table: str, chain: str) -> Iterator[tuple[str, dict[str, Any]]]:
    file = require("sqlalchemy", extra="sql").make_url(url).database if url.startswith("sqlite") else None
    if file is not None and not Path(file).is_file():
        # To connect would make it.
        raise InputError("no such file", path=file)
    sink = SqlSink(url, table=table, chain=chain)
    try:
        for number, line in enumerate(sink.lines(), 1):
            yield f"row {number}", _parsed(line, table, number)
    finally:
        sink.close()


def _parsed(line: bytes, table: str, number: int) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise InputError("is not a JSON object", path=table, place=f"row {number}")
    return event


def _from_parquet(path: str | os.PathLike[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not Path(path).is_file():
        raise InputError("no such file", path=str(path))
    arrow = require("pyarrow", extra="lab")
    number = 0
    try:
        for batch in require("pyarrow.parquet", extra="lab").ParquetFile(path).iter_batches(_BATCH):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", _without_nulls(row)
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, OSError):
        # Arrow's own message may quote a value.
        raise InputError("is not Parquet that can be read", path=str(path)) from None


def _without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """A column of a table is there for every row; a field of an event is there or not."""
    kept: dict[str, Any] = {}
    for name, value in row.items():
        inner = _without_nulls(value) if isinstance(value, dict) else value
        if inner is not None and inner != {}:
            kept[name] = inner
    return kept
