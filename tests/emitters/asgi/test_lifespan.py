"""The end of a server: whatever the application knows of a lifespan, what is pending is drained before it is over."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, MemorySink
from bh_lib.emitters.asgi import AuditMiddleware


class Slow(MemorySink):
    """So slow that a queue is not empty by itself."""

    def write(self, line):
        time.sleep(0.01)
        super().write(line)


class Lifespan:
    """Says startup, then shutdown, and notes the answers."""

    def __init__(self, app):
        self.messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        self.answers = []
        asyncio.run(app({"type": "lifespan"}, self.receive, self.send))

    async def receive(self):
        return next(self.messages)

    async def send(self, message):
        self.answers.append(message["type"].removeprefix("lifespan."))


async def knows_none(scope, receive, send):
    raise ValueError("no lifespan here")


async def ignores_it(scope, receive, send):
    return


async def takes_it_for_a_request(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})


async def knows_it(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def fails_at_its_end(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed"})


@pytest.mark.parametrize("app", [knows_none, ignores_it, takes_it_for_a_request, knows_it, fails_at_its_end])
def test_the_end_drains_whatever_the_application_knows_of_it(app):
    sink = Slow()
    audit = AuditLogger(AuditConfig(service="s", delivery="queued", on_failure="drop"), sink=sink)
    wrapped = AuditMiddleware(app, audit=audit)
    for _ in range(10):
        audit.record("READ", actor={"subject_id": "u", "subject_type": "human"}, resource={"type": "Note"})
    assert Lifespan(wrapped).answers == ["startup.complete", "shutdown.failed" if app is fails_at_its_end else "shutdown.complete"]
    assert len(sink.lines) == 10


def test_an_application_that_fails_to_start_fails_as_before(audit):
    async def broken(scope, receive, send):
        await receive()
        raise LookupError

    with pytest.raises(LookupError):
        Lifespan(AuditMiddleware(broken, audit=audit))


def test_a_drain_that_fails_does_not_keep_the_server_from_ending(caplog):
    class Bad(MemorySink):
        def flush(self):
            raise RuntimeError("about Ann Example")

    caplog.set_level(logging.DEBUG)
    assert (
        Lifespan(AuditMiddleware(knows_it, audit=AuditLogger(AuditConfig(service="s"), sink=Bad()))).answers[-1]
        == "shutdown.complete"
    )
    assert "RuntimeError" in caplog.text
    assert "Ann" not in caplog.text
