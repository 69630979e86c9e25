"""The template of every framework's routes, with all that stands before it; never the path."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette")

from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.testclient import TestClient

from bh_lib.emitters.asgi import AuditMiddleware

SECRET = "ann-example-19900102"


async def ok(request):
    return PlainTextResponse("ok")


async def socket(websocket):
    await websocket.accept()
    await websocket.close()


def static():
    async def files(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return files


SHARED = Starlette(routes=[Route("/notes/{note_id}", ok), WebSocketRoute("/live/{room}", socket)])
ROUTES = [
    Route("/notes/{note_id:int}", ok, methods=["GET"]),
    Route("/files/{rest:path}", ok),
    Mount("/tenants/{tenant}", routes=[Mount("/wards/{ward}", routes=[Route("/notes/{note_id}", ok)])]),
    Mount("/a", app=SHARED),
    Mount("/b", app=SHARED),
    Mount("/static", app=static()),
    Host("{tenant}.clinic.example", app=Router([Route("/hosted/{key}", ok)])),
]


def client_of(audit, **settings):
    app = Starlette(routes=ROUTES)
    app.add_middleware(AuditMiddleware, audit=audit, **settings)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        *[("/notes/7", "/notes/{note_id:int}"), (f"/notes/{SECRET}", "(unmatched)")],
        *[(f"/files/{SECRET}/x", "/files/{rest:path}"), (f"/static/{SECRET}.js", "/static")],
        (f"/tenants/{SECRET}/wards/{SECRET}/notes/{SECRET}", "/tenants/{tenant}/wards/{ward}/notes/{note_id}"),
        *[(f"/a/notes/{SECRET}", "/a/notes/{note_id}"), (f"/b/notes/{SECRET}", "/b/notes/{note_id}")],
        *[(f"/{SECRET}", "(unmatched)"), (f"/a/{SECRET}", "/a")],
    ],
)
def test_starlette_routes_mounts_and_what_is_mounted_twice(audit, last, path, template):
    client_of(audit).get(path)
    assert last()["http"]["route_template"] == template
    assert SECRET not in str(last())


def test_a_host_route_gives_its_template_and_not_the_host(audit, last):
    client_of(audit).get(f"/hosted/{SECRET}", headers={"host": f"{SECRET}.clinic.example"})
    assert last()["http"]["route_template"] == "/hosted/{key}"
    assert SECRET not in str(last())


def test_a_connection_below_a_mount_has_its_prefix(audit, last):
    with client_of(audit).websocket_connect(f"/b/live/{SECRET}"):
        pass
    assert last()["http"]["route_template"] == "/b/live/{room}"


def test_a_wrong_method_still_names_the_route(audit, last):
    client_of(audit).post("/notes/7")
    assert (last()["http"]["route_template"], last()["outcome"]["error_type"]) == ("/notes/{note_id:int}", "HTTP405")


def test_a_mount_without_a_prefix_adds_none(audit, last):
    app = Starlette(routes=[Mount("", routes=[Route("/rootless/{key}", ok)])])
    app.add_middleware(AuditMiddleware, audit=audit)
    client = TestClient(app)
    client.get(f"/rootless/{SECRET}")
    assert last()["http"]["route_template"] == "/rootless/{key}"
    client.get(f"/{SECRET}")
    assert last()["http"]["route_template"] == "(unmatched)"


def test_a_root_path_of_the_server_is_no_part_of_it(audit, last):
    app = Starlette(routes=ROUTES)
    app.add_middleware(AuditMiddleware, audit=audit)
    TestClient(app, root_path="/proxy").get("/proxy/b/notes/1")
    assert last()["http"]["route_template"] == "/b/notes/{note_id}"


class Guard:
    """Refuses before any route is known, as authentication does; or passes a copy of the scope on."""

    def __init__(self, app, refuse):
        self.app, self.refuse = app, refuse

    async def __call__(self, scope, receive, send):
        if self.refuse and scope["type"] == "http":
            await PlainTextResponse("", status_code=401)(scope, receive, send)
        else:
            await self.app(dict(scope), receive, send)


@pytest.mark.parametrize("refuse", [True, False])
@pytest.mark.parametrize(
    ("path", "template"), [("/b/notes/9", "/b/notes/{note_id}"), ("/tenants/t", "/tenants/{tenant}"), ("/nothing", "(unmatched)")]
)
def test_what_a_middleware_refuses_or_copies_has_its_template_too(audit, last, refuse, path, template):
    app = Starlette(routes=ROUTES)
    app.add_middleware(Guard, refuse=refuse)
    app.add_middleware(AuditMiddleware, audit=audit)
    TestClient(app, raise_server_exceptions=False).get(path)
    assert last()["http"]["route_template"] == template


def test_middleware_on_both_sides_changes_nothing(audit, last):
    async def passing(request, call_next):
        return await call_next(request)

    app = Starlette(routes=ROUTES)
    app.add_middleware(BaseHTTPMiddleware, dispatch=passing)
    app.add_middleware(AuditMiddleware, audit=audit)
    app.add_middleware(BaseHTTPMiddleware, dispatch=passing)
    TestClient(app).get("/b/notes/1")
    assert last()["http"]["route_template"] == "/b/notes/{note_id}"
    # And around the application from outside, behind another that hides it.
    outside = AuditMiddleware(Guard(Starlette(routes=ROUTES), refuse=False), audit=audit)
    TestClient(outside).get("/a/notes/1")
    assert last()["http"]["route_template"] == "/a/notes/{note_id}"
    assert len(audit.sink.lines) == 2


def test_a_route_that_is_added_later_is_found(audit, last):
    app = Starlette(routes=[Route("/first", ok)])
    app.add_middleware(AuditMiddleware, audit=audit)
    client = TestClient(app)
    client.get("/first")
    app.router.routes.append(Mount("/late", routes=[Route("/notes/{note_id}", ok)]))
    client.get("/late/notes/1")
    assert last()["http"]["route_template"] == "/late/notes/{note_id}"


def test_a_plain_application_has_no_template_unless_it_names_one(audit, last):
    async def plain(scope, receive, send):
        if scope["path"].startswith("/named"):
            scope["bh_audit"].route("/named/{key}")
        await PlainTextResponse("ok")(scope, receive, send)

    client = TestClient(AuditMiddleware(plain, audit=audit))
    client.get(f"/{SECRET}")
    assert last()["http"]["route_template"] == "(unmatched)"
    client.get(f"/named/{SECRET}")
    assert last()["http"]["route_template"] == "/named/{key}"


def test_fastapi_routers_that_are_nested_and_included_twice(audit, last):
    fastapi = pytest.importorskip("fastapi")
    app, outer, inner, below = fastapi.FastAPI(), fastapi.APIRouter(prefix="/api"), fastapi.APIRouter(), fastapi.FastAPI()

    @inner.get("/patients/{patient_id}")
    async def patient(patient_id: int):
        raise fastapi.HTTPException(403)

    @below.get("/notes/{note_id}")
    def note(note_id: str):
        return {}

    outer.include_router(inner, prefix="/in")
    app.include_router(outer)
    app.include_router(outer, prefix="/v2")
    app.mount("/below/{tenant}", below)
    app.add_middleware(AuditMiddleware, audit=audit)
    client = TestClient(app)
    for path, template, kind in [
        ("/api/in/patients/7", "/api/in/patients/{patient_id}", "Forbidden"),
        ("/v2/api/in/patients/7", "/v2/api/in/patients/{patient_id}", "Forbidden"),
        (f"/v2/api/in/patients/{SECRET}", "/v2/api/in/patients/{patient_id}", "HTTP422"),
        (f"/below/{SECRET}/notes/{SECRET}", "/below/{tenant}/notes/{note_id}", None),
        ("/openapi.json", "/openapi.json", None),
        (f"/api/{SECRET}", "(unmatched)", "HTTP404"),
    ]:
        client.get(path)
        assert (last()["http"]["route_template"], last()["outcome"].get("error_type")) == (template, kind)
        assert SECRET not in str(last())
