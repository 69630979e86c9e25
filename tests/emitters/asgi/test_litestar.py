"""Litestar, whole: its handlers, routers, guards, exception handlers and connections, under the middleware."""

from __future__ import annotations

import pytest

pytest.importorskip("litestar")

from litestar import Litestar, Router, WebSocket, asgi, delete, get, post, websocket
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.middleware import DefineMiddleware
from litestar.response import Stream
from litestar.testing import TestClient

from bh_lib.emitters.asgi import AuditMiddleware

SECRET = "ann-example-19900102"


@get("/notes/{note_id:str}")
async def note(note_id: str, scope: dict) -> str:
    scope["bh_audit"].add(purpose_of_use="TREAT", resource={"type": "Note", "id": "n-1"})
    return "ok"


@post("/notes/{note_id:int}/copies", sync_to_thread=True)
def copy(note_id: int) -> dict:
    return {}


@delete("/refused/{note_id:str}")
async def refused(note_id: str) -> None:
    raise PermissionDeniedException(f"about {note_id}")


@get("/who/{name:str}")
async def who(name: str) -> None:
    raise NotAuthorizedException(f"about {name}")


@get("/raises/{name:str}")
async def raises(name: str) -> None:
    raise LookupError(f"about {name}")


@get("/stream/{name:str}")
async def stream(name: str) -> Stream:
    async def parts():
        for _ in range(3):
            yield name

    return Stream(parts())


@websocket("/live/{room:str}")
async def live(socket: WebSocket, room: str) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


@asgi("/mounted", is_mount=True)
async def mounted(scope: dict, receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


HANDLERS = [note, copy, refused, who, raises, stream, live, mounted, Router("/api/{tenant:str}", route_handlers=[note])]


@pytest.fixture(params=["inside", "outside"])
def client(audit, request):
    if request.param == "inside":
        app = Litestar(HANDLERS, middleware=[DefineMiddleware(AuditMiddleware, audit=audit)])
        return TestClient(app, raise_server_exceptions=False)
    return TestClient(AuditMiddleware(Litestar(HANDLERS), audit=audit), raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("method", "path", "template", "outcome"),
    [
        ("GET", f"/notes/{SECRET}", "/notes/{note_id}", ("SUCCESS", None)),
        ("GET", f"/api/{SECRET}/notes/{SECRET}", "/api/{tenant}/notes/{note_id}", ("SUCCESS", None)),
        ("POST", "/notes/7/copies", "/notes/{note_id}/copies", ("SUCCESS", None)),
        ("DELETE", f"/refused/{SECRET}", "/refused/{note_id}", ("DENIED", "Forbidden")),
        ("GET", f"/who/{SECRET}", "/who/{name}", ("DENIED", "Unauthenticated")),
        ("GET", f"/stream/{SECRET}", "/stream/{name}", ("SUCCESS", None)),
        ("GET", f"/mounted/{SECRET}", "/mounted", ("SUCCESS", None)),
    ],
)
def test_a_request_is_one_event_under_its_template(client, audit, last, method, path, template, outcome):
    client.request(method, path)
    assert len(audit.sink.lines) == 1
    assert last()["http"]["route_template"].replace(":str", "").replace(":int", "") == template
    assert (last()["outcome"]["status"], last()["outcome"].get("error_type")) == outcome
    assert SECRET not in str(last())


def test_an_exception_is_a_failure_under_its_class(client, audit, last):
    assert client.get(f"/raises/{SECRET}").status_code == 500
    assert len(audit.sink.lines) == 1
    assert (last()["outcome"]["status"], last()["outcome"]["error_type"]) == ("FAILURE", "LookupError")
    assert SECRET not in str(last())


def test_a_connection_is_one_event(client, audit, last):
    with client.websocket_connect(f"/live/{SECRET}") as socket:
        socket.send_text(SECRET)
        assert socket.receive_text() == SECRET
    assert len(audit.sink.lines) == 1
    assert last()["http"]["route_template"].startswith("/live/{room")
    assert SECRET not in str(last())


def test_an_unknown_path_is_not_written(audit, last):
    TestClient(AuditMiddleware(Litestar(HANDLERS), audit=audit)).get(f"/{SECRET}")
    assert last()["http"]["route_template"] == "(unmatched)"
    assert SECRET not in str(last())
