"""The logger that an application holds: one call an action, one event a call."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from bh_lib.emitters.access import Access
from bh_lib.emitters.calls import Calls
from bh_lib.emitters.config import AuditConfig
from bh_lib.emitters.delivery import Delivery, Durable
from bh_lib.emitters.downgrade import Downgrade
from bh_lib.emitters.event import build_event
from bh_lib.emitters.pipeline import Drop, Stage, validate
from bh_lib.emitters.queued import Queued
from bh_lib.emitters.redact import Redactor
from bh_lib.emitters.sinks import JsonlSink
from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.emitters.spool import Spool
from bh_lib.errors import ConfigError, SinkError
from bh_lib.schema import CURRENT

__all__ = ["AuditLogger"]

_log = logging.getLogger("bh_lib.emitters")


class AuditLogger(Calls):
    """Write audit events, of schema 3.0 or the older one that is configured: redacted, validated, chained, kept as promised.

    Safe to share between threads, and to hold across a fork (servers that load the application before they fork). From asyncio
    call it directly: a durable JSONL event takes some 20 µs, less than a hop to a thread. Not from a signal handler: it may have
    interrupted `record` itself, and would wait for it; set a flag there.

    Parameters
    ----------
    config : AuditConfig
        What to write and what to promise.
    sink : Sink, optional
        Where to; by default `JsonlSink` on ``audit.jsonl`` in the working folder.
    stages : sequence of Stage
        Further steps, between redaction and validation: each is a function, event in, event out. They see 3.0.

    Raises
    ------
    InputError
        If what the sink holds already is in the chain of another version.

    Examples
    --------
    >>> from bh_lib.emitters import AuditConfig, MemorySink
    >>> sink = MemorySink()
    >>> with AuditLogger(AuditConfig(service="intake-api", environment="prod"), sink=sink) as audit:
    ...     receipt = audit.record("READ", actor={"subject_id": "u-7", "subject_type": "human"}, phi_touched=True,
    ...                            resource={"type": "Note", "id": "n-1", "patient_id": "p-3"}, purpose_of_use="TREAT")
    >>> receipt.seq, sink.events[0]["outcome"]
    (0, {'status': 'SUCCESS'})
    """

    def __init__(self, config: AuditConfig, *, sink: Sink | None = None, stages: Sequence[Stage] = ()) -> None:
        if not isinstance(config, AuditConfig):
            raise ConfigError("is an AuditConfig", place="config")
        self.config = config
        self.sink = JsonlSink("audit.jsonl") if sink is None else sink
        self._service = config.service_block
        self.redactor = Redactor(config.metadata, config.names)
        older = config.schema_version != CURRENT
        self._downgrade = Downgrade(config.schema_version, config.agents) if older else None
        self._stages: tuple[Stage, ...] = (self.redactor, *stages, self._downgrade or validate)
        self.sink.accept(config.schema_version)
        self._delivery = self._deliverer()
        self._submit = self._delivery.submit
        self._accepted = self._rejected = self._filtered = 0
        self._closed = False
        # Taken by whoever closes. No lock: a fork could copy it locked.
        self._open = [True]
        atexit.register(self.close)

    def _deliverer(self) -> Delivery:
        config = self.config
        spool = Spool(config.spool) if config.spool is not None else None
        if config.delivery == "queued":
            return Queued(self.sink, config.policy, spool, capacity=config.capacity, when_full=config.when_full)
        return Durable(self.sink, config.policy, spool)

    def record(self, action: str, *, actor: Mapping[str, Any], resource: Mapping[str, Any], **fields: Any) -> Receipt:
        """Write one event.

        Parameters
        ----------
        action : str
            ``READ``, ``CREATE``, ``UPDATE``, ``DELETE``, ``QUERY``, ``DISCLOSE``, ``EXPORT``, … as schema 3.0 lists them.
        actor : mapping
            ``subject_id`` and ``subject_type`` (human, service, agent); ``org_id``, ``roles``, ``auth`` and so on.
        resource : mapping
            ``type``; ``id``, ``patient_id``, ``sensitivity``.
        **fields
            ``status`` (SUCCESS if left out), ``error_type``, ``error_message``; ``phi_touched``, ``data_classification``,
            ``name``; ``purpose_of_use``, ``correlation``, ``consent``, ``disclosure``, ``emergency``, ``http``,
            ``delegation``, ``attribution``, ``metadata``; ``timestamp`` and ``event_id`` where they are known already.

        Returns
        -------
        Receipt
            ``event_id``, and ``seq`` and ``event_hash`` where the event is in its chain already.

        Raises
        ------
        SchemaError
            If the event doesn't hold the schema: paths and rules, no values. Nothing is written.
        SinkError
            If the sink can't keep it and the policy is to raise, or the logger is closed.
        """
        if self._closed:
            raise SinkError("the logger is closed: nothing is written")
        event = build_event(self._service, action, actor, resource, fields)
        try:
            for stage in self._stages:
                event = stage(event)
        except Drop:
            self._filtered += 1
            return Receipt(event["event_id"], None, None)
        except Exception:
            self._rejected += 1
            raise
        receipt = self._submit(event)
        self._accepted += 1
        return receipt

    def access(self, action: str, *, actor: Mapping[str, Any], resource: Mapping[str, Any], **fields: Any) -> Access:
        """Record what a block of code, or each call of a function, turns out to have done.

        As a context manager or as a decorator, for functions and coroutine functions alike. SUCCESS; DENIED on a PermissionError;
        FAILURE on any other exception, of which only the class is written, never its words. The exception goes on.

        Examples
        --------
        >>> from bh_lib.emitters import AuditConfig, MemorySink
        >>> audit = AuditLogger(AuditConfig(service="s"), sink=MemorySink())
        >>> who, what = {"subject_id": "u", "subject_type": "human"}, {"type": "Note", "id": "n"}
        >>> with audit.access("UPDATE", actor=who, resource=what) as access:
        ...     access.add(purpose_of_use="TREAT")
        >>> access.receipt.seq
        0
        """
        return Access(self.record, action, actor, resource, fields)

    def health(self) -> dict[str, Any]:
        """Say how it stands, in numbers only: fit for a health endpoint or a metrics scraper."""
        counters = self._delivery.counters
        return {
            "sink": self.sink.name,
            "delivery": self.config.delivery,
            "on_failure": self.config.policy,
            "accepted": self._accepted,
            "rejected": self._rejected,
            "filtered": self._filtered,
            "metadata_dropped": self.redactor.dropped,
            "schema_losses": self._downgrade.total if self._downgrade is not None else 0,
            **{key: counters[key] for key in ("sink_failures", "spooled", "replayed", "dropped", "lost_by_last_run")},
            "sync_failures": self.sink.sync_failures,
            "pending": self._delivery.pending(),
            "healthy": not (counters["dropped"] or self.sink.sync_failures or self._delivery.pending() > self.config.capacity // 2),
        }

    def losses(self) -> list[dict[str, Any]]:
        """Say what the events so far lost because an older version is written: path, kind and reason, and in how many events."""
        return self._downgrade.losses() if self._downgrade is not None else []

    def drain(self, timeout: float | None = None) -> bool:
        """Bring everything accepted into the sink, and force it to the disk; False if it could not in time.

        AWS Lambda freezes the process when the handler returns, and may never thaw it. ``durable`` delivery has nothing left to do
        then. With ``queued`` delivery, or an ``fsync_ms``, drain at the end of each invocation::

            def handler(event, context):
                try:
                    return answer(event)
                finally:
                    audit.drain(2.0)
        """
        done = self._delivery.drain(self.config.drain_seconds if timeout is None else timeout)
        self.sink.flush()
        return done

    def close(self) -> None:
        """Drain and close; may be called twice. Runs at interpreter exit by itself."""
        try:
            self._open.pop()
        except IndexError:
            return
        self._closed = True
        atexit.unregister(self.close)
        if not self._delivery.close(self.config.drain_seconds):
            _log.error("closed with %d events that did not reach sink %s", self._delivery.pending(), self.sink.name)
        self.sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
