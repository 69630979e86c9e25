"""The files of a ledger as they stood at one moment, so that what a writer does meanwhile is no fault."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from bh_lib.emitters._trail import ledger_files
from bh_lib.errors import InputError

__all__ = ["Ledger", "Moved", "Source", "sources", "written_file"]

Ledger = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_TRIES = 5


class Moved(InputError):  # noqa: N818  whoever reads begins anew, and only then it is an error
    """A file was moved on, or pruned, between its listing and its opening."""

    def __init__(self, path: Path) -> None:
        super().__init__("was moved on or pruned while it was read: try again", path=str(path))


@dataclass(frozen=True, slots=True)
class Source:
    """One file, and how much of it counts: what is written later is for the next reading.

    Parameters
    ----------
    path : Path
        Where it was listed.
    size : int
        Its bytes at that moment.
    inode : int
        Which file it was: a path may lead to another one by now.
    """

    path: Path
    size: int
    inode: int

    def open(self) -> FileIO:
        """Open it.

        Raises
        ------
        Moved
            If the file is gone by now.
        InputError
            If it can't be read, or is no text.
        """
        file = self._found(self.path) or self._elsewhere()
        if file is None:
            raise Moved(self.path)
        if file.read(2) == b"\x1f\x8b":
            file.close()
            raise InputError("is compressed (gzip): unpack it first", path=str(self.path))
        file.seek(0)
        return file

    def _found(self, path: Path) -> FileIO | None:
        try:
            file = FileIO(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"can't be read: {type(error).__name__}", path=str(path)) from None
        if os.fstat(file.fileno()).st_ino == self.inode:
            return file
        file.close()
        return None

    def _elsewhere(self) -> FileIO | None:
        """A rotation gives the file another name beside its old one, and may do so while a long ledger is read."""
        with os.scandir(self.path.parent) as entries:
            names = [entry.name for entry in entries if entry.inode() == self.inode]
        return self._found(self.path.with_name(names[0])) if names else None

    def first_line(self, most: int) -> bytes:
        """Its first line, without the line break; of a longer one than `most` bytes only the beginning."""
        with self.open() as file:
            line = b""
            while len(line) < most and (block := file.read(min(1 << 16, self.size - len(line)))):
                line += block
                if b"\n" in block:
                    break
        return line.split(b"\n", 1)[0]


def written_file(ledger: Ledger) -> Path:
    """The file of a ledger that a writer appends to: the path itself, or the last of several."""
    if isinstance(ledger, (str, os.PathLike)):
        return Path(ledger)
    if not ledger:
        raise InputError("at least one file is needed")
    return Path(ledger[-1])


def sources(ledger: Ledger) -> list[Source]:
    """List a ledger's files, oldest first; a path stands for all files of its trail.

    Raises
    ------
    InputError
        If a file can't be read, or files are moved on faster than they can be listed.
    """
    missing: FileNotFoundError | None = None
    for _ in range(_TRIES):
        try:
            found, again = _listed(ledger), _listed(ledger)
        except FileNotFoundError as error:
            # A writer that moves its file on takes it away between a look at the folder and one at the file.
            missing = error
            continue
        missing = None
        if [(source.path, source.inode) for source in found] == [(source.path, source.inode) for source in again]:
            return found
    if missing is not None:
        raise InputError("no such file", path=str(missing.filename)) from None
    raise InputError("its files are moved on all the time: try again when the writer rests", path=str(written_file(ledger)))


def _listed(ledger: Ledger) -> list[Source]:
    files = ledger_files(ledger) if isinstance(ledger, (str, os.PathLike)) else [Path(item) for item in ledger]
    found = []
    for path in files:
        try:
            state = path.stat()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise InputError(f"can't be read: {type(error).__name__}", path=str(path)) from None
        if not stat.S_ISREG(state.st_mode):
            raise InputError("is a folder, not a file" if stat.S_ISDIR(state.st_mode) else "is not a file", path=str(path))
        found.append(Source(path, state.st_size, state.st_ino))
    return found
