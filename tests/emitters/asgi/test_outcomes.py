"""What became of a request, over real sockets: streams that break, clients that leave, tasks after the response, connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

pytest.importorskip("httpx")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")

import httpx
import websockets
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, WebSocket, WebSocketException
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from websockets.sync.client import connect

from bh_lib.emitters.asgi import AuditMiddleware

SECRET = "ann-example-19900102"
AFTER: list[str] = []


class ChartLockedError(Exception):
    """An exception that the application answers itself."""


def build() -> FastAPI:
    app = FastAPI()

    @app.exception_handler(ChartLockedError)
    async def locked(request: Request, error: ChartLockedError):
        return PlainTextResponse(str(error), status_code=423)

    @app.api_route("/notes/{note_id}", methods=["GET", "HEAD", "OPTIONS", "PUT"])
    async def note(note_id: str):
        return note_id

    @app.get("/status/{code}")
    async def status(code: int):
        raise HTTPException(code, detail=SECRET)

    @app.get("/typed/{number}")
    def typed(number: int):
        return number

    @app.get("/locked")
    async def chart():
        raise ChartLockedError(SECRET)

    @app.get("/raises")
    async def raises():
        raise ZeroDivisionError(SECRET)

    @app.get("/raises-refused")
    async def raises_refused(request: Request):
        request.scope["bh_audit"].deny("ConsentRequired")
        raise ZeroDivisionError(SECRET)

    @app.get("/hidden")
    async def hidden(request: Request):
        request.scope["bh_audit"].deny("ConsentRequired")
        raise HTTPException(404)

    @app.get("/stream")
    async def stream(broken: bool = False, slow: bool = False):
        async def parts():
            for number in range(200 if slow else 5):
                yield SECRET
                if broken and number == 2:
                    raise ZeroDivisionError(SECRET)
                if slow:
                    await asyncio.sleep(0.02)

        return StreamingResponse(parts())

    @app.get("/later")
    async def later(tasks: BackgroundTasks, fail: bool = False):
        async def task():
            AFTER.append("ran")
            if fail:
                raise ZeroDivisionError(SECRET)

        tasks.add_task(task)
        return SECRET

    @app.websocket("/live/{room}")
    async def live(socket: WebSocket, room: str):
        if room == "refused":
            await socket.close(code=1008, reason=SECRET)
            return
        if room == "raises-first":
            raise ZeroDivisionError(SECRET)
        await socket.accept()
        async for text in socket.iter_text():
            if text == "policy":
                raise WebSocketException(1008, reason=SECRET)
            if text == "raise":
                raise ZeroDivisionError(SECRET)
            await socket.send_text(text)

    return app


async def passing(request, call_next):
    return await call_next(request)


@pytest.fixture(params=["alone", "among others"])
def server(audit, served, request):
    app = build()
    if request.param == "among others":
        app.add_middleware(BaseHTTPMiddleware, dispatch=passing)
        app.add_middleware(GZipMiddleware)
        app.add_middleware(AuditMiddleware, audit=audit)
        app.add_middleware(BaseHTTPMiddleware, dispatch=passing)
    else:
        app = AuditMiddleware(app, audit=audit)
    with served(app) as running:
        yield running


def told(audit, until):
    """The one event, once it is there."""
    until(lambda: audit.sink.lines)
    (event,) = audit.sink.events
    assert SECRET not in str(event)
    outcome = event["outcome"]
    return outcome["status"], outcome.get("error_type"), event["http"].get("status_code")


@pytest.mark.parametrize(
    ("path", "want"),
    [
        *[("/notes/7", ("SUCCESS", None, 200)), ("/status/401", ("DENIED", "Unauthenticated", 401))],
        *[("/status/403", ("DENIED", "Forbidden", 403)), ("/status/451", ("DENIED", "UnavailableForLegalReasons", 451))],
        *[("/status/404", ("FAILURE", "HTTP404", 404)), ("/nowhere", ("FAILURE", "HTTP404", 404))],
        *[(f"/typed/{SECRET}", ("FAILURE", "HTTP422", 422)), ("/status/429", ("FAILURE", "HTTP429", 429))],
        *[("/locked", ("FAILURE", "HTTP423", 423)), ("/hidden", ("DENIED", "ConsentRequired", 404))],
        *[("/status/502", ("FAILURE", "HTTP502", 502)), ("/stream", ("SUCCESS", None, 200))],
        *[("/later", ("SUCCESS", None, 200)), ("/later?fail=1", ("SUCCESS", None, 200))],
    ],
)
def test_an_answer_is_one_event(server, audit, until, path, want):
    httpx.get(server.url + path)
    server.stop()
    assert told(audit, until) == want


def test_an_unhandled_exception_is_a_failure_under_its_class(server, audit, until):
    assert httpx.get(f"{server.url}/raises").status_code == 500
    assert told(audit, until)[:2] == ("FAILURE", "ZeroDivisionError")


def test_a_refusal_that_was_stated_before_an_exception_is_a_denial(server, audit, until):
    httpx.get(f"{server.url}/raises-refused")
    assert told(audit, until)[:2] == ("DENIED", "ConsentRequired")


def test_a_stream_that_breaks_is_what_the_client_saw(server, audit, until):
    # Starlette's BaseHTTPMiddleware ends such a response itself before it raises: the client sees it whole.
    whole = True
    try:
        httpx.get(f"{server.url}/stream?broken=1")
    except httpx.RemoteProtocolError:
        whole = False
    assert told(audit, until)[:2] == (("SUCCESS", None) if whole else ("FAILURE", "ZeroDivisionError"))


def test_a_client_that_leaves_a_stream_has_still_been_shown_data(server, audit, until):
    with httpx.stream("GET", f"{server.url}/stream?slow=1") as response:
        next(response.iter_raw())
    until(lambda: audit.sink.lines)
    (event,) = audit.sink.events
    assert event["outcome"]["error_type"] in ("ClientDisconnected", "ClientDisconnect", "CancelledError")
    assert event["http"]["status_code"] == 200


@pytest.mark.parametrize(("method", "action"), [("HEAD", "READ"), ("OPTIONS", "OTHER"), ("PUT", "UPDATE")])
def test_other_methods_are_events_too(server, audit, until, method, action):
    assert httpx.request(method, f"{server.url}/notes/7").status_code == 200
    assert told(audit, until)[0] == "SUCCESS"
    assert audit.sink.events[0]["action"]["type"] == action


def test_a_method_that_nobody_knows_is_not_written_down(server, audit, until):
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(b"ANNEXAMPLE /notes/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 405 " in raw.recv(4096).splitlines()[0]
    assert told(audit, until) == ("FAILURE", "HTTP405", 405)
    assert "ANNEXAMPLE" not in str(audit.sink.events)


def test_the_event_is_there_before_the_answer_is_whole(server, audit):
    for number in range(1, 30):
        httpx.get(f"{server.url}/notes/7")
        assert len(audit.sink.lines) == number


@pytest.mark.parametrize(
    ("room", "text", "want"),
    [
        *[("a", "hi", ("SUCCESS", None, 101)), ("a", "policy", ("DENIED", "PolicyViolation", 101))],
        ("a", "raise", ("FAILURE", "ZeroDivisionError", 101)),
    ],
)
def test_a_connection_is_one_event_at_its_end(server, audit, until, room, text, want):
    with connect(f"ws://127.0.0.1:{server.port}/live/{room}") as client, contextlib.suppress(websockets.ConnectionClosed):
        client.send(text)
        client.recv(timeout=5)
        assert audit.sink.lines == []
    assert told(audit, until) == want
    assert audit.sink.events[0]["action"] == {"type": "OTHER", "name": "websocket"}


@pytest.mark.parametrize(
    ("room", "want"), [("refused", ("DENIED", "Forbidden")), ("raises-first", ("FAILURE", "ZeroDivisionError"))]
)
def test_a_connection_that_is_not_accepted_is_one_event(server, audit, until, room, want):
    with pytest.raises(websockets.InvalidStatus), connect(f"ws://127.0.0.1:{server.port}/live/{room}"):
        pass
    assert told(audit, until)[:2] == want
