"""A thousand words, planted wherever a client, an application or a hook can put one: none may come out of the middleware."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re

import pytest

pytest.importorskip("fastapi")

from fastapi import FastAPI, HTTPException, Request, WebSocket, WebSocketException
from starlette.responses import Response, StreamingResponse

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, Sink
from bh_lib.emitters.asgi import AuditMiddleware

WORD = re.compile(r"zanzibar\d+q", re.IGNORECASE)


class Careless(Sink):
    """Raises with the whole event in its message, as database drivers do."""

    name = "careless"

    def write(self, line):
        raise RuntimeError(f"could not insert {line!r}")


class Planter:
    """Distinct words, and how many there were."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return f"zanzibar{self.count}q"


class OddlyWordedError(Exception):
    """Quotes in every way an exception can."""

    def __init__(self, word):
        super().__init__(word)
        self.detail = self.filename = word
        self.add_note(word)

    __repr__ = __str__ = lambda self: self.detail


def build(plant):
    app = FastAPI()

    @app.api_route("/charts/{chart_id}", methods=["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
    async def chart(request: Request, chart_id: str):
        await request.body()
        request.state.seen = plant()
        return Response(plant(), headers={"x-odd": plant(), "set-cookie": f"s={plant()}"}, media_type=f"text/{plant()}")

    @app.get("/typed/{number}")
    async def typed(number: int, also: int = 0):
        return number

    @app.get("/refused/{name}")
    async def refused(request: Request, name: str):
        request.scope["bh_audit"].deny(f"because {plant()}")
        raise HTTPException(403, detail=plant(), headers={"x-odd": plant()})

    @app.get("/raises/{name}")
    async def raises(name: str):
        try:
            raise OddlyWordedError(plant())
        except OddlyWordedError as error:
            raise LookupError(plant(), {plant(): plant()}) from error

    @app.get("/stream/{name}")
    async def stream(name: str):
        async def parts():
            yield plant()
            raise OddlyWordedError(plant())

        return StreamingResponse(parts())

    @app.get("/says/{name}")
    async def says(request: Request, name: str):
        said = request.scope["bh_audit"]
        said.add(**{plant(): plant(), "purpose_of_use": plant(), "metadata": {plant(): plant()}, "status": plant()})
        said.add(resource={plant(): plant()}, actor=[plant()], http={"user_agent": plant()})
        said.route({plant(): 1})
        return {}

    @app.websocket("/live/{room}")
    async def live(socket: WebSocket, room: str):
        await socket.accept(subprotocol=plant(), headers=[(b"x-odd", plant().encode())])
        await socket.receive_text()
        await socket.send_text(plant())
        if room.endswith("1q"):
            raise WebSocketException(1008, reason=plant())
        raise OddlyWordedError(plant())

    return app


def headers(plant):
    names = ["user-agent", "referer", "cookie", "authorization", "x-request-id", "traceparent", "x-forwarded-for", "forwarded"]
    names += ["host", "tracestate", "baggage", "origin", "content-type", plant()]
    made = [(name.encode(), plant().encode()) for name in names]
    return [*made, (b"traceparent", f"00-{plant()}-b7ad6b7169203331-01".encode()), (b"sec-websocket-protocol", plant().encode())]


def scope_of(plant, kind, path, method):
    whole = f"{path}{plant()}"
    common = {"type": kind, "path": whole, "raw_path": whole.encode(), "query_string": f"also={plant()}&{plant()}=1".encode()}
    common |= {"headers": headers(plant), "client": (plant(), 1), "server": (plant(), 80), "state": {plant(): plant()}}
    common |= {"root_path": "", "scheme": "http", "http_version": "1.1", "asgi": {"version": "3.0"}, "extensions": {plant(): {}}}
    return common | ({"method": method} if kind == "http" else {"subprotocols": [plant()]})


async def ask(app, plant, kind, path, method):
    sent = []
    words = iter([{"type": "websocket.connect"}, {"type": "websocket.receive", "text": plant()}])
    if kind == "http":
        words = iter([{"type": "http.request", "body": plant().encode(), "more_body": False}])

    async def receive():
        await asyncio.sleep(0)
        return next(words, {"type": f"{kind}.disconnect", "code": 1001, "reason": plant()})

    async def send(message):
        sent.append(message)

    with contextlib.suppress(Exception):
        await asyncio.wait_for(app(scope_of(plant, kind, path, method), receive, send), 10)
    return sent


def hooks(plant, number):
    """In turn: none, one that raises with a word, ones that give what is no answer."""

    def raising(scope):
        raise OddlyWordedError(plant())

    wrong = [
        raising,
        lambda scope: plant(),
        lambda scope: [plant()],
        lambda scope: {plant(): plant()},
        lambda scope: plant().encode(),
    ]
    places = ["actor", "resource", "purpose"]
    return {} if number % 4 == 0 else {places[number % 3]: wrong[number % 5], "reason": raising}


PATHS = [("http", path, "GET") for path in ("/typed/", "/refused/", "/raises/", "/stream/", "/says/", "/", "/charts/")]
PATHS += [("http", "/charts/", method) for method in ("POST", "PUT", "ZANZIBAR0Q")] + [("websocket", "/live/", "")] * 2

SETTINGS = {
    "kept": ("durable", None, False),
    "kept, fail closed": ("durable", None, True),
    "queued": ("queued", "drop", False),
}


@pytest.mark.parametrize("in_thread", [False, True])
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("broken", [False, True])
def test_a_thousand_words_stay_inside(caplog, capfd, tmp_path, setting, broken, in_thread):
    caplog.set_level(logging.DEBUG)
    delivery, on_failure, fail_closed = SETTINGS[setting]
    plant, ledger = Planter(), tmp_path / "ledger.jsonl"
    sink = Careless() if broken else JsonlSink(ledger)
    audit = AuditLogger(AuditConfig(service="s", delivery=delivery, on_failure=on_failure), sink=sink)
    refusals, asked, answers = [], 0, build(plant)

    async def all_of_them():
        nonlocal asked
        for number in range(4):
            app = AuditMiddleware(answers, audit=audit, fail_closed=fail_closed, in_thread=in_thread, **hooks(plant, number))
            for kind, path, method in PATHS:
                asked += 1
                sent = await ask(app, plant, kind, path, method)
                refusals.extend(sent if any(message.get("status") == 503 for message in sent) else ())
            caplog.handler.stream.write(str(app.health()))

    asyncio.run(all_of_them(), debug=True)
    audit.drain(5)
    audit.close()
    assert plant.count >= 1000
    kept = ledger.read_text("utf-8") if not broken else ""
    assert len(kept.splitlines()) >= (0 if broken else asked)
    assert bool(refusals) is fail_closed
    out, err = capfd.readouterr()
    assert WORD.findall(kept + caplog.text + out + err + str(refusals)) == []
