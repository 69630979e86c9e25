"""The end of a server: what is pending reaches the sink before the server is told that all is done."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["serve_lifespan"]

_log = logging.getLogger("bh_lib.emitters")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _Unsupported(Exception):  # noqa: N818  (a sign to ourselves)
    """The application answered a lifespan as if it were a request."""


async def serve_lifespan(
    app: Callable[[Any, Receive, Send], Awaitable[None]],
    scope: MutableMapping[str, Any],
    receive: Receive,
    send: Send,
    drain: Callable[[], Awaitable[None]],
) -> None:
    """Pass a lifespan through, and drain when it ends.

    An application that knows no lifespan (Django, many plain ones) raises or returns at once. The server would then not say
    when it ends, so the lifespan is answered here in its place. An application that fails in its own startup fails as before.
    """
    heard = False

    async def received() -> Message:
        nonlocal heard
        heard = True
        return await receive()

    async def sent(message: Message) -> None:
        if not message["type"].startswith("lifespan."):
            raise _Unsupported
        if message["type"].startswith("lifespan.shutdown"):
            await _drain(drain)
        await send(message)

    try:
        await app(scope, received, sent)
    except Exception:
        if heard:
            raise
    if not heard:
        await _answer(receive, send, drain)


async def _answer(receive: Receive, send: Send, drain: Callable[[], Awaitable[None]]) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await _drain(drain)
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _drain(drain: Callable[[], Awaitable[None]]) -> None:
    try:
        await drain()
    except Exception as error:  # noqa: BLE001  a sink may raise anything; the server has to end all the same
        _log.error("the events that were pending at shutdown may not all be kept: %s", type(error).__name__)
