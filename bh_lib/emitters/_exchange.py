"""One request or connection, from its scope to its event: what became of it, and when that is written."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

__all__ = ["Exchange", "Recorder", "RequestAudit"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_DENIALS = {401: "Unauthenticated", 403: "Forbidden", 451: "UnavailableForLegalReasons"}
# RFC 6455 7.4.1, and IANA's registry of close codes for 3000 and 3003.
_DENYING_CLOSES = {1008: "PolicyViolation", 3000: "Unauthenticated", 3003: "Forbidden"}
_FAILING_CLOSES = {1011: "InternalError", 1012: "ServiceRestart", 1013: "TryAgainLater", 1014: "BadGateway"}
_SUCCESS = {"status": "SUCCESS"}
_LAST = frozenset({"http.response.body", "http.response.zerocopysend", "http.response.pathsend"})


class RequestAudit:
    """What the application says about the request at hand; it is at ``scope["bh_audit"]``.

    It has to be said before the response ends: what a background task says comes too late.

    Examples
    --------
    >>> audit = RequestAudit()
    >>> audit.add(purpose_of_use="TREAT")
    >>> audit.deny("ConsentRequired")
    >>> sorted(audit.fields)
    ['error_type', 'purpose_of_use', 'status']
    """

    __slots__ = ("_health", "fields", "skipped", "template")

    def __init__(self, health: Callable[[], dict[str, Any]] = dict) -> None:
        self.fields: dict[str, Any] = {}
        self.skipped = False
        self.template: str | None = None
        self._health = health

    def add(self, /, **fields: Any) -> None:
        """Set fields of the event: those of `AuditLogger.record`, ``actor``, ``resource`` and ``action`` among them."""
        self.fields.update(fields)

    def deny(self, reason: str) -> None:
        """State that access is refused, and why: a class such as ``ConsentRequired``."""
        self.fields.update(status="DENIED", error_type=reason)

    def route(self, template: str) -> None:
        """Name the route's template where the framework doesn't tell it, as ``/notes/{note_id}``; never the path itself."""
        self.template = template

    def skip(self) -> None:
        """Write no event for this request."""
        self.skipped = True

    def health(self) -> dict[str, Any]:
        """The logger's and the middleware's numbers, for a health or metrics endpoint."""
        return self._health()


class Recorder(Protocol):
    """Keeps the event of an exchange: the middleware."""

    app: Callable[[Scope, Receive, Send], Awaitable[None]]
    counters: Counter[str]
    fail_closed: bool

    def keep(self, exchange: Exchange, outcome: dict[str, Any]) -> bool:
        """Write the event now; False if the request has to be refused or the event is lost."""

    def waits(self) -> bool:
        """Whether `keep` may take so long that the event loop must not wait for it."""

    async def keep_aside(self, exchange: Exchange, outcome: dict[str, Any]) -> bool:
        """Write the event in a thread, in order, and wait for it."""

    def health(self) -> dict[str, Any]:
        """Numbers."""


class _RefusedError(OSError):
    """What `send` raises once a 503 was answered: servers raise OSError too where nobody listens any more."""


class Exchange:
    """Passes messages through and watches them; the event is written before the last one goes out.

    So a response that is complete has its event, even if the process is killed at that instant.
    """

    __slots__ = (
        *("_complete", "_done", "_middleware", "_receive", "_refused", "_send", "_told_failure", "left", "said"),
        *("close_code", "root", "root_path", "scope", "status"),
    )

    def __init__(self, middleware: Recorder, scope: Scope, receive: Receive, send: Send) -> None:
        self._middleware, self.scope, self._receive, self._send = middleware, scope, receive, send
        # A mounted application puts itself in the scope, and mounts change the root path: both are read before that.
        self.root = scope.get("app")
        self.root_path: str = scope.get("root_path", "")
        self.said = scope["bh_audit"] = RequestAudit(middleware.health)
        self.status: int | None = None
        self.close_code: int | None = None
        self._done = self._complete = self._refused = self._told_failure = self.left = False

    async def run(self) -> None:
        """Serve it. What the application raises goes on, and its words stay out of the event: they may quote a patient."""
        sent = self._sent if self.scope["type"] == "http" else self._sent_on_socket
        try:
            await self._middleware.app(self.scope, self._received, sent)
        except BaseException as error:
            broken = _failure(type(error).__name__, "the application raised")
            if isinstance(error, GeneratorExit):
                self._done = self._done or self._middleware.keep(self, broken) or True
            elif not self._done:
                await self._kept(broken)
            elif self._middleware.fail_closed and not (self._refused or self._complete or self._told_failure):
                # The event was written before the response began, and then the response broke: that is told as well.
                await self._kept(broken)
            if self._refused and isinstance(error, Exception):
                return  # the client has its 503, and this comes of it
            self._middleware.counters["late_exceptions"] += self._complete
            raise
        if not self._done:
            await self._kept(self._outcome())

    async def _kept(self, outcome: dict[str, Any]) -> bool:
        self._done = True
        self._told_failure = outcome["status"] != "SUCCESS"
        if self.said.skipped:
            return True
        if self._middleware.waits():
            return await self._middleware.keep_aside(self, outcome)
        return self._middleware.keep(self, outcome)

    async def _received(self) -> Message:
        if self._refused:
            return {"type": "http.disconnect"} if self.scope["type"] == "http" else {"type": "websocket.disconnect", "code": 1013}
        message = await self._receive()
        kind = message["type"]
        if (kind == "http.disconnect" and not self._complete) or (kind == "websocket.disconnect" and self.status is None):
            self.left = True
        return message

    async def _sent(self, message: Message) -> None:
        if self._refused:
            raise _RefusedError
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            if self._middleware.fail_closed and not self._done and not await self._kept(self._outcome()):
                self._refused = True
                await self._send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
                await self._send({"type": "http.response.body", "body": b""})
                return
        elif kind in _LAST and not message.get("more_body", False):
            self._complete = True
            if not self._done:
                await self._kept(self._outcome())
        await self._send(message)

    async def _sent_on_socket(self, message: Message) -> None:
        if self._refused:
            raise _RefusedError
        kind = message["type"]
        if kind == "websocket.accept":
            self.status = 101
            if self._middleware.fail_closed and not await self._kept(self._outcome()):
                self._refused = True
                await self._send({"type": "websocket.close", "code": 1013})
                return
        elif kind == "websocket.http.response.start":
            self.status = message["status"]
        elif kind == "websocket.close":
            if self.status is None:
                self.status = 403  # what the client gets where a connection is closed before it is accepted
            self.close_code = message.get("code", 1000)
        await self._send(message)

    def _outcome(self) -> dict[str, Any]:
        status = self.status
        if status is None:
            if self.left:
                return _failure("ClientDisconnected", "the client left before there was a response")
            return _failure("NoResponse", "the application sent no response")
        if status in _DENIALS:
            return {"status": "DENIED", "error_type": _DENIALS[status]}
        if status >= 400:
            # Frameworks answer 500 while they handle the exception: its class says more than the number, unless it is
            # one that the application raised to get this number.
            error = sys.exc_info()[1] if status >= 500 else None
            kind = f"HTTP{status}" if error is None or hasattr(error, "status_code") else type(error).__name__
            return _failure(kind, f"the response had status {status}")
        if status == 101 and self.close_code in _DENYING_CLOSES:
            return {"status": "DENIED", "error_type": _DENYING_CLOSES[self.close_code]}
        if status == 101 and self.close_code in _FAILING_CLOSES:
            return _failure(_FAILING_CLOSES[self.close_code], f"the connection was closed with code {self.close_code}")
        # Data may have reached the client before it left: the access happened.
        return {"status": "SUCCESS", "error_type": "ClientDisconnected"} if self.left else _SUCCESS


def _failure(kind: str, message: str) -> dict[str, Any]:
    return {"status": "FAILURE", "error_type": kind[:128], "error_message": message}
