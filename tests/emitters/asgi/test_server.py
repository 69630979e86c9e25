"""The example application under real servers and a real load: what was answered is in the ledger, once, and rightly told."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")

import httpx
import websockets

from bh_lib.emitters import read_ledger, verify

ASKED = {
    # path, method, user -> status and event
    ("/patients/p-1/notes/n-1", "GET", "u-ada"): (200, "SUCCESS", None),
    ("/patients/p-1/notes/n-1", "GET", "u-eve"): (403, "DENIED", "NotOnCareTeam"),
    ("/patients/p-1/notes/n-1", "GET", ""): (401, "DENIED", "Unauthenticated"),
    ("/patients/p-1/notes/n-9", "GET", "u-ada"): (404, "FAILURE", "HTTP404"),
    ("/patients/p-2/notes", "POST", "u-ben"): (201, "SUCCESS", None),
    ("/patients/p-1/export", "GET", "u-ada"): (200, "SUCCESS", None),
    ("/patients/p-1/labs", "GET", "u-ben"): (500, "FAILURE", "ConnectionError"),
    ("/patients/p-1/notes", "DELETE", "u-ada"): (405, "FAILURE", "HTTP405"),
    ("/nowhere/at-all", "GET", "u-ada"): (404, "FAILURE", "HTTP404"),
}


class Clinic:
    """The example in processes of its own."""

    def __init__(self, root, folder, command, **environment):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.ledger, self.errors = folder / "ledger.jsonl", folder / "stderr"
        settings = {**os.environ, "CLINIC_LEDGER": str(self.ledger), "PYTHONPATH": str(root), **environment}
        words = [word.format(port=self.port) for word in command]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *words], cwd=root / "docs" / "examples", env=settings, stdout=errors, stderr=errors
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise AssertionError(self.errors.read_text("utf-8", "replace")[-2000:])

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(30)

    def events(self):
        return list(read_ledger(self.ledger))


UVICORN = ["uvicorn", "clinic_app:app", "--port", "{port}", "--log-level", "warning"]


@pytest.fixture
def clinic(root, tmp_path):
    running = []

    def start(command, **environment):
        running.append(Clinic(root, tmp_path, command, **environment))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


async def load(port, requests, answered, connections=8):
    """Ask in turn over some connections, each request under an id of its own; note what was answered in whole."""
    choices = random.Random(7)
    asks = iter([choices.choice(list(ASKED)) for _ in range(requests)])

    async def one(client):
        for ask in asks:
            path, method, user = ask
            name = str(uuid.uuid4())
            try:
                response = await client.request(method, path, headers={"x-user": user, "x-request-id": name})
            except httpx.TransportError:
                # uvicorn closes a connection after an exception, and one of ours was on its way: it has no answer.
                continue
            assert response.status_code == ASKED[ask][0]
            answered[name] = ASKED[ask]

    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=20) as client:
        await asyncio.gather(*(one(client) for _ in range(connections)))


async def talk(port, connections, answered):
    """Hold conversations; half of them are refused."""
    for number in range(connections):
        name, refused = str(uuid.uuid4()), number % 2
        headers = {"x-user": "u-eve" if refused else "u-ada", "x-request-id": name}
        url = f"ws://127.0.0.1:{port}/patients/p-1/chat"
        if refused:
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(url, additional_headers=headers)
            answered[name] = (403, "DENIED", "NotOnCareTeam")
        else:
            async with websockets.connect(url, additional_headers=headers) as client:
                await client.send("hello")
                assert await client.recv() == "hello"
            answered[name] = (101, "SUCCESS", None)


def as_told(event):
    # An exception that passes the middleware has no status yet: the server makes it 500 behind it.
    return event["http"].get("status_code", 500), event["outcome"]["status"], event["outcome"].get("error_type")


def hold(clinic, answered):
    """Every answered request has exactly one event, and it tells what the client saw; the chain holds."""
    events = clinic.events()
    counted = collections.Counter(event["correlation"]["request_id"] for event in events)
    assert {name: counted[name] for name in answered if counted[name] != 1} == {}
    by_name = {event["correlation"]["request_id"]: event for event in events}
    assert {name: as_told(by_name[name]) for name in answered if as_told(by_name[name]) != answered[name]} == {}
    assert set(counted.values()) == {1}
    verdict = verify(clinic.ledger)
    assert (verdict.verdict.value, verdict.chains) == ("CONSISTENT", 1)
    return events


@pytest.mark.parametrize(
    ("command", "delivery", "requests"),
    [
        pytest.param([*UVICORN, "--workers", "2"], "durable", 2000, id="uvicorn, two workers"),
        pytest.param([*UVICORN, "--workers", "2"], "queued", 600, id="uvicorn, two workers, queued"),
        pytest.param([*UVICORN, "--lifespan", "off"], "queued", 600, id="uvicorn, no lifespan, queued"),
    ],
)
def test_every_answered_request_has_one_event_after_sigterm(clinic, command, delivery, requests):
    running, answered = clinic(command, CLINIC_DELIVERY=delivery), {}
    asyncio.run(load(running.port, requests, answered))
    asyncio.run(talk(running.port, 10, answered))
    running.end()
    assert len(answered) > requests * 0.9
    hold(running, answered)


def test_what_was_answered_before_kill_9_is_in_the_ledger(clinic):
    running, answered = clinic(UVICORN), {}

    async def killed():
        loading = asyncio.create_task(load(running.port, 2000, answered))
        while len(answered) < 300:
            await asyncio.sleep(0.01)
        running.process.kill()
        await loading

    asyncio.run(killed())
    assert 300 <= len(answered) < 2000
    hold(running, answered)


GUNICORN = ["gunicorn", "clinic_app:app", "--bind", "127.0.0.1:{port}", "--workers", "2", "--preload"]


@pytest.mark.parametrize("worker", ["uvicorn.workers.UvicornWorker", "asgi"])
@pytest.mark.parametrize("delivery", ["durable", "queued"])
def test_a_logger_that_was_made_before_gunicorn_forked_serves_every_worker(clinic, worker, delivery):
    pytest.importorskip("gunicorn")
    running, answered = clinic([*GUNICORN, "-k", worker], CLINIC_DELIVERY=delivery), {}
    asyncio.run(load(running.port, 400, answered))
    running.end()
    assert len(answered) > 350
    hold(running, answered)
