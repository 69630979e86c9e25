"""A local journal for events that a sink could not take, replayed into it in order and without repeats."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

from bh_lib.emitters.canonical import canonical
from bh_lib.emitters.chain import parse_line
from bh_lib.emitters.sinks.base import Sink
from bh_lib.errors import InputError, IntegrityError, SinkError

__all__ = ["Spool"]

_BATCH = 500


class Spool:
    """Events on disk, oldest first, each redacted and valid but not yet in a chain.

    A process that dies between the sink's write and the journal's truncation leaves events in both; a replay asks the sink which
    ids it `holds` and skips those.

    Parameters
    ----------
    path : path-like
        The journal: one writer at a time, so give each process its own.
    retry_after : float
        Seconds to leave a failed sink alone before the next try.

    Raises
    ------
    InputError
        If the file can't be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from bh_lib.emitters import MemorySink
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     spool, sink = Spool(pathlib.Path(folder) / "spool.jsonl"), MemorySink()
    ...     spool.add({"event_id": "e1"})
    ...     spool.replay(sink), len(spool), len(sink.lines)
    (1, 0, 1)
    """

    def __init__(self, path: str | os.PathLike[str], *, retry_after: float = 1.0) -> None:
        self.path = Path(path)
        self._retry_after = retry_after
        self._due = 0.0
        self._lock = threading.RLock()
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise InputError(f"can't be opened for appending: {type(error).__name__}", path=str(path)) from None
        self._count = len(self._read())

    def __len__(self) -> int:
        return self._count

    def is_due(self) -> bool:
        """Whether it is time to try the sink again."""
        return time.monotonic() >= self._due

    def add(self, event: dict[str, Any]) -> None:
        """Put one event at the end; it survives the death of this process from here on.

        Raises
        ------
        SinkError
            If the journal can't be written either: the event is kept nowhere.
        """
        line = canonical(event) + b"\n"
        with self._lock:
            end = os.lseek(self._fd, 0, os.SEEK_END)
            try:
                written = os.write(self._fd, line)
                if written < len(line):
                    os.ftruncate(self._fd, end)
                    raise OSError
            except OSError:
                raise SinkError(f"event {event['event_id']} is not kept: the spool can't be written") from None
            self._count += 1
            self._due = time.monotonic() + self._retry_after

    def replay(self, sink: Sink) -> int:
        """Move everything into the sink; returns how many events went.

        Raises
        ------
        Exception
            What the sink raised. What it took before that is out of the journal, the rest is still in it.
        """
        with self._lock:
            events = self._read()
            moved = skipped = 0
            try:
                held = sink.holds([event["event_id"] for event in events]) if events else set()
                while moved + skipped < len(events):
                    done = moved + skipped
                    batch = events[done : done + _BATCH]
                    fresh = [event for event in batch if event["event_id"] not in held]
                    if len(fresh) < len(batch):
                        # One by one, so that what is skipped and what is kept stay in step.
                        for event in batch:
                            if event["event_id"] in held:
                                skipped += 1
                            else:
                                sink.append(event)
                                moved += 1
                    else:
                        moved += sink.append_many(batch)
            except Exception:
                self._due = time.monotonic() + self._retry_after
                raise
            finally:
                self._keep(events[moved + skipped :])
        return moved

    def close(self) -> None:
        """Close the journal; what is in it waits for the next process."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _read(self) -> list[dict[str, Any]]:
        events = []
        with open(self.path, "rb") as lines:
            for line in lines:
                try:
                    events.append(parse_line(line))
                except IntegrityError:
                    # Torn by a crash inside add(), which therefore never returned: it was promised to nobody.
                    os.ftruncate(self._fd, lines.tell() - len(line))
                    break
        return events

    def _keep(self, events: list[dict[str, Any]]) -> None:
        """Make the journal hold just these; a crash in between leaves repeats, which a replay skips, and never a hole."""
        if len(events) == self._count:
            return
        if events:
            part = self.path.with_name(self.path.name + ".part")
            part.write_bytes(b"".join(canonical(event) + b"\n" for event in events))
            part.chmod(0o600)
            part.replace(self.path)
            os.close(self._fd)
            self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        else:
            os.ftruncate(self._fd, 0)
        self._count = len(events)
