"""The files of one trail: the one that is written, and the closed ones before it, named so that they sort in order.

``audit.jsonl`` is closed as ``audit.000000000999.jsonl``, where 999 is the place (``seq``) of its last event. A place
is certain and only grows; a clock can be set back.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from bh_lib.emitters.chain import Head, head_after, parse_line
from bh_lib.errors import InputError

__all__ = ["closed_files", "closed_path", "closed_place", "last_head", "ledger_files", "moved_files", "read_tail"]

_TAIL = 1 << 16


def ledger_files(path: str | os.PathLike[str]) -> list[Path]:
    """List the files of a trail that `JsonlSink` rotates, oldest first: closed ones, then the one being written.

    A trail that was never rotated is its one file. List again if a writer may have rotated meanwhile. Files that something
    else moved away, such as logrotate, are not found: name them yourself.

    Parameters
    ----------
    path : path-like
        The path that the sink was given.

    Returns
    -------
    list of Path
        Never empty: where nothing is there yet, the path itself, and whoever opens it says that it is missing.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from bh_lib.emitters import JsonlSink, verify
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "audit.jsonl"
    ...     sink = JsonlSink(path, rotate_bytes=1)
    ...     for number in range(3):
    ...         _ = sink.append({"event_id": f"e{number}"})
    ...     sink.close()
    ...     [file.name for file in ledger_files(path)], str(verify(ledger_files(path)))
    (['audit.000000000000.jsonl', 'audit.000000000001.jsonl', 'audit.jsonl'], 'CONSISTENT')
    """
    path = Path(path)
    files = closed_files(path)
    if path.exists() or not files:
        files.append(path)
    return files


def closed_files(path: Path) -> list[Path]:
    """List what was closed, oldest first."""
    pattern = _closed(path)
    try:
        names = os.listdir(path.parent)  # noqa: PTH208  names are what the pattern is about
    except OSError:
        return []
    found = [(int(match[1]), name) for name in names if (match := pattern.fullmatch(name))]
    return [path.with_name(name) for _, name in sorted(found)]


def closed_place(path: Path) -> int:
    """The place that the name of the last closed file states; -1 where none is."""
    return max((int(match[1]) for file in closed_files(path) if (match := _closed(path).fullmatch(file.name))), default=-1)


def _closed(path: Path) -> re.Pattern[str]:
    return re.compile(re.escape(path.stem) + r"\.(\d{12,16})" + re.escape(path.suffix))


def moved_files(path: Path) -> list[Path]:
    """List what something else seems to have moved away (``audit.jsonl.1``), the last written last; it may move on meanwhile."""
    found: list[tuple[float, str]] = []
    try:
        with os.scandir(path.parent) as entries:
            for entry in entries:
                if entry.name.startswith(path.name) and entry.name != path.name:
                    with suppress(OSError):
                        found.append((entry.stat().st_mtime, entry.name))
    except OSError:
        return []
    return [path.with_name(name) for _, name in sorted(found)]


def closed_path(path: Path, seq: int) -> Path:
    """Name the file that ends at this place.

    Examples
    --------
    >>> closed_path(Path("audit.jsonl"), 999).name
    'audit.000000000999.jsonl'
    """
    return path.with_name(f"{path.stem}.{seq:012d}{path.suffix}")


def read_tail(fd: int, end: int) -> bytes:
    """Read the bytes from the last complete line's beginning (or earlier) to `end`."""
    size = _TAIL
    while True:
        start = max(0, end - size)
        tail = os.pread(fd, end - start, start)
        if start == 0 or tail.count(b"\n") > 1:
            return tail
        size *= 4


def last_head(path: Path) -> Head | None:
    """Read where the chain stood when a file was last written; None where it is empty. A torn end doesn't count.

    Raises
    ------
    InputError
        If the file can't be read.
    IntegrityError
        If the last line is not an event of a chain.
    """
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            tail = read_tail(fd, os.fstat(fd).st_size)
        finally:
            os.close(fd)
    except OSError as error:
        raise InputError(f"can't be read: {type(error).__name__}", path=str(path)) from None
    complete = tail[: tail.rfind(b"\n") + 1]
    return head_after(parse_line(complete[:-1].rsplit(b"\n", 1)[-1])) if complete else None
