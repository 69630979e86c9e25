"""Pure ASGI middleware: one audit event a request, for FastAPI, Starlette, Litestar, or any ASGI application.

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
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from bh_lib.emitters._routes import route_template
from bh_lib.emitters.logger import AuditLogger
from bh_lib.errors import ConfigError, SchemaError

__all__ = ["AuditMiddleware", "RequestAudit"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Hook = Callable[[Scope], Mapping[str, Any] | None]

_log = logging.getLogger("bh_lib.emitters")
_ACTIONS = {"GET": "READ", "HEAD": "READ", "POST": "CREATE", "PUT": "UPDATE", "PATCH": "UPDATE", "DELETE": "DELETE"}
_METHODS = frozenset({*_ACTIONS, "OPTIONS"})
_DENIALS = {401: "Unauthenticated", 403: "Forbidden", 451: "UnavailableForLegalReasons"}
_UNKNOWN = {"subject_id": "unknown", "subject_type": "human"}
# Clients choose these headers, so only what has the shape of a random id is taken over.
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class RequestAudit:
    """What the application says about the request at hand; it is at ``scope["bh_audit"]``.

    Examples
    --------
    >>> audit = RequestAudit()
    >>> audit.add(purpose_of_use="TREAT")
    >>> audit.deny("ConsentRequired")
    >>> sorted(audit.fields)
    ['error_type', 'purpose_of_use', 'status']
    """

    __slots__ = ("fields", "skipped")

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.skipped = False

    def add(self, **fields: Any) -> None:
        """Set fields of the event: those of `AuditLogger.record`, ``actor``, ``resource`` and ``action`` among them."""
        self.fields.update(fields)

    def deny(self, reason: str) -> None:
        """State that access is refused, and why: a class such as ``ConsentRequired``."""
        self.fields.update(status="DENIED", error_type=reason)

    def skip(self) -> None:
        """Write no event for this request."""
        self.skipped = True


class AuditMiddleware:
    """Audit each HTTP request and each WebSocket connection.

    Parameters
    ----------
    app : ASGI application
        What to audit.
    audit : AuditLogger
        Where events go. It is drained when the server shuts down (lifespan), so nobody needs to remember it.
    actor, resource : callable, optional
        From the scope, after the application ran, to the event's block. Without them: an unknown human, and the route.
    patient_param : str, optional
        Name of the path parameter that is a patient's id, written as ``resource.patient_id``.
    exclude : iterable of str
        Exact paths that are not audited, such as ``/healthz``.
    fail_closed : bool
        Answer 503 if the event can't be kept; the event is then written before the response begins. By default the request
        goes on, and the failure is logged and counted.

    Examples
    --------
    >>> import asyncio
    >>> from bh_lib.emitters import AuditConfig, AuditLogger, MemorySink
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
        actor: Hook | None = None,
        resource: Hook | None = None,
        patient_param: str | None = None,
        exclude: Iterable[str] = (),
        fail_closed: bool = False,
    ) -> None:
        if not isinstance(audit, AuditLogger):
            raise ConfigError("is an AuditLogger", place="audit")
        self.app, self.audit = app, audit
        self._actor, self._resource, self._patient_param = actor, resource, patient_param
        self._exclude = frozenset(exclude)
        self._fail_closed = fail_closed
        #: ``unrecorded``: events that could not be kept; ``reduced``: events kept without what the application said.
        self.counters: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        kind = scope["type"]
        if kind == "lifespan":
            await self.app(scope, receive, self._draining(send))
        elif kind in ("http", "websocket") and scope.get("path") not in self._exclude:
            await _Exchange(self, scope, receive, send).run()
        else:
            await self.app(scope, receive, send)

    def _draining(self, send: Send) -> Send:
        async def drain_then_send(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown"):
                await asyncio.get_running_loop().run_in_executor(None, self.audit.drain)
            await send(message)

        return drain_then_send

    def record(self, scope: Scope, root: Any, said: RequestAudit, status: int | None, outcome: Mapping[str, Any]) -> bool:
        """Write the event of one connection; False if it could not be kept."""
        try:
            template = route_template(scope, root)
            action = _ACTIONS.get(scope.get("method", ""), "OTHER")
            fields: dict[str, Any] = {"correlation": _correlation(scope), "http": _http(scope, template, status), **outcome}
            if scope["type"] == "websocket":
                action, fields["name"] = "OTHER", "websocket"
            try:
                given = {**fields, **said.fields}
                actor = given.pop("actor", None) or (self._actor and self._actor(scope)) or _UNKNOWN
                resource = given.pop("resource", None) or self._resource_of(scope, template)
                self.audit.record(given.pop("action", action), actor=actor, resource=resource, **given)
            except SchemaError:
                # What the application said doesn't hold the schema; that the request happened is known without it.
                self.counters["reduced"] += 1
                _log.error("a request's event is reduced: the fields that the application set don't hold the schema")
                self.audit.record(action, actor=_UNKNOWN, resource={"type": "Route", "id": template}, **fields)
        except Exception as error:  # noqa: BLE001  an audit failure must not become the request's, unless it is asked to
            self.counters["unrecorded"] += 1
            _log.error("a request's event is not kept: %s", type(error).__name__)
            return False
        return True

    def _resource_of(self, scope: Scope, template: str) -> Mapping[str, Any]:
        block = dict((self._resource and self._resource(scope)) or {"type": "Route", "id": template})
        patient = (scope.get("path_params") or {}).get(self._patient_param) if self._patient_param else None
        if patient is not None:
            block.setdefault("patient_id", str(patient))
        return block


class _Exchange:
    """One request or connection, from its scope to its event."""

    __slots__ = (
        "_complete",
        "_disconnected",
        "_done",
        "_middleware",
        "_receive",
        "_refused",
        "_root",
        "_said",
        "_scope",
        "_send",
        "_status",
    )

    def __init__(self, middleware: AuditMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._middleware, self._scope, self._receive, self._send = middleware, scope, receive, send
        # A mounted application puts itself in the scope; templates are searched from the outermost one.
        self._root = scope.get("app") or middleware.app
        self._said = RequestAudit()
        self._status: int | None = None
        self._done = self._complete = self._disconnected = self._refused = False
        scope["bh_audit"] = self._said

    async def run(self) -> None:
        web = self._scope["type"] == "http"
        try:
            await self._middleware.app(self._scope, self._received, self._sent if web else self._sent_on_socket)
        except BaseException as error:
            # Its words may quote a patient; its class is a programmer's. A cancelled request is one that the client left.
            self._record({"status": "FAILURE", "error_type": type(error).__name__[:128], "error_message": "the application raised"})
            raise
        self._record(self._outcome())

    async def _received(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._complete:
            self._disconnected = True
        return message

    async def _sent(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            if self._middleware._fail_closed and not self._record(self._outcome()):
                self._refused = True
                await self._send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
                await self._send({"type": "http.response.body", "body": b""})
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self._complete = True
        if not self._refused:
            await self._send(message)

    async def _sent_on_socket(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            self._status = 101
        elif kind == "websocket.http.response.start":
            self._status = message["status"]
        elif kind == "websocket.close" and self._status is None:
            self._status = 403  # what the client gets where a connection is closed before it is accepted
        await self._send(message)

    def _outcome(self) -> dict[str, Any]:
        status = self._status
        if status is None:
            return {"status": "FAILURE", "error_type": "NoResponse", "error_message": "the application sent no response"}
        if status in _DENIALS:
            return {"status": "DENIED", "error_type": _DENIALS[status]}
        if status >= 400:
            return {"status": "FAILURE", "error_type": f"HTTP{status}", "error_message": f"the response had status {status}"}
        # Data may have reached the client before it left: the access happened.
        return {"status": "SUCCESS", "error_type": "ClientDisconnected"} if self._disconnected else {"status": "SUCCESS"}

    def _record(self, outcome: dict[str, Any]) -> bool:
        first = not self._done
        self._done = True
        if self._said.skipped or (not first and outcome["status"] != "FAILURE") or (not first and self._refused):
            return True
        if not first and self._status is not None and self._status >= 400:
            return True  # already told
        return self._middleware.record(self._scope, self._root, self._said, self._status, outcome)


def _http(scope: Scope, template: str, status: int | None) -> dict[str, Any]:
    block: dict[str, Any] = {"route_template": template}
    if scope.get("method") in _METHODS:
        block["method"] = scope["method"]
    if status is not None:
        block["status_code"] = status
    return block


def _correlation(scope: Scope) -> dict[str, str]:
    found = {"request_id": os.urandom(16).hex()}
    for name, value in scope.get("headers") or ():
        if name == b"x-request-id" and _UUID.fullmatch(value):
            found["request_id"] = value.decode()
        elif name == b"traceparent" and (match := _TRACE.fullmatch(value)):
            found["trace_id"] = match[1].decode()
    return found
