"""The default sink: one ledger file, one event a line, one chain, however many threads and processes write it.

The file is the truth. A writer takes the file's lock, sees from its length whether another process has written since,
takes the head from the last line if so, and writes one line with one unbuffered ``write``. When `append` returns the
line is in the operating system's hands: it survives ``kill -9`` of this process. Whether it survives a power cut is what
``fsync`` says.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from bh_lib._extras import optional
from bh_lib.emitters.chain import Head, head_of, link, parse_line
from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.errors import ConfigError, InputError, IntegrityError, SinkError

__all__ = ["JsonlSink"]

_log = logging.getLogger("bh_lib.emitters")
_TAIL = 1 << 16

# flock belongs to the open file, not to the process: two sinks of one process exclude each other too.
_fcntl = optional("fcntl")
if _fcntl is not None:
    _flock, _EXCLUSIVE, _FREE = _fcntl.flock, _fcntl.LOCK_EX, _fcntl.LOCK_UN


class JsonlSink(Sink):
    """Append events to a JSONL ledger.

    Parameters
    ----------
    path : path-like
        The ledger. It is made if it is missing (readable by its owner only), resumed if it is there.
    fsync : "never", "each", or int
        What a power cut may take. ``"never"`` (default): what the operating system had not yet written out, by itself
        within about 30 s on Linux; nothing is lost when only this process dies. ``"each"``: nothing, at some 200 µs and
        more an event. A number n: at most the last n events.

    Notes
    -----
    A file that is moved away (logrotate) is followed by a new one at the next event, which continues the chain:
    ``verify([moved, new])``. A file that is removed or emptied shows as a chain without its head.

    Raises
    ------
    InputError
        If the file can't be opened, or its last line is not an event of a chain.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "audit.jsonl"
    >>> first = JsonlSink(path)
    >>> first.append({"event_id": "e1"}).seq
    0
    >>> first.close()
    >>> resumed = JsonlSink(path)
    >>> resumed.append({"event_id": "e2"}).seq
    1
    >>> resumed.close(); folder.cleanup()
    """

    name = "jsonl"

    def __init__(self, path: str | os.PathLike[str], *, fsync: Literal["never", "each"] | int = "never") -> None:
        if fsync not in ("never", "each") and not (type(fsync) is int and fsync > 0):
            raise ConfigError('is "never", "each" or a number of events', place="fsync")
        if _fcntl is None:
            raise ConfigError("needs file locks as POSIX systems have them; use the SQL sink here", place="JsonlSink")
        super().__init__()
        self.path = Path(path)
        self._every = fsync if isinstance(fsync, int) else int(fsync == "each")
        self._unsynced = 0
        self._fd = -1
        self._end = -1
        self._name, self._inode = os.fspath(self.path), 0
        with self._lock:
            try:
                _flock(self._enter(), _FREE)
            except BaseException:
                self._release()
                raise

    def write(self, line: bytes) -> None:
        """Write bytes at the end, all or nothing. Called with the lock held."""
        written = 0
        try:
            written = os.write(self._fd, line)
            while written < len(line):
                written += os.write(self._fd, line[written:])
        except BaseException:
            if written:
                os.ftruncate(self._fd, self._end)
            raise

    def append(self, event: dict[str, Any]) -> Receipt:
        """Link one event to the last one in the file, write it, and advance; other processes wait."""
        with self._lock:
            fd = self._enter()
            try:
                line, head = link(event, self._head)
                self.write(line)
                self._end += len(line)
                self._head = head
                if self._every:
                    self._sync(1)
            finally:
                _flock(fd, _FREE)
        return Receipt(event["event_id"], head[1], head[2])

    def append_many(self, events: Sequence[dict[str, Any]]) -> int:
        """Append a batch under one lock and with one write: all of it or, if that raises, none of it."""
        if not events:
            return 0
        with self._lock:
            fd = self._enter()
            try:
                head, lines = self._head, []
                for event in events:
                    line, head = link(event, head)
                    lines.append(line)
                block = b"".join(lines)
                self.write(block)
                self._end += len(block)
                self._head = head
                if self._every:
                    self._sync(len(events))
            finally:
                _flock(fd, _FREE)
        return len(events)

    def holds(self, event_ids: Iterable[str]) -> set[str]:
        """Which of these events are in the file; reads it once."""
        wanted, found = set(event_ids), set()
        with open(self.path, "rb") as lines:
            for line in lines:
                try:
                    event_id = parse_line(line).get("event_id")
                except IntegrityError:
                    continue
                if event_id in wanted:
                    found.add(event_id)
        return found

    def flush(self) -> None:
        """Force what was written to the disk."""
        with self._lock:
            if self._fd >= 0:
                os.fsync(self._fd)
                self._unsynced = 0

    def close(self) -> None:
        """Close the file; a later `append` opens it again."""
        with self._lock:
            if self._fd >= 0 and self._unsynced:
                os.fsync(self._fd)
            self._release()

    def _enter(self) -> int:
        """Lock the file that the path leads to now, and learn where its chain stands."""
        fd = self._fd if self._fd >= 0 else self._open()
        _flock(fd, _EXCLUSIVE)
        try:
            while not self._is_there():
                fd = self._follow(fd)
            end = os.lseek(fd, 0, 2)
            if end != self._end:
                self._resume(end)
        except BaseException:
            if self._fd == fd:
                _flock(fd, _FREE)
            raise
        return fd

    def _is_there(self) -> bool:
        try:
            return os.stat(self._name).st_ino == self._inode  # noqa: PTH116  half the time of Path.stat, at every event
        except FileNotFoundError:
            return False

    def _follow(self, fd: int) -> int:
        """Leave a file that was moved or removed for the one that the path leads to now, and carry the chain over.

        Every writer comes through here with the old file's lock, so none writes to it after another has seen its last head.
        """
        end = os.lseek(fd, 0, os.SEEK_END)
        if end != self._end:
            self._resume(end)
        _log.warning("the ledger was moved or removed while it was written; the chain goes on in a new file")
        self._release()
        fd = self._open()
        _flock(fd, _EXCLUSIVE)
        return fd

    def _open(self) -> int:
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise InputError(f"can't be opened for appending: {type(error).__name__}", path=str(self.path)) from None
        self._inode = os.fstat(self._fd).st_ino
        return self._fd

    def _release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = self._end = -1

    def _resume(self, end: int) -> None:
        """Take the head from the file's last line. Called with the file's lock held."""
        tail = self._tail(end)
        if tail and not tail.endswith(b"\n"):
            # Only an event whose record() never returned can be torn: it was promised to nobody.
            torn = tail.rsplit(b"\n", 1)[-1]
            end -= len(torn)
            os.ftruncate(self._fd, end)
            _log.warning("removed a torn last line of %d bytes from the ledger", len(torn))
            tail = self._tail(end)
        # An empty file takes what this writer knows: a new chain, or the one that it brings from a file moved away.
        if end:
            last = tail[:-1].rsplit(b"\n", 1)[-1]
            try:
                self._head = Head(*head_of(parse_line(last)))
            except IntegrityError as error:
                raise InputError(
                    f"can't be resumed: its last line {error}; verify it and begin another", path=str(self.path)
                ) from None
        self._end = end

    def _tail(self, end: int) -> bytes:
        """The bytes from the last complete line's beginning (or earlier) to `end`."""
        size = _TAIL
        while True:
            start = max(0, end - size)
            tail = os.pread(self._fd, end - start, start)
            if start == 0 or tail.count(b"\n") > 1:
                return tail
            size *= 4

    def _sync(self, count: int) -> None:
        self._unsynced += count
        if self._unsynced >= self._every:
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise SinkError(f"written but not confirmed by the disk: {type(error).__name__}") from None
            self._unsynced = 0

    def _after_fork(self) -> None:
        # The child shares the parent's open file, and with it the parent's lock: it needs a file of its own.
        super()._after_fork()
        self._release()
