"""The unfinished copies that a pruning makes beside a ledger, and what becomes of those that a killed one left."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bh_lib._extras import optional

__all__ = ["part_beside", "remove_stale_parts"]

# An export or a conversion to the same name has a `.part` too, but not this word: it is none of ours.
_WORD, _END = ".prune-", ".part"
_fcntl = optional("fcntl")


def part_beside(path: Path) -> tuple[int, Path]:
    """Make an empty file beside another; the lock on it says that its maker lives, and goes with it, `kill -9` included.

    Raises
    ------
    OSError
        If it can't be made.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fd, part = part_beside(Path(folder) / "audit.jsonl")
    ...     remove_stale_parts([Path(folder) / "audit.jsonl"])
    ...     kept = part.exists()
    ...     os.close(fd)
    ...     remove_stale_parts([Path(folder) / "audit.jsonl"])
    ...     kept, part.exists()
    (True, False)
    """
    while True:
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}{_WORD}", suffix=_END)
        if _fcntl is not None:
            _fcntl.flock(fd, _fcntl.LOCK_EX)
        # Another pruning may have taken it for stale before it was locked.
        if os.fstat(fd).st_nlink:
            return fd, Path(name)
        os.close(fd)


def remove_stale_parts(paths: Iterable[Path]) -> None:
    """Remove what killed prunings left beside these files: nobody holds its lock."""
    files = list(paths)
    patterns = [re.compile(re.escape(f".{path.name}{_WORD}") + r"[a-z0-9_]{8}" + re.escape(_END)) for path in files]
    for folder in {path.parent for path in files}:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False) and any(pattern.fullmatch(entry.name) for pattern in patterns):
                    _remove_if_stale(entry.path)


def _remove_if_stale(path: str) -> None:
    with suppress(OSError):
        fd = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0))
        try:
            if _is_free(fd):
                Path(path).unlink(missing_ok=True)
        finally:
            os.close(fd)


def _is_free(fd: int) -> bool:
    if _fcntl is None:
        return False
    try:
        _fcntl.flock(fd, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
