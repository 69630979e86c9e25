"""Pure ASGI middleware: one audit event a request, for FastAPI, Starlette, Litestar, Django, or any ASGI application.

It reads method, status, route template and a correlation id. Never: path, query string, body, cookies, other headers, or an
exception's words. What the application knows better, it says through ``scope["bh_audit"]``::

    @app.get("/patients/{patient_id}")
    async def patient(request: Request, patient_id: str):
        request.scope["bh_audit"].add(purpose_of_use="TREAT", resource={"type": "Patient", "patient_id": patient_id})
        if not may_see(...):
            request.scope["bh_audit"].deny("ConsentRequired")
            raise HTTPException(403)
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bh_lib.emitters._exchange import Exchange, Receive, RequestAudit, Scope, Send
from bh_lib.emitters._lifespan import serve_lifespan
from bh_lib.emitters._request import Block, Hooks, RequestFacts
from bh_lib.emitters.logger import AuditLogger
from bh_lib.errors import ConfigError, SinkError

__all__ = ["AuditMiddleware", "RequestAudit"]

App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("bh_lib.emitters")
_INCOMPLETE = {"status": "FAILURE", "error_type": "AuditIncomplete", "error_message": "refused: its event was incomplete"}


class AuditMiddleware:
    """Audit each HTTP request and each WebSocket connection.

    The event is written before the last part of the response goes out. A WebSocket connection's is written at its end.

    Parameters
    ----------
    app : ASGI application
        What to audit.
    audit : AuditLogger
        Where events go. It is drained when the server shuts down (lifespan), so nobody needs to remember it.
    actor, resource : callable, optional
        From the scope, after the application ran, to the event's block. Without them: an unknown human, and the route.
    patient, purpose : callable, optional
        From the scope to ``resource.patient_id`` and ``purpose_of_use``; None leaves it out.
    reason : callable, optional
        From the scope to the class of a refusal, such as ``ConsentRequired``; asked where a request was denied.
    patient_param : str, optional
        Name of the path parameter that is a patient's id, written as ``resource.patient_id``.
    exclude : iterable of str
        Exact paths that are not audited, such as ``/healthz``.
    fail_closed : bool
        Answer 503 if the event can't be kept in full; the event is then written before the response begins. By default the
        request goes on, and the failure is logged and counted.
    in_thread : bool, optional
        Write durable events in a thread of their own, one by one in their order, so that the event loop serves others while
        a request waits for its event. By default where the sink says that it is ``slow`` (a database, fsync).

    Examples
    --------
    >>> from bh_lib.emitters import AuditConfig, MemorySink
    >>> async def app(scope, receive, send):
    ...     await send({"type": "http.response.start", "status": 403})
    ...     await send({"type": "http.response.body", "body": b""})
    >>> async def send(message): pass
    >>> audit = AuditLogger(AuditConfig(service="s"), sink=MemorySink())
    >>> scope = {"type": "http", "method": "GET", "path": "/patients/7", "headers": []}
    >>> asyncio.run(AuditMiddleware(app, audit=audit)(scope, None, send))
    >>> audit.sink.events[0]["outcome"]
    {'error_type': 'Forbidden', 'status': 'DENIED'}
    """

    def __init__(
        self,
        app: App,
        *,
        audit: AuditLogger,
        actor: Callable[[Scope], Block | None] | None = None,
        resource: Callable[[Scope], Block | None] | None = None,
        patient: Callable[[Scope], str | None] | None = None,
        purpose: Callable[[Scope], str | None] | None = None,
        reason: Callable[[Scope], str | None] | None = None,
        patient_param: str | None = None,
        exclude: Iterable[str] = (),
        fail_closed: bool = False,
        in_thread: bool | None = None,
    ) -> None:
        if not isinstance(audit, AuditLogger):
            raise ConfigError("is an AuditLogger", place="audit")
        self.app, self.audit, self.fail_closed = app, audit, fail_closed
        self._exclude = frozenset(exclude)
        queued = audit.config.delivery == "queued"
        slow = getattr(audit.sink, "slow", False) if in_thread is None else in_thread
        self._waits = not queued and bool(slow)
        self._may_fill = queued and audit.config.when_full == "block"
        self._thread: ThreadPoolExecutor | None = None
        self._thread_of = 0
        #: ``unrecorded``: events that could not be kept; ``reduced``: events kept without what the application said;
        #: ``late_exceptions``: raised after the response was whole and its event written, as by a background task.
        self.counters: Counter[str] = Counter()
        self._facts = RequestFacts(app, Hooks(actor, resource, patient, purpose, reason), patient_param, self.counters)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        kind = scope["type"]
        if kind in ("http", "websocket") and scope.get("path") not in self._exclude:
            await Exchange(self, scope, receive, send).run()
        elif kind == "lifespan":
            await serve_lifespan(self.app, scope, receive, send, self._drain)
        else:
            await self.app(scope, receive, send)

    def health(self) -> dict[str, Any]:
        """The logger's numbers, and the middleware's; applications reach it as ``scope["bh_audit"].health()``."""
        return {**self.audit.health(), **{key: self.counters[key] for key in ("unrecorded", "reduced", "late_exceptions")}}

    def keep(self, exchange: Exchange, outcome: dict[str, Any]) -> bool:
        """Write the event of one exchange; False if it could not be kept, or not in full and `fail_closed` asks for that."""
        return self._write(*self._facts.of(exchange, outcome))

    def waits(self) -> bool:
        """Whether writing may take long: a slow sink, or a queue that is nearly full and blocks."""
        return self._waits or (self._may_fill and self.audit._delivery.pending() * 8 > self.audit.config.capacity * 7)

    async def keep_aside(self, exchange: Exchange, outcome: dict[str, Any]) -> bool:
        """Write the event of one exchange in the thread, and wait for it; a request that is cancelled still has its event."""
        facts = self._facts.of(exchange, outcome)
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._own_thread(), self._write, *facts))

    def _own_thread(self) -> ThreadPoolExecutor:
        if self._thread is None or self._thread_of != os.getpid():
            # One thread, because the order of the calls is the order of the chain; and none survives a fork.
            self._thread, self._thread_of = ThreadPoolExecutor(1, thread_name_prefix="bh-audit-asgi"), os.getpid()
        return self._thread

    async def _drain(self) -> None:
        # In the same thread, behind what waits there.
        await asyncio.get_running_loop().run_in_executor(self._own_thread(), self.audit.drain)

    def _write(self, full: dict[str, Any] | None, plain: dict[str, Any]) -> bool:
        try:
            if full is not None:
                try:
                    self.audit.record(**full)
                    return True
                except SinkError:
                    raise
                except Exception:  # noqa: BLE001  SchemaError, or whatever else comes of what the application said
                    _log.error("a request's event is reduced: the fields that the application set don't hold the schema")
            self.counters["reduced"] += 1
            refuse = self.fail_closed and plain["status"] == "SUCCESS"
            if refuse:
                plain = {**plain, **_INCOMPLETE, "http": {**plain["http"], "status_code": 503}}
            self.audit.record(**plain)
        except Exception as error:  # noqa: BLE001  an audit failure must not become the request's, unless it is asked to
            self.counters["unrecorded"] += 1
            _log.error("a request's event is not kept: %s", type(error).__name__)
            return False
        return not refuse
