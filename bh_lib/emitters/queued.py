"""Delivery through a bounded queue: `record` doesn't wait for the sink."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import weakref
from collections import Counter, deque
from typing import Any, Literal
from weakref import WeakSet

from bh_lib.emitters.delivery import OnFailure
from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.emitters.spool import Spool
from bh_lib.emitters.tally import Tally
from bh_lib.errors import ConfigError, SinkError

__all__ = ["Queued"]

_log = logging.getLogger("bh_lib.emitters")
_BATCH = 256
_PATIENCE = 1.0
_ENOUGH = 3
_AT_EXIT = 10.0


class Queued:
    """A bounded queue and one thread that empties it into the sink, in batches.

    What waits when the process is killed is lost, at most `capacity` and one batch of 256: that is the difference from `Durable`.
    With a spool the next process knows how many that were at most: ``lost_by_last_run``, in `counters` and in the log. A queue that
    waits too long is a state, not an accident: `pending` says how many it would be. A full queue blocks the caller (an event loop
    too) or drops the event and counts it, as `when_full` says. In a forked child the queue starts empty, the parent delivers what
    it had accepted.

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
        self._tally: Tally | None = None
        self._start_empty()
        _alive.add(self)

    def _start_empty(self) -> None:
        self._changed = threading.Condition()
        self._counting = threading.Lock()
        self._waiting: deque[dict[str, Any]] = deque()
        self._hand: list[dict[str, Any]] = []
        self._closing = self._abandoned = False
        self._thread: threading.Thread | None = None
        if self._spool is None:
            return
        if self._tally is not None:
            self._tally.abandon()
        self._tally = Tally(self._spool.path, self._spool.base)
        self.counters["lost_by_last_run"] = self._tally.lost
        if self._tally.lost:
            _log.error("at most %d events are lost that a process before this one held in memory when it ended", self._tally.lost)

    def submit(self, event: dict[str, Any]) -> Receipt:
        """Queue one event.

        Raises
        ------
        SinkError
            If the queue was closed.
        """
        with self._changed:
            while not self._closing and len(self._waiting) >= self._capacity:
                if not self._blocks:
                    self._count("dropped", 1)
                    return Receipt(event["event_id"], None, None)
                self._changed.wait()
            # Asked after the wait: nobody empties the queue once it is closed.
            if self._closing:
                raise SinkError(f"event {event['event_id']} is not kept: the logger is closed")
            self._waiting.append(event)
            if self._tally is not None:
                self._tally.note(len(self._waiting) + len(self._hand))
            if self._thread is None:
                self._start()
            self._changed.notify_all()
        return Receipt(event["event_id"], None, None)

    def pending(self) -> int:
        """Events in the queue, in the hand of its thread, and in the spool."""
        return len(self._waiting) + len(self._hand) + (len(self._spool) if self._spool is not None else 0)

    def drain(self, timeout: float) -> bool:
        """Wait until the queue is empty, and replay the spool; False if that took too long or the sink refused."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._waiting or self._hand:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return self._spool is None or not len(self._spool) or self._retry(self._spool, deadline)

    def close(self, timeout: float) -> bool:
        """Take no more, deliver what waits, and stop the thread; what `timeout` leaves is spooled or counted.

        What the thread has in hand then, at a sink that doesn't answer, is spooled too: if it arrives after all, the replay skips
        it, where the sink can look.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        done = self.drain(timeout)
        if thread is not None and done:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            left = [*self._hand, *self._waiting]
            self._abandoned = bool(self._hand)
            self._waiting.clear()
        self._keep(left)
        if self._tally is not None:
            self._tally.remove()
        if self._spool is not None:
            self._spool.close()
        return done and not left

    def _start(self) -> None:
        # Started late, so that a server which forks its workers doesn't leave the thread in the parent.
        self._thread = threading.Thread(target=self._work, name="bh-audit", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # The interpreter is ending and starts no thread: deliver here and now.
            self._thread = None
            batch = list(self._waiting)
            self._waiting.clear()
            self._deliver(batch)
            if self._tally is not None:
                self._tally.note(0)
            return
        # A process that multiprocessing forked leaves without the exit handlers that close a logger.
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.Finalize(self, _drained, (weakref.ref(self),), exitpriority=100)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait(0.5)
                    if self._spool is not None and len(self._spool) and self._spool.is_due():
                        break
                if self._closing and not self._waiting:
                    return
                self._hand = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                self._changed.notify_all()
            try:
                self._deliver(self._hand)
            except Exception as error:  # noqa: BLE001  the thread must not end while the queue is fed
                self._count("dropped", len(self._hand))
                _log.error("%d events dropped: %s", len(self._hand), type(error).__name__)
            with self._changed:
                self._hand = []
                if self._tally is not None:
                    self._tally.note(len(self._waiting))
                self._changed.notify_all()

    def _deliver(self, batch: list[dict[str, Any]]) -> None:
        spool = self._spool
        if spool is not None and len(spool) and not (spool.is_due() and self._retry(spool, time.monotonic() + _PATIENCE)):
            self._keep(batch)
            return
        failed = 0
        while batch:
            try:
                kept = self._sink.append_many(batch)
            except Exception as error:  # noqa: BLE001  a sink may raise anything at all
                self._count("sink_failures", 1)
                failed += 1
                # Without a spool one event that the sink can't take must not pull down those behind it; a sink that refuses
                # several has failed.
                lost = batch[:1] if spool is None and failed < _ENOUGH else batch
                _log.error("sink %s raised %s; %d events did not reach it", self._sink.name, type(error).__name__, len(lost))
                self._keep(lost)
                batch = batch[len(lost) :]
                continue
            failed = 0
            self._count("delivered", kept)
            batch = batch[kept:]

    def _retry(self, spool: Spool, deadline: float) -> bool:
        try:
            spool.replay(self._sink, deadline)
        except Exception as error:  # noqa: BLE001
            self._count("sink_failures", 1)
            _log.warning("sink %s still fails (%s); %d events wait in the spool", self._sink.name, type(error).__name__, len(spool))
        self.counters["replayed"] = spool.moved
        return not len(spool)

    def _keep(self, events: list[dict[str, Any]]) -> None:
        if self._abandoned and threading.current_thread() is self._thread:
            return  # `close` has kept them
        for event in events:
            if self._spool is None:
                self._count("dropped", 1)
                continue
            try:
                self._spool.add(event)
                self._count("spooled", 1)
            except SinkError:
                self._count("dropped", 1)
                _log.error("event %s dropped: neither sink nor spool can be written", event["event_id"])

    def _count(self, what: str, how_many: int) -> None:
        with self._counting:
            self.counters[what] += how_many


def _drained(queue: weakref.ref[Queued]) -> None:
    alive = queue()
    if alive is not None and alive._thread is not None:
        alive.drain(_AT_EXIT)


_alive: WeakSet[Queued] = WeakSet()


def _renew() -> None:
    for queue in list(_alive):
        queue._start_empty()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
