"""A local journal for events that a sink could not take, replayed into it in order and without repeats."""

from __future__ import annotations

import os
import re
import threading
import time
from itertools import count
from pathlib import Path
from typing import Any
from weakref import WeakSet

from bh_lib._extras import optional
from bh_lib.emitters.canonical import canonical
from bh_lib.emitters.chain import parse_line
from bh_lib.emitters.sinks.base import Sink
from bh_lib.errors import InputError, IntegrityError, SinkError

__all__ = ["Spool"]

_BATCH = 500
_fcntl = optional("fcntl")


class Spool:
    """Events on disk, oldest first, each redacted and valid but not yet in a chain.

    The journal is emptied when all of it has reached the sink. A process that dies before that leaves events in both; the next
    replay asks the sink which ids it `holds` and skips those.

    Parameters
    ----------
    path : path-like
        The journal. Where another process, or the parent of a forked one, uses it already, ``<path>.1`` is taken, and so on;
        journals that dead processes left are taken over.
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
        self._fd = -1
        self._base = Path(path)
        self._retry_after = retry_after
        self._own()
        _alive.add(self)

    def __len__(self) -> int:
        return self._count - self._done

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
        with self._lock:
            self._write(canonical(event) + b"\n", event["event_id"])
            self._due = time.monotonic() + self._retry_after

    def replay(self, sink: Sink) -> int:
        """Move everything into the sink; returns how many events went.

        Raises
        ------
        Exception
            What the sink raised. What it took before that is not offered again.
        """
        moved = 0
        with self._lock:
            events = self._read()
            try:
                held = sink.holds([event["event_id"] for event in events[self._done :]]) if len(self) else set()
                while len(self):
                    batch = events[self._done : self._done + _BATCH]
                    if batch[0]["event_id"] in held:
                        self._done += 1
                        continue
                    stop = next((n for n, event in enumerate(batch) if event["event_id"] in held), len(batch))
                    kept = sink.append_many(batch[:stop])
                    self._done += kept
                    moved += kept
            except Exception:
                self._due = time.monotonic() + self._retry_after
                raise
            self._empty()
        return moved

    def close(self) -> None:
        """Close the journal; what is in it waits for the next process."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _own(self) -> None:
        self._lock = threading.RLock()
        self._due = 0.0
        self._done = 0
        for number in count():
            self.path = self._base.with_name(f"{self._base.name}.{number}") if number else self._base
            try:
                self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            except OSError as error:
                raise InputError(f"can't be opened for appending: {type(error).__name__}", path=str(self.path)) from None
            if _locked(self._fd):
                break
            os.close(self._fd)
        self._count = len(self._read())
        self._take_over()

    def _take_over(self) -> None:
        """Add what dead processes left behind; theirs is emptied after ours has it, so a crash repeats and never loses."""
        pattern = re.compile(re.escape(self._base.name) + r"\.\d+")
        for path in sorted(self._base.parent.iterdir()):
            if path == self.path or not pattern.fullmatch(path.name):
                continue
            fd = os.open(path, os.O_RDWR | os.O_APPEND)
            try:
                if _locked(fd):
                    for line in path.read_bytes().splitlines(keepends=True):
                        if line.endswith(b"\n"):
                            self._write(line, "of an earlier process")
                    os.ftruncate(fd, 0)
            finally:
                os.close(fd)

    def _write(self, line: bytes, event_id: str) -> None:
        end = os.lseek(self._fd, 0, os.SEEK_END) if self._fd >= 0 else 0
        try:
            if os.write(self._fd, line) < len(line):
                os.ftruncate(self._fd, end)
                raise OSError
        except OSError:
            raise SinkError(f"event {event_id} is not kept: the spool can't be written") from None
        self._count += 1

    def _read(self) -> list[dict[str, Any]]:
        events, end = [], 0
        with open(self.path, "rb") as lines:
            for line in lines:
                try:
                    event = parse_line(line)
                except IntegrityError:
                    # Torn by a crash inside add(), which therefore never returned: it was promised to nobody.
                    os.ftruncate(self._fd, end)
                    break
                events.append(event)
                end += len(line)
        return events

    def _empty(self) -> None:
        if self._count:
            os.ftruncate(self._fd, 0)
        self._count = self._done = 0

    def _after_fork(self) -> None:
        # The file and what it holds are the parent's; closing this copy leaves the parent its lock.
        if self._fd >= 0:
            os.close(self._fd)
        self._own()


def _locked(fd: int) -> bool:
    if _fcntl is None:
        return True
    try:
        _fcntl.flock(fd, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_alive: WeakSet[Spool] = WeakSet()


def _renew() -> None:
    for spool in list(_alive):
        spool._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
