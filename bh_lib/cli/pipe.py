"""Standard output whose reader may leave before the end, as `head` does: the command still ends as what it found demands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

__all__ = ["leaving_reader"]


class _Patient:
    """Standard output that takes what nobody reads any more: a verdict must not turn into another because of `| head`."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except BrokenPipeError:
            self._to_nowhere()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._to_nowhere()

    def _to_nowhere(self) -> None:
        # The descriptor too: what is still in the stream's buffer is written once more at the interpreter's exit.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def leaving_reader() -> Iterator[None]:
    """Let standard output outlive its reader, quietly, while the block runs.

    Examples
    --------
    >>> with leaving_reader():
    ...     print("read")
    read
    """
    stream, patient = sys.stdout, _Patient(sys.stdout)
    sys.stdout = cast(TextIO, patient)
    try:
        yield
    finally:
        patient.flush()
        if cast(Any, sys.stdout) is patient:
            sys.stdout = stream
