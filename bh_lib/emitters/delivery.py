"""How surely an event is kept: a promise with a name, and what happens when the sink can't hold it.

``durable``: when `submit` returns, the sink has the event. ``queued`` (`bh_lib.emitters.queued`): a bounded queue has it.
If the sink fails: ``raise`` tells the caller, ``spool`` keeps the event in a local journal and replays it in order,
``drop`` counts it. Nothing is ever lost without a count.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from typing import Any, Literal, Protocol
from weakref import WeakSet

from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.emitters.spool import Spool
from bh_lib.errors import ConfigError, SinkError

__all__ = ["Delivery", "Durable", "OnFailure"]

OnFailure = Literal["raise", "spool", "drop"]
"""What to do with an event that the sink could not keep."""

_log = logging.getLogger("bh_lib.emitters")
# The longest that one event waits for older ones: what a recovered sink has to catch up with is spread over the next calls.
_PATIENCE = 0.1


class Delivery(Protocol):
    """Takes events that are ready, and keeps its promise about them."""

    counters: Counter[str]

    def submit(self, event: dict[str, Any]) -> Receipt:
        """Take one event."""

    def pending(self) -> int:
        """How many events are accepted and not yet in the sink."""

    def drain(self, timeout: float) -> bool:
        """Bring what is pending into the sink; False if that took longer than `timeout` seconds or failed."""

    def close(self, timeout: float) -> bool:
        """Drain, then stop."""


class Durable:
    """Deliver in the caller's own thread: what `submit` returned for is in the sink.

    Parameters
    ----------
    sink : Sink
        Where events go.
    on_failure : "raise", "spool" or "drop"
        With ``spool`` the promise is the journal's: flushed to the operating system before `submit` returns.
    spool : Spool, optional
        The journal; needed for ``spool``.

    Examples
    --------
    >>> from bh_lib.emitters import MemorySink
    >>> Durable(MemorySink()).submit({"event_id": "e1"}).seq
    0
    """

    def __init__(self, sink: Sink, on_failure: OnFailure = "raise", spool: Spool | None = None) -> None:
        if on_failure not in ("raise", "spool", "drop"):
            raise ConfigError('is "raise", "spool" or "drop"', place="on_failure")
        if (on_failure == "spool") != (spool is not None):
            raise ConfigError('a spool is needed for on_failure="spool", and only there', place="spool")
        self._sink, self._on_failure, self._spool = sink, on_failure, spool
        self._order = threading.RLock()
        self._counting = threading.Lock()
        self.counters: Counter[str] = Counter()
        _alive.add(self)

    def submit(self, event: dict[str, Any]) -> Receipt:
        """Bring one event into the sink.

        Raises
        ------
        SinkError
            If the sink could not keep it and the policy is ``raise``, or the spool could not keep it either.
            The message names the event's id and the sink's, never the cause's words: they may quote the event.
        """
        if self._spool is not None:
            return self._submit_in_order(event, self._spool)
        try:
            return self._sink.append(event)
        except Exception as error:  # noqa: BLE001  a sink may raise anything at all
            return self._failed(event, error)

    def pending(self) -> int:
        """Events in the spool."""
        return len(self._spool) if self._spool is not None else 0

    def drain(self, timeout: float) -> bool:
        """Replay the spool; False if events are left in it."""
        if self._spool is None:
            return True
        with self._order:
            return self._replay(self._spool, timeout)

    def close(self, timeout: float) -> bool:
        """Replay the spool; what the sink still refuses stays in the journal for the next process."""
        done = self.drain(timeout)
        if self._spool is not None:
            self._spool.close()
        return done

    def _submit_in_order(self, event: dict[str, Any], spool: Spool) -> Receipt:
        # One at a time: a new event must not overtake those that wait in the spool.
        with self._order:
            if not len(spool) or (spool.is_due() and self._replay(spool, _PATIENCE)):
                try:
                    return self._sink.append(event)
                except Exception as error:  # noqa: BLE001
                    self._count("sink_failures")
                    self._warn(event, error, "spooled")
            spool.add(event)
            self._count("spooled")
        return Receipt(event["event_id"], None, None)

    def _replay(self, spool: Spool, timeout: float) -> bool:
        try:
            spool.replay(self._sink, time.monotonic() + timeout)
        except Exception as error:  # noqa: BLE001
            self._count("sink_failures")
            _log.warning("sink %s still fails (%s); %d events wait in the spool", self._sink.name, type(error).__name__, len(spool))
        self.counters["replayed"] = spool.moved
        return not len(spool)

    def _failed(self, event: dict[str, Any], error: Exception) -> Receipt:
        self._count("sink_failures")
        if self._on_failure == "raise":
            raise SinkError(
                f"event {event['event_id']} is not kept: sink {self._sink.name} raised {type(error).__name__}"
            ) from None
        self._count("dropped")
        self._warn(event, error, "dropped")
        return Receipt(event["event_id"], None, None)

    def _count(self, what: str) -> None:
        # Counter is no counter between threads: += reads, calls and writes.
        with self._counting:
            self.counters[what] += 1

    def _warn(self, event: dict[str, Any], error: Exception, what: str) -> None:
        _log.error("event %s %s: sink %s raised %s", event["event_id"], what, self._sink.name, type(error).__name__)


_alive: WeakSet[Durable] = WeakSet()


def _renew() -> None:
    for durable in list(_alive):
        # Another thread of the parent may have held them.
        durable._order, durable._counting = threading.RLock(), threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
