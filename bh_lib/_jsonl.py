"""JSON Lines in and out: a fault is named by file and line, and nothing is ever half-written."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from bh_lib.errors import InputError

__all__ = ["atomic_write", "opened", "read_json", "read_jsonl", "write_json", "write_jsonl"]


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def opened(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file to read its bytes.

    Raises
    ------
    InputError
        If there is none, it is a folder, or it can't be read.
    """
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise InputError("no such file", path=str(path)) from None
    except IsADirectoryError:
        raise InputError("is a folder, not a file", path=str(path)) from None
    except PermissionError:
        raise InputError("can't be read: permission denied", path=str(path)) from None


def _parsed(data: bytes, path: str | os.PathLike[str], place: str | None) -> Any:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("is not UTF-8", path=str(path), place=place) from None
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InputError("is not valid JSON", path=str(path), place=place) from None


def read_jsonl(path: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(line number from 1, object)`` for each line that isn't blank, one line in memory at a time.

    Raises
    ------
    InputError
        If the file can't be read, or a line is not a JSON object; it names the line, never what stands there.
    """
    with opened(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            value = _parsed(line, path, f"line {number}")
            if not isinstance(value, dict):
                raise InputError("is not a JSON object", path=str(path), place=f"line {number}")
            yield number, value


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read one JSON document; faults as in `read_jsonl`."""
    with opened(path) as data:
        return _parsed(data.read(), path, None)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """Write a text file that appears whole or not at all.

    The text goes to a temporary file beside it, which takes its place when the block ends without an exception.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "out.txt"
    ...     with atomic_write(target) as out:
    ...         _ = out.write("whole")
    ...     target.read_text()
    'whole'
    """
    target = Path(path)
    if target.is_dir():
        raise InputError("is a folder, not a file", path=str(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except (PermissionError, FileExistsError, NotADirectoryError):
        raise InputError("can't be written: choose a folder that you may write to", path=str(path)) from None
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as out:
            yield out
        # mkstemp makes files private; give the file the rights that a plain open() would have given.
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write one readable JSON document, whole or not at all."""
    with atomic_write(path) as out:
        json.dump(value, out, ensure_ascii=False, indent=2)
        out.write("\n")


def write_jsonl(path: str | os.PathLike[str], rows: Iterable[dict[str, Any]]) -> int:
    """Write one compact JSON object a line, whole or not at all; returns the number of lines."""
    count = 0
    with atomic_write(path) as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
            out.write("\n")
            count += 1
    return count
