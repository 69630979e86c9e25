"""When written lines are forced to the disk: what a power cut may take."""

from __future__ import annotations

import logging
import os
import threading
from typing import Literal

from bh_lib.errors import ConfigError, SinkError

__all__ = ["Syncing"]

_log = logging.getLogger("bh_lib.emitters")


class Syncing:
    """The fsync policy of one open file after another.

    Parameters
    ----------
    fsync : "never", "each", or int
        After no event, after each, after every n.
    fsync_ms : int, optional
        And at the latest so many milliseconds after an event was written, by a thread: no further event is needed.
    """

    def __init__(self, fsync: Literal["never", "each"] | int, fsync_ms: int | None) -> None:
        if fsync not in ("never", "each") and not (type(fsync) is int and fsync > 0):
            raise ConfigError('is "never", "each" or a number of events', place="fsync")
        if fsync_ms is not None and not (type(fsync_ms) is int and fsync_ms > 0):
            raise ConfigError("is a number of milliseconds", place="fsync_ms")
        if fsync == "each" and fsync_ms is not None:
            raise ConfigError('says nothing beside fsync="each"', place="fsync_ms")
        self._every = fsync if isinstance(fsync, int) else int(fsync == "each")
        self._ms = fsync_ms
        #: Whether anything is promised about a power cut.
        self.promises = bool(self._every or self._ms)
        #: How often the disk didn't confirm what was written.
        self.failures = 0
        self._lock = threading.Lock()
        self._fd = self._copy = -1
        self._unsynced = self._files = 0
        self._timer: threading.Timer | None = None

    def use(self, fd: int) -> None:
        """Watch over this file from here on."""
        with self._lock:
            self._fd, self._unsynced = fd, 0
            self._files += 1

    def written(self, count: int) -> None:
        """Take note of so many written events, and force them out if it is time.

        Raises
        ------
        SinkError
            If the disk doesn't confirm them.
        """
        self._unsynced += count
        if self._every and self._unsynced >= self._every:
            self.force()
        elif self._ms and self._timer is None:
            timer = self._timer = threading.Timer(self._ms / 1000, self._late)
            timer.daemon = True
            try:
                timer.start()
            except RuntimeError:  # the interpreter is ending and starts no thread
                self._timer = None
                self.force()

    def force(self) -> None:
        """Force out what was written, whoever wrote it."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            self.failures += 1
            raise SinkError(f"the disk did not confirm what was written: {type(error).__name__}") from None
        self._unsynced = 0

    def leave(self) -> None:
        """Force out what the policy still owes, before the file is closed."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        try:
            if self.promises and self._unsynced and self._fd >= 0:
                self.force()
        finally:
            self.use(-1)

    def after_fork(self) -> None:
        """Begin anew: thread and file are the parent's."""
        self._lock = threading.Lock()
        if self._copy >= 0:
            os.close(self._copy)
        self._fd = self._copy = -1
        self._unsynced, self._timer = 0, None

    def _late(self) -> None:
        with self._lock:
            # From here on a write starts the next timer: this fsync may or may not cover it.
            self._timer = None
            if self._fd < 0 or not self._unsynced:
                return
            # A copy, so that the writers need not wait; the file may be closed meanwhile.
            copy = self._copy = os.dup(self._fd)
            covered, file = self._unsynced, self._files
        try:
            os.fsync(copy)
            with self._lock:
                if self._files == file:
                    self._unsynced = max(0, self._unsynced - covered)
        except OSError as error:
            self.failures += 1
            _log.error("the disk did not confirm what was written to the ledger: %s", type(error).__name__)
        finally:
            self._copy = -1
            os.close(copy)
