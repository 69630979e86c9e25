"""Takes the beginning of a ledger away, file by file, so that it verifies at every moment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from bh_lib._extras import optional
from bh_lib.emitters._cut import Cut
from bh_lib.emitters._scrap import part_beside, remove_stale_parts
from bh_lib.emitters._source import Moved, Source, sources
from bh_lib.emitters.chain import parse_line
from bh_lib.emitters.pruned import PruneRecord, record_path, write_records
from bh_lib.errors import ConfigError, InputError, IntegrityError

__all__ = ["Place", "Removal", "find_place", "locked", "whole_lines"]

_BLOCK = 1 << 20
_LOCK_TRIES = 1000
_fcntl = optional("fcntl")
if _fcntl is not None:
    _flock, _EXCLUSIVE = _fcntl.flock, _fcntl.LOCK_EX


class Place(NamedTuple):
    """Where to cut: before this byte of this file, after so many events."""

    file: int
    offset: int
    events: int


def find_place(files: Sequence[Source], when: datetime) -> Place:
    """Find the first event that stays: one that is not older, or the last one."""
    place, count = Place(0, 0, 0), 0
    for number, source in enumerate(files):
        offset = 0
        with BufferedReader(source.open()) as lines:
            for line in lines:
                if not line.endswith(b"\n") or offset + len(line) > source.size:
                    break
                place = Place(number, offset, count)
                if not _is_older(line, when):
                    return place
                count += 1
                offset += len(line)
    return place


def _is_older(line: bytes, when: datetime) -> bool:
    try:
        written = datetime.fromisoformat(parse_line(line)["timestamp"])
    except (IntegrityError, KeyError, TypeError, ValueError):
        return False
    return written.tzinfo is not None and written < when


def whole_lines(source: Source) -> int:
    """How many of a file's bytes are whole lines."""
    with source.open() as file:
        end = source.size
        while end > 0:
            start = max(0, end - _BLOCK)
            at = os.pread(file.fileno(), end - start, start).rfind(b"\n")
            if at >= 0:
                return start + at + 1
            end = start
    return 0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep the writers of a ledger out, as they keep each other out."""
    if _fcntl is None:
        raise ConfigError("needs file locks as POSIX systems have them", place="prune")
    for _ in range(_LOCK_TRIES):
        try:
            fd = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            # A rotation makes the next file in a moment.
            time.sleep(0.001)
            continue
        except OSError as error:
            raise InputError(f"can't be opened for writing: {type(error).__name__}", path=str(path)) from None
        try:
            _flock(fd, _EXCLUSIVE)
            there = False
            with suppress(FileNotFoundError):
                there = os.fstat(fd).st_ino == path.stat().st_ino
            if there:
                yield
                return
        finally:
            os.close(fd)
    raise Moved(path)


class Removal:
    """The files' part of a pruning.

    What stays of the file that is cut is copied beside it. Under the writers' lock the record is written first, then the copy
    takes its file's place, which is the moment of the pruning, and then whole files go. Stopped in between, it leaves a record that
    isn't needed yet, or files that no longer count.

    Parameters
    ----------
    live : Path
        The ledger, for its record.
    cut : Cut
        Its files as they stand.
    place : Place
        Where to cut.
    end : int
        Bytes of the last file that were read without the lock.
    is_trail : bool
        Whether the files were found by the ledger's path, and not named one by one.
    """

    def __init__(self, live: Path, cut: Cut, place: Place, end: int, *, is_trail: bool) -> None:
        self._live, self._cut, self._place, self._end = live, cut, place, end
        self._at = cut.files[place.file]
        self._is_trail = is_trail
        self._copy = Path()
        self._held = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if self._copy.name:
                self._copy.unlink(missing_ok=True)
        finally:
            self._let_go()

    def copy(self) -> None:
        """Copy what stays of the file that is cut; nothing to do where the cut is between two files."""
        if not self._place.offset:
            return
        try:
            self._held, self._copy = part_beside(self._at.path)
        except OSError as error:
            raise InputError(f"can't be written beside: {type(error).__name__}", path=str(self._at.path)) from None
        end = self._end if self._at is self._cut.files[-1] else self._at.size
        self._append(self._held, self._place.offset, end)

    @contextmanager
    def locked(self, *, held: bool) -> Iterator[int]:
        """Keep writers out; yields the size of the last file. Another pruning, or a rotation, since it was read raises Moved."""
        last = self._cut.files[-1]
        with nullcontext() if held else locked(last.path):
            seen = [(source.path, source.inode) for source in (*self._cut.leftover, *self._cut.files)]
            if self._is_trail and [(source.path, source.inode) for source in sources(self._live)] != seen:
                raise Moved(self._live)
            files = (source.path for source in (*self._cut.leftover, *self._cut.files))
            remove_stale_parts({*files, record_path(self._live)})
            with last.open() as file:
                yield os.fstat(file.fileno()).st_size

    def finish(self, now: int, records: Sequence[PruneRecord]) -> None:
        """Write the record, and take away what it stands for. Called with the lock held."""
        last = self._cut.files[-1]
        if self._copy.name:
            with open(self._copy, "ab") as out:
                if self._at is last:
                    self._append(out.fileno(), self._end, now)
                state = self._at.path.stat()
                os.fchmod(out.fileno(), state.st_mode)
                with suppress(PermissionError):
                    os.fchown(out.fileno(), state.st_uid, state.st_gid)
                # A writer that rotates by time reads the file's age from here.
                os.utime(out.fileno(), ns=(state.st_atime_ns, state.st_mtime_ns))
                os.fsync(out.fileno())
        write_records(self._live, records)
        _sync_folder(self._live.parent)
        if self._copy.name:
            self._copy.replace(self._at.path)
            # It is the ledger now, and writers want its lock.
            self._let_go()
            _sync_folder(self._at.path.parent)
        for source in (*self._cut.leftover, *self._cut.files[: self._place.file]):
            source.path.unlink(missing_ok=True)
        _sync_folder(self._at.path.parent)

    def _let_go(self) -> None:
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def _append(self, out: int, start: int, end: int) -> None:
        with self._at.open() as file, open(out, "ab", closefd=False) as target:
            file.seek(start)
            left = end - start
            while left > 0 and (block := file.read(min(_BLOCK, left))):
                target.write(block)
                left -= len(block)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
