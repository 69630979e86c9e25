"""How many events a queue holds in memory, kept beside its spool: what a killed process took with it can then be counted."""

from __future__ import annotations

import logging
import os
import re
from contextlib import suppress
from pathlib import Path

from bh_lib._extras import optional

__all__ = ["Tally"]

_log = logging.getLogger("bh_lib.emitters")
_END = ".waiting"
_FLAGS = os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
_fcntl = optional("fcntl")


class Tally:
    """One number in one small file, locked while its process lives.

    It survives `kill -9`, like what the spool holds; after a power cut it says what the disk had. It is a help and no promise:
    where it can't be written, the queue goes on without it.

    Parameters
    ----------
    spool : Path
        The journal that it stands beside.
    base : Path
        The journal that was configured: other processes' journals bear its name and a number.

    Attributes
    ----------
    lost : int
        The most events that dead processes had in memory. One that was killed between delivering a batch and noting it counts
        that batch as well.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "spool.jsonl"
    ...     tally = Tally(path, path)
    ...     tally.note(3)
    ...     tally.abandon()  # as a killed process does
    ...     Tally(path, path).lost
    3
    """

    def __init__(self, spool: Path, base: Path) -> None:
        self._path = spool.with_name(spool.name + _END)
        self._fd = -1
        self.lost = 0
        try:
            self.lost = _collected(base)
            self._fd = _made(self._path)
            self.note(0)
        except OSError as error:
            self._give_up(error)

    def note(self, count: int) -> None:
        """Write how many events are in memory now."""
        if self._fd >= 0:
            try:
                os.pwrite(self._fd, b"%020d\n" % count, 0)
            except OSError as error:
                self._give_up(error)

    def remove(self) -> None:
        """Take the file away: nothing is in memory any more."""
        if self._fd >= 0:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            self.abandon()

    def abandon(self) -> None:
        """Close the file and leave it, as a forked child must leave its parent's."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _give_up(self, error: OSError) -> None:
        _log.warning("what a kill would take from the queue can't be counted: %s", type(error).__name__)
        self.abandon()


def _collected(base: Path) -> int:
    """Add up what dead processes left, and remove it."""
    pattern, total = re.compile(re.escape(base.name) + r"(\.\d+)?" + re.escape(_END)), 0
    for path in [path for path in base.parent.iterdir() if pattern.fullmatch(path.name)]:
        with suppress(FileNotFoundError):
            fd = os.open(path, _FLAGS)
            try:
                if _locked(fd, wait=False) and os.fstat(fd).st_nlink:
                    text = os.pread(fd, 64, 0).strip()
                    total += int(text) if text.isdigit() else 0
                    path.unlink()
            finally:
                os.close(fd)
    return total


def _made(path: Path) -> int:
    while True:
        fd = os.open(path, _FLAGS | os.O_CREAT, 0o600)
        _locked(fd, wait=True)
        # Another process that starts now may have collected it before it was locked.
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)


def _locked(fd: int, *, wait: bool) -> bool:
    if _fcntl is None:
        return False
    try:
        _fcntl.flock(fd, _fcntl.LOCK_EX | (0 if wait else _fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
