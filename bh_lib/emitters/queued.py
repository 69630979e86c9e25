"""Delivery through a bounded queue: `record` doesn't wait for the sink."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter, deque
from typing import Any, Literal
from weakref import WeakSet

from bh_lib.emitters.delivery import OnFailure
from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.emitters.spool import Spool
from bh_lib.errors import ConfigError, SinkError

__all__ = ["Queued"]

_log = logging.getLogger("bh_lib.emitters")
_BATCH = 256


class Queued:
    """A bounded queue and one thread that empties it into the sink, in batches.

    What is in the queue when the process is killed is lost: that is the difference from `Durable`. A full queue
    blocks the caller or drops the event and counts it, as `when_full` says. In a forked child the queue starts empty, the
    parent delivers what it had accepted.

    Parameters
    ----------
    sink : Sink
        Where events go.
    on_failure : "spool" or "drop"
        What becomes of events that the sink refuses.
    spool : Spool, optional
        The journal of ``spool``.
    capacity : int
        Most events that wait.
    when_full : "block" or "drop"
        What `submit` does when that many wait.

    Examples
    --------
    >>> from bh_lib.emitters import MemorySink
    >>> sink = MemorySink()
    >>> queue = Queued(sink, "drop")
    >>> queue.submit({"event_id": "e1"}).seq is None, queue.close(5.0), len(sink.lines)
    (True, True, 1)
    """

    def __init__(
        self,
        sink: Sink,
        on_failure: OnFailure,
        spool: Spool | None = None,
        *,
        capacity: int = 10_000,
        when_full: Literal["block", "drop"] = "block",
    ) -> None:
        if on_failure == "raise":
            raise ConfigError('a queue has no caller to raise to: choose "spool" or "drop"', place="on_failure")
        self._sink, self._spool = sink, spool
        self._capacity, self._blocks = capacity, when_full == "block"
        self.counters: Counter[str] = Counter()
        self._start_empty()
        _alive.add(self)

    def _start_empty(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[dict[str, Any]] = deque()
        self._in_hand = 0
        self._closing = False
        self._thread: threading.Thread | None = None

    def submit(self, event: dict[str, Any]) -> Receipt:
        """Queue one event.

        Raises
        ------
        SinkError
            If the queue was closed.
        """
        with self._changed:
            if self._closing:
                raise SinkError(f"event {event['event_id']} is not kept: the logger is closed")
            while len(self._waiting) >= self._capacity:
                if not self._blocks:
                    self.counters["dropped"] += 1
                    return Receipt(event["event_id"], None, None)
                self._changed.wait()
            self._waiting.append(event)
            if self._thread is None:
                # Started late, so that a server which forks its workers doesn't leave the thread in the parent.
                self._thread = threading.Thread(target=self._work, name="bh-audit", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return Receipt(event["event_id"], None, None)

    def pending(self) -> int:
        """Events in the queue, in the hand of its thread, and in the spool."""
        return len(self._waiting) + self._in_hand + (len(self._spool) if self._spool is not None else 0)

    def drain(self, timeout: float) -> bool:
        """Wait until the queue is empty; what its spool holds doesn't count."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._waiting or self._in_hand:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def close(self, timeout: float) -> bool:
        """Take no more, deliver what waits, and stop the thread; what `timeout` leaves is spooled or counted."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        done = self.drain(timeout)
        if thread is not None and done:
            thread.join(timeout)
        with self._changed:
            left = list(self._waiting)
            self._waiting.clear()
        self._keep(left)
        if self._spool is not None and not self._in_hand:
            if len(self._spool):
                self._retry(self._spool)
            self._spool.close()
        return done and not self.pending()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait(0.5)
                    if self._spool is not None and len(self._spool) and self._spool.is_due():
                        break
                if self._closing and not self._waiting:
                    return
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                self._in_hand = len(batch)
                self._changed.notify_all()
            try:
                self._deliver(batch)
            finally:
                with self._changed:
                    self._in_hand = 0
                    self._changed.notify_all()

    def _deliver(self, batch: list[dict[str, Any]]) -> None:
        if self._spool is not None and len(self._spool) and not (self._spool.is_due() and self._retry(self._spool)):
            self._keep(batch)
            return
        while batch:
            try:
                kept = self._sink.append_many(batch)
            except Exception as error:  # noqa: BLE001  a sink may raise anything at all
                self.counters["sink_failures"] += 1
                _log.error("sink %s raised %s; %d events did not reach it", self._sink.name, type(error).__name__, len(batch))
                self._keep(batch)
                return
            self.counters["delivered"] += kept
            batch = batch[kept:]

    def _retry(self, spool: Spool) -> bool:
        try:
            self.counters["replayed"] += spool.replay(self._sink)
        except Exception as error:  # noqa: BLE001
            self.counters["sink_failures"] += 1
            _log.warning("sink %s still fails (%s); %d events wait in the spool", self._sink.name, type(error).__name__, len(spool))
            return False
        return True

    def _keep(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if self._spool is None:
                self.counters["dropped"] += 1
                continue
            try:
                self._spool.add(event)
                self.counters["spooled"] += 1
            except SinkError:
                self.counters["dropped"] += 1
                _log.error("event %s dropped: neither sink nor spool can be written", event["event_id"])


_alive: WeakSet[Queued] = WeakSet()


def _renew() -> None:
    for queue in list(_alive):
        queue._start_empty()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
