"""The middleware on real frameworks and on bare ASGI: one event a request, and nothing of the request but what it may say."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("starlette")

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient

from bh_lib.emitters import AuditConfig, AuditLogger, MemorySink
from bh_lib.emitters.asgi import AuditMiddleware
from bh_lib.errors import ConfigError


async def note(request):
    request.scope["bh_audit"].add(purpose_of_use="TREAT", phi_touched=True)
    return PlainTextResponse("ok")


async def refused(request):
    request.scope["bh_audit"].deny("ConsentRequired")
    return PlainTextResponse("no", status_code=403)


async def status(request):
    return PlainTextResponse("", status_code=int(request.path_params["code"]))


async def raises(request):
    raise ValueError(f"about {request.path_params['patient_id']}")


async def stream(request):
    async def parts():
        for _ in range(3):
            yield b"x"

    return StreamingResponse(parts())


async def quiet(request):
    request.scope["bh_audit"].skip()
    return PlainTextResponse("")


async def wrong(request):
    request.scope["bh_audit"].add(purpose_of_use="BECAUSE", status="MAYBE")
    return PlainTextResponse("")


async def socket(websocket):
    await websocket.accept()
    await websocket.send_text("hi")
    await websocket.close()


async def shut(websocket):
    await websocket.close()


ROUTES = [
    Route("/notes/{note_id}", note, methods=["GET", "POST", "DELETE"]),
    Route("/refused", refused),
    Route("/status/{code}", status),
    Route("/raises/{patient_id}", raises),
    Route("/stream", stream),
    Route("/quiet", quiet),
    Route("/wrong", wrong),
    Route("/healthz", note),
    WebSocketRoute("/live/{room}", socket),
    WebSocketRoute("/shut", shut),
    Mount("/tenants/{tenant}", routes=[Route("/notes/{note_id}", note)]),
    Mount("/inner", app=Starlette(routes=[Route("/deep/{key}", note)])),
]


@pytest.fixture
def audit():
    return AuditLogger(AuditConfig(service="s"), sink=MemorySink())


@pytest.fixture
def client(audit):
    app = Starlette(routes=ROUTES)
    app.add_middleware(AuditMiddleware, audit=audit, exclude=["/healthz"], patient_param="patient_id")
    return TestClient(app, raise_server_exceptions=False)


def last(audit):
    return audit.sink.events[-1]


def test_a_request_is_one_event_with_its_template_and_what_the_app_said(client, audit):
    client.get("/notes/n-17?search=depression", headers={"cookie": "session=zzsecret", "x-request-id": "Ann Example"})
    assert len(audit.sink.lines) == 1
    event = last(audit)
    assert event["http"] == {"method": "GET", "route_template": "/notes/{note_id}", "status_code": 200}
    assert (event["action"], event["purpose_of_use"]) == ({"type": "READ", "phi_touched": True}, "TREAT")
    assert not any(word in str(event) for word in ("n-17", "depression", "zzsecret", "Ann"))


@pytest.mark.parametrize(("method", "action"), [("POST", "CREATE"), ("DELETE", "DELETE"), ("HEAD", "READ")])
def test_a_method_is_an_action(client, audit, method, action):
    client.request(method, "/notes/1")
    assert last(audit)["action"]["type"] == action


@pytest.mark.parametrize(
    ("code", "outcome", "kind"),
    [
        *[(401, "DENIED", "Unauthenticated"), (403, "DENIED", "Forbidden"), (451, "DENIED", "UnavailableForLegalReasons")],
        *[(404, "FAILURE", "HTTP404"), (422, "FAILURE", "HTTP422"), (503, "FAILURE", "HTTP503"), (302, "SUCCESS", None)],
    ],
)
def test_a_refusal_is_denied_and_an_error_is_a_failure(client, audit, code, outcome, kind):
    client.get(f"/status/{code}", follow_redirects=False)
    assert (last(audit)["outcome"]["status"], last(audit)["outcome"].get("error_type")) == (outcome, kind)


def test_the_app_refines_the_reason_of_a_denial(client, audit):
    client.get("/refused")
    assert last(audit)["outcome"] == {"status": "DENIED", "error_type": "ConsentRequired"}


def test_an_exception_is_a_failure_without_its_words_and_goes_on(client, audit):
    assert client.get("/raises/p-3").status_code == 500
    event = last(audit)
    assert (event["outcome"]["status"], event["outcome"]["error_type"]) == ("FAILURE", "ValueError")
    assert "about" not in str(event)
    assert event["resource"] == {"type": "Route", "id": "/raises/{patient_id}", "patient_id": "p-3"}
    assert len(audit.sink.lines) == 1


def test_an_unknown_path_is_not_written_down(client, audit):
    client.get("/ann-example/123-45-6789")
    assert last(audit)["http"]["route_template"] == "(unmatched)"


def test_a_mount_is_part_of_the_template(client, audit):
    client.get("/tenants/north/notes/7")
    assert last(audit)["http"]["route_template"] == "/tenants/{tenant}/notes/{note_id}"
    client.get("/inner/deep/7")
    assert last(audit)["http"]["route_template"] == "/inner/deep/{key}"


def test_a_stream_is_one_event(client, audit):
    assert client.get("/stream").text == "xxx"
    assert (len(audit.sink.lines), last(audit)["outcome"]) == (1, {"status": "SUCCESS"})


def test_excluded_and_skipped_requests_leave_none(client, audit):
    client.get("/healthz")
    client.get("/quiet")
    assert audit.sink.lines == []


def test_a_wrong_field_does_not_cost_the_event(client, audit):
    assert client.get("/wrong").status_code == 200
    assert last(audit)["http"]["route_template"] == "/wrong"


def test_a_connection_is_one_event(client, audit):
    with client.websocket_connect("/live/room-9") as live:
        live.receive_text()
    event = last(audit)
    assert (event["action"], event["http"]["route_template"]) == ({"type": "OTHER", "name": "websocket"}, "/live/{room}")
    with pytest.raises(Exception), client.websocket_connect("/shut"):  # noqa: B017
        pass
    assert last(audit)["outcome"]["status"] == "DENIED"


@pytest.mark.parametrize(
    ("header", "value", "kept"),
    [
        *[("x-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e", True), ("x-request-id", "john-doe", False)],
        *[("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True), ("traceparent", "00-ann", False)],
    ],
)
def test_a_correlation_id_is_taken_over_only_if_it_is_random_by_shape(client, audit, header, value, kept):
    client.get("/stream", headers={header: value})
    ids = last(audit)["correlation"]
    assert (any(part in value for part in ids.values())) is kept
    assert "ann" not in str(ids)
    assert "john" not in str(ids)


def test_fastapi_gives_its_template_too(audit):
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()
    router = fastapi.APIRouter(prefix="/api")

    @router.get("/patients/{patient_id}")
    async def patient(patient_id: str):
        raise fastapi.HTTPException(403)

    app.include_router(router)
    app.add_middleware(AuditMiddleware, audit=audit)
    TestClient(app).get("/api/patients/p-3")
    assert last(audit)["http"]["route_template"] == "/api/patients/{patient_id}"
    assert last(audit)["outcome"]["status"] == "DENIED"
    assert "p-3" not in str(last(audit))


def call(app, scope=None, receive=None):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(app({"type": "http", "method": "GET", "path": "/", "headers": [], **(scope or {})}, receive, send))
    return sent


async def bare(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"data"})


def test_fail_closed_answers_503_and_gives_nothing_away(flaky):
    audit = AuditLogger(AuditConfig(service="s"), sink=flaky)
    sent = call(AuditMiddleware(bare, audit=audit, fail_closed=True))
    assert [message.get("status") for message in sent] == [503, None]
    assert b"data" not in [message.get("body") for message in sent]
    flaky.broken = False
    assert call(AuditMiddleware(bare, audit=audit, fail_closed=True))[0]["status"] == 200
    assert len(flaky.lines) == 1


def test_otherwise_the_request_goes_on_and_the_loss_is_counted(flaky, caplog):
    middleware = AuditMiddleware(bare, audit=AuditLogger(AuditConfig(service="s"), sink=flaky))
    assert call(middleware)[0]["status"] == 200
    assert middleware.counters["unrecorded"] == 1
    assert "not kept" in caplog.text


def test_a_client_that_left_early_was_still_shown_data(audit):
    async def leaves(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    async def receive():
        return {"type": "http.disconnect"}

    call(AuditMiddleware(leaves, audit=audit), receive=receive)
    assert last(audit)["outcome"] == {"status": "SUCCESS", "error_type": "ClientDisconnected"}


def test_an_app_that_says_nothing_failed(audit):
    async def silent(scope, receive, send):
        return

    call(AuditMiddleware(silent, audit=audit))
    assert last(audit)["outcome"]["error_type"] == "NoResponse"


def test_a_cancelled_request_is_told_and_cancelled(audit):
    async def slow(scope, receive, send):
        await asyncio.sleep(10)

    async def main():
        app = AuditMiddleware(slow, audit=audit)
        task = asyncio.create_task(app({"type": "http", "method": "GET", "path": "/", "headers": []}, None, None))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert last(audit)["outcome"]["error_type"] == "CancelledError"


def test_the_end_of_the_server_drains_the_queue():
    sink = MemorySink()
    audit = AuditLogger(AuditConfig(service="s", delivery="queued", on_failure="drop"), sink=sink)
    app = Starlette(routes=ROUTES)
    app.add_middleware(AuditMiddleware, audit=audit)
    with TestClient(app) as client:
        for _ in range(20):
            client.get("/stream")
    assert len(sink.lines) == 20


def test_the_middleware_needs_a_logger():
    with pytest.raises(ConfigError):
        AuditMiddleware(bare, audit=None)  # type: ignore[arg-type]
