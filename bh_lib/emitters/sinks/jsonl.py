"""The default sink: one trail, one event a line, one chain, however many threads and processes write it.

The file is the truth. A writer takes the file's lock, sees from its length whether another process has written since,
takes the head from the last line if so, and writes one line with one unbuffered ``write``. When `append` returns the
line is in the operating system's hands: it survives ``kill -9`` of this process. Whether it survives a power cut is what
``fsync`` says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from bh_lib.emitters._trail import ledger_files
from bh_lib.emitters.chain import check_kind, link, parse_line
from bh_lib.emitters.sinks._file import LedgerFile
from bh_lib.emitters.sinks._sync import Syncing
from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.errors import InputError, IntegrityError, SinkError

__all__ = ["JsonlSink"]

_ID = re.compile(rb'"event_id":"([^"\\]+)"')
_OUR_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_CLOCK_SET_BACK = 3600.0
# What a named tuple's own constructor calls, without the detour.
_as_tuple: Any = tuple.__new__


class JsonlSink(Sink):
    """Append events to a JSONL ledger.

    Parameters
    ----------
    path : path-like
        The ledger. It is made if it is missing (readable by its owner only), resumed if it is there. On a local disk: locks of
        network file systems are not to be trusted.
    fsync : "never", "each", or int
        What a power cut may take. ``"never"`` (default): what the operating system had not yet written out, by itself
        within about 30 s on Linux; nothing is lost when only this process dies. ``"each"``: nothing, at some 200 µs and
        more an event. A number n: at most the last n events of each process.
    fsync_ms : int, optional
        Force events out at the latest so many milliseconds after they were written, by a thread, also where no further event
        comes. A power cut takes what was written in that time, and while the disk was confirming. A process that is frozen
        (SIGSTOP, AWS Lambda between invocations) forces nothing out: call `flush` before.
    rotate_bytes : int, optional
        Close the file once it has this size, and go on in a new one: it is longer by one event, or one batch, at most.
    rotate_seconds : int, optional
        Close the file at the first event of a new period: 86,400 is a day of UTC, 3,600 an hour. A period without events has
        no file.

    Notes
    -----
    ``audit.jsonl`` is closed as ``audit.000000000999.jsonl``, which says the place of its last event; the chain goes on in
    the new file. `ledger_files` lists them for `verify`. Give every writer of a trail the same limits; each of them may be the one
    that rotates. Where that is impossible (a folder that can't be written), the file grows on, and an error is logged.

    A file that something else moves away (logrotate) is followed by a new one at the next event, which continues the chain:
    ``verify([moved, new])``. Don't compress it while writers may still hold it. A file that is removed or emptied shows as a chain
    without its head.

    A process that is stopped (SIGSTOP) in the middle of `append` makes the other writers of the trail wait until it goes on or is
    killed.

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
    certain = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fsync: Literal["never", "each"] | int = "never",
        fsync_ms: int | None = None,
        rotate_bytes: int | None = None,
        rotate_seconds: int | None = None,
    ) -> None:
        super().__init__()
        self.path = Path(path)
        self._syncing = Syncing(fsync, fsync_ms)
        self._promises = self.slow = self._syncing.promises
        self._file = LedgerFile(self.path, self._syncing, rotate_bytes, rotate_seconds)
        with self._lock:
            try:
                self._file.enter()
                self._file.leave()
            except BaseException:
                self._file.close()
                raise

    @property
    def sync_failures(self) -> int:
        """How often the disk didn't confirm what was written."""
        return self._syncing.failures

    def accept(self, version: str) -> None:
        """Refuse a version whose chain is of another kind than that of the events which are in the file.

        Raises
        ------
        InputError
            If they are of two kinds.
        """
        with self._lock:
            self._file.enter()
            try:
                check_kind(version, self._file.head)
            except InputError as error:
                raise InputError(error.rule, path=str(self.path)) from None
            finally:
                self._file.leave()

    def write(self, line: bytes) -> None:
        """Write bytes at the end, all or nothing. Called with the lock held."""
        self._file.write(line)
        if self._promises:
            self._confirm(line, 1)

    def append(self, event: dict[str, Any]) -> Receipt:
        """Link one event to the last one of the trail, write it, and advance; other processes wait."""
        with self._lock:
            file = self._file
            file.enter()
            try:
                line, head = link(event, file.head)
                file.write(line)
                if self._promises:
                    self._confirm(line, 1)
                file.head = head
            finally:
                file.leave()
        receipt: Receipt = _as_tuple(Receipt, (event["event_id"], head[1] if head[0] else None, head[2]))
        return receipt

    def append_many(self, events: Sequence[dict[str, Any]]) -> int:
        """Append a batch under one lock and with one write: all of it or, if that raises, none of it."""
        if not events:
            return 0
        with self._lock:
            file = self._file
            file.enter()
            try:
                head, lines = file.head, []
                for event in events:
                    line, head = link(event, head)
                    lines.append(line)
                block = b"".join(lines)
                file.write(block)
                if self._promises:
                    self._confirm(block, len(events))
                file.head = head
            finally:
                file.leave()
        return len(events)

    def holds(self, event_ids: Iterable[str]) -> set[str]:
        """Which of these events are in the trail; reads the files that can hold one of them, newest first."""
        wanted, found = set(event_ids), set[str]()
        # Our ids begin with the time: a file that was closed before the oldest of them holds none. A foreign id may be of any time.
        since = min((int(item[:8] + item[9:13], 16) / 1000 if _OUR_ID.fullmatch(item) else 0.0 for item in wanted), default=0.0)
        for path in reversed(ledger_files(self.path)):
            if len(found) == len(wanted):
                break
            if path != self.path and path.stat().st_mtime < since - _CLOCK_SET_BACK:
                break
            found |= _found_in(path, wanted - found)
        return found

    def flush(self) -> None:
        """Force what was written to the disk.

        Raises
        ------
        SinkError
            If the disk doesn't confirm it.
        """
        with self._lock:
            if self._file.fd >= 0:
                self._syncing.force()

    def close(self) -> None:
        """Close the file, with what the fsync policy owes; a later `append` opens it again."""
        with self._lock:
            self._file.close()

    def _confirm(self, data: bytes, count: int) -> None:
        try:
            self._syncing.written(count)
        except SinkError:
            try:
                self._file.take_back(len(data))
            except OSError:
                self.certain = False
            raise

    def _after_fork(self) -> None:
        # The child shares the parent's open file, and with it the parent's lock: it needs a file of its own.
        super()._after_fork()
        if self._file.fd >= 0:
            os.close(self._file.fd)
        self._file.forget()
        self._syncing.after_fork()


def _found_in(path: Path, wanted: set[str]) -> set[str]:
    found: set[str] = set()
    with open(path, "rb") as lines:
        for line in lines:
            # A quick look first; another event's metadata may name the id too, so the line is read before it counts.
            if any(item.decode("utf-8", "replace") in wanted for item in _ID.findall(line)):
                try:
                    event_id = parse_line(line).get("event_id")
                except IntegrityError:
                    continue
                if event_id in wanted:
                    found.add(event_id)
    return found
