"""What a sink is: a place that keeps linked events, and the critical section in which they are linked.

A new sink needs one method::

    class Printed(Sink):
        name = "printed"

        def write(self, line: bytes) -> None:
            print(line.decode(), end="")
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from weakref import WeakSet

from bh_lib.emitters.chain import Head, check_kind, link, new_chain

__all__ = ["Receipt", "Sink"]


class Receipt(NamedTuple):
    """What `record` gives back.

    ``seq`` and ``event_hash`` are None where the event is accepted but not yet in its chain (queued or spooled). Versions below
    3.0 have a chain without places: there ``seq`` may be None too.
    A tuple, because one is made for every event.
    """

    event_id: str
    seq: int | None
    event_hash: str | None


class Sink(ABC):
    """Keeps events, and owns the head of the chain that it keeps.

    Link, write and advance are one critical section. If the write raises, the head stays: the next event takes the
    same place, and no hole is left. This class guards threads of one process with a lock and starts a chain of its own per
    process (a forked child starts another). A sink whose store is shared by processes overrides `append` and takes
    the head from the store.
    """

    #: Names the sink in messages and health snapshots.
    name = "sink"
    #: Whether an append may take long, as a network or an fsync does: an event loop then must not wait for it.
    slow = False

    #: Whether an append that raises has surely kept nothing. Where it is not sure, a replay asks what the sink `holds` first.
    certain = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._head: Head = new_chain()
        _alive.add(self)

    @property
    def sync_failures(self) -> int:
        """How often a disk didn't confirm what was written to it, where the sink asks."""
        return 0

    @abstractmethod
    def write(self, line: bytes) -> None:
        """Keep one ledger line; when this returns, it is kept as well as the sink promises. Raise if it is not."""

    def accept(self, version: str) -> None:
        """Refuse a version of the standard whose chain can't go on here; the logger asks at its start.

        Raises
        ------
        InputError
            If what is kept already is in a chain of another kind.
        """
        check_kind(version, self._head)

    def append(self, event: dict[str, Any]) -> Receipt:
        """Link one event to the head, write it, and advance."""
        with self._lock:
            line, head = link(event, self._head)
            self.write(line)
            self._head = head
        return Receipt(event["event_id"], head[1] if head[0] else None, head[2])

    def append_many(self, events: Sequence[dict[str, Any]]) -> int:
        """Append in order until one fails; returns how many are kept, and raises only where none is."""
        for count, event in enumerate(events):
            try:
                self.append(event)
            except Exception:
                if count == 0:
                    raise
                return count
        return len(events)

    def holds(self, event_ids: Iterable[str]) -> set[str]:
        """Which of these events are already kept: asked when a spool is replayed after a crash.

        A sink that can't look back answers with none, and a replay after a crash may then repeat events; each repeat has
        the same ``event_id``.
        """
        del event_ids
        return set()

    def flush(self) -> None:
        """Push what is buffered, where a sink buffers."""
        return

    def close(self) -> None:
        """Release files and connections. May be called twice."""
        return

    def _after_fork(self) -> None:
        """Run in a forked child: another thread of the parent may have held the lock, and the chain is the parent's."""
        self._lock = threading.Lock()
        self._head = new_chain()


_alive: WeakSet[Sink] = WeakSet()


def _renew() -> None:
    for sink in list(_alive):
        sink._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
