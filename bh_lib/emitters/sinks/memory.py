"""A sink that keeps events in memory: for tests, notebooks, and the first five minutes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bh_lib.emitters.chain import parse_line
from bh_lib.emitters.sinks.base import Sink

__all__ = ["MemorySink"]


class MemorySink(Sink):
    """Keeps ledger lines in a list.

    Attributes
    ----------
    lines : list of bytes
        Each with its newline, as the JSONL sink would have written it.

    Examples
    --------
    >>> sink = MemorySink()
    >>> sink.append({"event_id": "e1"}).seq
    0
    >>> sink.events[0]["event_id"]
    'e1'
    """

    name = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[bytes] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events, read back from their lines: what a caller changes later doesn't show here."""
        return [parse_line(line) for line in self.lines]

    def write(self, line: bytes) -> None:
        """Keep one line."""
        self.lines.append(line)

    def holds(self, event_ids: Iterable[str]) -> set[str]:
        """Which of these events are kept."""
        return set(event_ids) & {event["event_id"] for event in self.events}
