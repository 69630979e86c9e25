"""A local journal for events that a sink could not take, replayed into it in order and without repeats."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from weakref import WeakSet

from bh_lib._extras import optional
from bh_lib.emitters.canonical import canonical
from bh_lib.emitters.chain import parse_line
from bh_lib.emitters.sinks.base import Sink
from bh_lib.errors import ConfigError, InputError, IntegrityError, SinkError

__all__ = ["Spool"]

_log = logging.getLogger("bh_lib.emitters")
_BATCH = 500
_fcntl = optional("fcntl")


class Spool:
    """Events on disk, oldest first, each redacted and valid but not yet in a chain.

    The journal is emptied when all of it has reached the sink. A process that dies before that leaves events in both; the next
    replay asks the sink which ids it `holds` and skips those. What is in the journal survives the death of the process; a power
    cut may take what the operating system had not yet written out.

    Parameters
    ----------
    path : path-like
        The journal. Where another process, or the parent of a forked one, uses it already, ``<path>.1`` is taken, and so on;
        journals that dead processes left are taken over.
    retry_after : float
        Seconds to leave a failed sink alone before the next try.

    Attributes
    ----------
    base, path : Path
        The journal as it was named, and the one that was taken.
    moved : int
        Events that a replay brought into the sink so far.
    spoiled : int
        Lines that could not be read back as events, and so reach no sink: somebody changed the journal.

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
        self._at = self._end = self._count = 0
        self._held: set[str] | None = None
        self._inherited = False
        self.base = Path(path)
        self._retry_after = retry_after
        self.moved = self.spoiled = 0
        self._own()
        _alive.add(self)

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
        with self._lock:
            self._write(canonical(event) + b"\n", event["event_id"])
            self._count += 1
            if self._count == 1:
                # Only the first one puts the next try off: under a steady load it would otherwise never come.
                self._due = time.monotonic() + self._retry_after

    def replay(self, sink: Sink, deadline: float | None = None) -> int:
        """Move everything into the sink; returns how many events went. Nobody who adds has to wait for the sink meanwhile.

        Parameters
        ----------
        sink : Sink
            Where to.
        deadline : float, optional
            Stop once `time.monotonic` has passed this; what is left waits for the next call.

        Raises
        ------
        Exception
            What the sink raised. What it took before that is not offered again.
        """
        moved = 0
        with self._turn:
            try:
                if self._count and self._held is None:
                    # A sink that keeps all or nothing needs to look only for what an earlier process may have moved.
                    ask = self._inherited or not sink.certain
                    waiting = [event["event_id"] for event, _ in self._waiting(self._end)] if ask else []
                    self._held = sink.holds(waiting) if ask else set()
                while self._count and self._held is not None and (deadline is None or time.monotonic() < deadline):
                    moved += self._move(sink, self._held, _BATCH if deadline is None else _BATCH // 10)
            except Exception:
                if not sink.certain:
                    self._held = None
                self._due = time.monotonic() + self._retry_after
                raise
        return moved

    def close(self) -> None:
        """Close the journal; what is in it waits for the next process."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _move(self, sink: Sink, held: set[str], most: int) -> int:
        """Bring the first few events into the sink; returns how many it took."""
        batch: list[dict[str, Any]] = []
        ends, at, end = [], self._at, self._end
        for event, after in self._waiting(end):
            if event["event_id"] in held:
                if batch:
                    break
                self._advance(1, after)
                continue
            batch.append(event)
            ends.append(after)
            held.add(event["event_id"])
            if len(batch) == most:
                break
        if not batch:
            if self._at == at:  # no event stands there
                self._advance(0, end)
            return 0
        kept = 0
        try:
            kept = sink.append_many(batch)
        finally:
            held.difference_update(event["event_id"] for event in batch[kept:])
        if kept:
            self.moved += kept
            self._advance(kept, ends[kept - 1])
        return kept

    def _advance(self, events: int, end: int) -> None:
        with self._lock:
            self._count -= events
            self._at = end
            if self._at >= self._end:
                if self._fd >= 0:
                    os.ftruncate(self._fd, 0)
                self._at = self._end = self._count = 0
                self._held, self._inherited = None, False

    def _waiting(self, end: int) -> Iterator[tuple[dict[str, Any], int]]:
        """Yield what stands before `end` and is not yet in the sink, each with the place where it ends."""
        with open(self.path, "rb") as lines:
            at = lines.seek(self._at)
            while at < end and (line := lines.readline()):
                at += len(line)
                event = _parsed(line)
                if event is not None:
                    yield event, at

    def _own(self) -> None:
        self._lock, self._turn = threading.RLock(), threading.RLock()
        self._due = 0.0
        self._at = self._end = self._count = 0
        self._held, self._inherited = None, False
        for number in count():
            self.path = self.base.with_name(f"{self.base.name}.{number}") if number else self.base
            fd = self._opened(self.path, os.O_CREAT)
            if _locked(fd):
                break
            os.close(fd)
        self._fd = fd
        self._look()
        self._take_over()
        self._inherited = self._count > 0

    def _opened(self, path: Path, flags: int) -> int:
        try:
            return os.open(path, os.O_RDWR | os.O_APPEND | flags | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise InputError(f"can't be opened for appending: {type(error).__name__}", path=str(path)) from None

    def _look(self) -> None:
        """Count what an earlier process left; take off what a crash inside `add` tore, which was promised to nobody."""
        with open(self.path, "rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    os.ftruncate(self._fd, self._end)
                    break
                self._end += len(line)
                self._take(line)

    def _take(self, line: bytes) -> bool:
        if _parsed(line) is not None:
            self._count += 1
            return True
        self.spoiled += 1
        _log.error("a line of a spool is no event and reaches no sink")
        return False

    def _take_over(self) -> None:
        """Add what dead processes left behind; theirs is emptied after ours has it, so a crash repeats and never loses."""
        pattern = re.compile(re.escape(self.base.name) + r"(\.\d+)?")
        for path in sorted(self.base.parent.iterdir()):
            if path == self.path or not pattern.fullmatch(path.name):
                continue
            fd = self._opened(path, 0)
            try:
                if _locked(fd):
                    with open(path, "rb") as lines:
                        for line in lines:
                            if line.endswith(b"\n") and self._take(line):
                                self._write(line, "of an earlier process")
                    os.ftruncate(fd, 0)
            finally:
                os.close(fd)

    def _write(self, line: bytes, event_id: str) -> None:
        try:
            if self._fd < 0:
                raise OSError
            if os.lseek(self._fd, 0, os.SEEK_END) != self._end:
                # An earlier write was cut short, and so was taking it back.
                os.ftruncate(self._fd, self._end)
            if os.write(self._fd, line) < len(line):
                os.ftruncate(self._fd, self._end)
                raise OSError
        except OSError:
            raise SinkError(f"event {event_id} is not kept: the spool can't be written") from None
        self._end += len(line)

    def _after_fork(self) -> None:
        # The file and what it holds are the parent's; closing this copy leaves the parent its lock.
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        self._own()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = parse_line(line)
    except IntegrityError:
        return None
    return event if isinstance(event.get("event_id"), str) else None


def _locked(fd: int) -> bool:
    if _fcntl is None:
        raise ConfigError('needs file locks as POSIX systems have them; choose on_failure "raise" or "drop" here', place="spool")
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
