"""A trail that lies in a database, written out as a ledger file: so that an auditor verifies it with nothing but the file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bh_lib.emitters.chain import Head, head_after, parse_line
from bh_lib.errors import InputError

__all__ = ["Exported", "Trail", "export_ledger"]


class Trail(Protocol):
    """A sink that can be read back: `SqlSink` and `DynamoDbSink` are."""

    def lines(self) -> Iterable[bytes]:
        """The chain's ledger lines, in order."""

    def head(self) -> Head:
        """Where the chain stands, as the store keeps it beside the events."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export_ledger` wrote.

    Parameters
    ----------
    events : int
        Lines in the file.
    reaches_head : bool
        Whether the event that the store's head names is among them, at its place. If not, events at the end were removed, or the
        chain was written anew, by someone who left the head alone. Whoever changes both is found by a checkpoint only.
    """

    events: int
    reaches_head: bool


def export_ledger(trail: Trail, path: str | os.PathLike[str]) -> Exported:
    """Write a chain to a JSONL ledger, streaming: memory doesn't grow with it. Then `verify` the file.

    Writers may go on meanwhile. The file appears whole or not at all, and is readable by its owner only: it holds identifiers.

    Parameters
    ----------
    trail : SqlSink or DynamoDbSink
        A sink that can be read back.
    path : path-like
        The file; one that is there is replaced.

    Raises
    ------
    InputError
        If the file can't be written.
    SinkError
        If the store can't be read.

    Examples
    --------
    >>> from bh_lib.emitters import verify
    >>> from bh_lib.emitters.sinks.sql import SqlSink
    >>> sink = SqlSink("sqlite://")
    >>> _ = sink.append({"event_id": "e1"}), sink.append({"event_id": "e2"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_ledger(sink, Path(folder) / "trail.jsonl"), str(verify(Path(folder) / "trail.jsonl"))
    (Exported(events=2, reaches_head=True), 'CONSISTENT')
    """
    # Read first: what is written from here on can only stand behind it.
    head = trail.head()
    mark = f'"event_hash":"{head.event_hash}"'.encode()
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except OSError as error:
        raise InputError(f"can't be written: {type(error).__name__}", path=str(path)) from None
    count, reached = 0, head.seq < 0
    try:
        with open(handle, "wb") as out:
            for line in trail.lines():
                out.write(line)
                if not reached and mark in line:
                    reached = _stands(line, count, head)
                count += 1
        Path(name).replace(target)
    except BaseException as error:
        Path(name).unlink()
        if isinstance(error, OSError):
            raise InputError(f"can't be written: {type(error).__name__}", path=str(path)) from None
        raise
    return Exported(count, reached)


def _stands(line: bytes, number: int, head: Head) -> bool:
    """Whether a line is the head's event, at the head's place; a published chain states none but in the order of its lines."""
    found = head_after(parse_line(line))
    return (found if found.chain_id else Head(head.chain_id, number, found.event_hash)) == head
