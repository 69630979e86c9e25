"""The ledger file as one writer holds it: locked, at its end, whole to the last line, and moved on when it is full."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from bh_lib._extras import optional
from bh_lib.emitters._trail import closed_files, closed_path, closed_place, last_head, moved_files, read_tail
from bh_lib.emitters.chain import Head, head_after, new_chain, parse_line
from bh_lib.emitters.sinks._sync import Syncing
from bh_lib.errors import ConfigError, InputError, IntegrityError

__all__ = ["LedgerFile"]

_log = logging.getLogger("bh_lib.emitters")
_RETRY_ROTATION = 60.0

# flock belongs to the open file, not to the process: two sinks of one process exclude each other too.
_fcntl = optional("fcntl")
if _fcntl is not None:
    _flock, _EXCLUSIVE, _FREE = _fcntl.flock, _fcntl.LOCK_EX, _fcntl.LOCK_UN


def _clock() -> float:
    # The file system stamps files with this clock, which is a few milliseconds behind the other at times.
    coarse = getattr(time, "CLOCK_REALTIME_COARSE", None)
    return time.time() if coarse is None else time.clock_gettime(coarse)


class LedgerFile:
    """One trail's file that is being written. Between `enter` and `leave` no other writer of any process touches it.

    Parameters
    ----------
    path : Path
        Where the trail is.
    syncing : Syncing
        Told of each file that is opened and left.
    rotate_bytes, rotate_seconds : int, optional
        When to close a file and begin the next.
    """

    __slots__ = ("_bytes", "_inode", "_name", "_not_before", "_seconds", "_syncing", "end", "fd", "head", "path")

    def __init__(self, path: Path, syncing: Syncing, rotate_bytes: int | None, rotate_seconds: int | None) -> None:
        for place, value in (("rotate_bytes", rotate_bytes), ("rotate_seconds", rotate_seconds)):
            if value is not None and not (type(value) is int and value > 0):
                raise ConfigError("is a positive whole number", place=place)
        if _fcntl is None:
            raise ConfigError("needs file locks as POSIX systems have them; use the SQL sink here", place="JsonlSink")
        self.path, self._syncing = path, syncing
        self._name = os.fspath(path)
        self._bytes, self._seconds = rotate_bytes, rotate_seconds
        self._not_before = 0.0
        self.forget()

    def forget(self) -> None:
        """Begin as if nothing was open or known, as a forked child has to."""
        self.fd = self.end = -1
        self._inode = 0
        self.head: Head = new_chain()

    def enter(self) -> None:
        """Lock the file that the path leads to now, and learn where its chain stands."""
        if self.fd < 0:
            self._open()
        _flock(self.fd, _EXCLUSIVE)
        try:
            # One look tells whether the file was moved, and whether another process has written to it.
            try:
                seen = os.stat(self._name)  # noqa: PTH116  half the time of Path.stat, at every event
                settled = seen.st_ino == self._inode and seen.st_size == self.end
            except FileNotFoundError:
                settled = False
            if not settled:
                self._catch_up()
            if self._bytes is not None or self._seconds is not None:
                # Others may have filled the new file while this one waited for its lock.
                while self._is_full():
                    self._rotate()
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Let other writers in."""
        if self.fd >= 0:
            _flock(self.fd, _FREE)

    def write(self, data: bytes) -> None:
        """Write bytes at the end, all or nothing."""
        written = 0
        try:
            written = os.write(self.fd, data)
            while written < len(data):
                written += os.write(self.fd, data[written:])
        except BaseException:
            if written:
                os.ftruncate(self.fd, self.end)
            raise
        self.end += written

    def take_back(self, count: int) -> None:
        """Remove the last bytes again: what `append` raises for is not in the ledger."""
        os.ftruncate(self.fd, self.end - count)
        self.end -= count

    def close(self) -> None:
        """Close the file; `enter` opens it again."""
        if self.fd < 0:
            return
        try:
            self._syncing.leave()
        finally:
            # Unlocked by name: while the syncing thread has a copy of the file open, closing alone would not do it.
            self.leave()
            os.close(self.fd)
            self.fd = self.end = -1

    def _open(self) -> None:
        try:
            self.fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise InputError(f"can't be opened for appending: {type(error).__name__}", path=self._name) from None
        seen = os.fstat(self.fd)
        self._inode = seen.st_ino
        self._syncing.use(self.fd)
        if not seen.st_size and self._syncing.promises:
            self._sync_folder()

    def _sync_folder(self) -> None:
        """Force the file's name to the disk: its content alone can't be found after a power cut."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            _log.warning("the folder of the ledger can't be forced to the disk: %s", type(error).__name__)

    def _is_there(self) -> bool:
        try:
            return os.stat(self._name).st_ino == self._inode  # noqa: PTH116
        except FileNotFoundError:
            return False

    def _catch_up(self) -> None:
        """Leave a file that was moved or removed for the one that the path leads to now; then read the head, if it is news.

        Every writer comes through here with the old file's lock, so none writes to it after another has seen its last head.
        """
        left = 0
        while not self._is_there():
            left = self._inode
            end = os.lseek(self.fd, 0, os.SEEK_END)
            if end and end != self.end:
                self._resume(end)
            self.close()
            self._open()
            _flock(self.fd, _EXCLUSIVE)
        end = os.lseek(self.fd, 0, os.SEEK_END)
        if end != self.end:
            self._resume(end)
        if end == 0:
            self._continue(left)

    def _resume(self, end: int) -> None:
        """Take the head from the file's last line."""
        tail = read_tail(self.fd, end)
        if tail and not tail.endswith(b"\n"):
            # Only an event whose record() never returned can be torn: it was promised to nobody.
            torn = tail.rsplit(b"\n", 1)[-1]
            end -= len(torn)
            os.ftruncate(self.fd, end)
            _log.warning("removed a torn last line of %d bytes from the ledger", len(torn))
            tail = read_tail(self.fd, end)
        if end:
            last = tail[:-1].rsplit(b"\n", 1)[-1]
            try:
                self.head = head_after(parse_line(last))
            except IntegrityError as error:
                raise InputError(f"can't be resumed: its last line {error}; verify it and begin another", path=self._name) from None
        self.end = end

    def _continue(self, left: int) -> None:
        """Choose the head that an empty file goes on from.

        A writer that held no file until now goes on after the last closed one. One that brings a head may have slept while
        others began and moved away whole files: it looks for a later place of its chain in those beside it. A published chain
        states no place: there the last closed file is later if the one that this writer left is among the closed.
        """
        closed = closed_files(self.path)
        followed = not self.head.chain_id and any(path.stat().st_ino == left for path in closed)
        closed = closed[-1:]
        if self.head.seq < 0 or followed:
            for path in closed:
                try:
                    self.head = last_head(path) or self.head
                except IntegrityError as error:
                    raise InputError(f"can't be continued: its last line {error}; verify it", path=str(path)) from None
            return
        for path in (*closed, *moved_files(self.path)[-3:]):
            try:
                found = last_head(path)
            except (InputError, IntegrityError):
                continue
            if found is not None and found.chain_id == self.head.chain_id and found.seq > self.head.seq:
                self.head = found

    def _is_full(self) -> bool:
        if not self.end or (self._not_before and time.monotonic() < self._not_before):
            return False
        if self._bytes is not None and self.end >= self._bytes:
            return True
        # The last write is the file's own clock: no state to keep, and the same for every writer.
        return self._seconds is not None and _clock() // self._seconds > os.fstat(self.fd).st_mtime // self._seconds

    def _rotate(self) -> None:
        closed = closed_path(self.path, self.head.seq if self.head.chain_id else closed_place(self.path) + self._lines())
        try:
            if closed.exists():
                raise FileExistsError
            # Else a power cut could tear the end of a file that is no longer the last one, where nobody repairs it.
            os.fsync(self.fd)
            self.path.rename(closed)
        except OSError as error:
            self._not_before = time.monotonic() + _RETRY_ROTATION
            _log.error("the ledger can't be rotated (%s) and grows on; the next try is in a minute", type(error).__name__)
            return
        self._catch_up()
        self._sync_folder()

    def _lines(self) -> int:
        """Count the lines of this file, whose chain doesn't number them."""
        count = at = 0
        while block := os.pread(self.fd, 1 << 20, at):
            count += block.count(b"\n")
            at += len(block)
        return count
