"""What the event loop does while an event is written, what a refused event does to its request, and what the end drains."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, MemorySink, Sink, verify
from bh_lib.emitters.asgi import AuditMiddleware


class Slow(Sink):
    """A disk or a database that takes its time."""

    name = "slow"
    slow = True

    def __init__(self, seconds=0.02):
        super().__init__()
        self.seconds, self.lines, self.threads = seconds, [], set()

    def write(self, line):
        time.sleep(self.seconds)
        self.threads.add(threading.get_ident())
        self.lines.append(line)


async def answer(scope, receive, send):
    scope["bh_audit"].add(resource={"type": "Note", "id": scope["path"]})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"data"})


async def talk(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "data"})


async def ask(app, kind="http", path="/"):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    scope = {"type": kind, "path": path, "headers": [], **({"method": "GET"} if kind == "http" else {})}
    await app(scope, receive, send)
    return sent


class Gated(Sink):
    """Writes nothing before it is let: were it written on the loop, nobody could."""

    name = "gated"
    slow = True

    def __init__(self):
        super().__init__()
        self.gate, self.entered, self.lines, self.threads = threading.Event(), threading.Event(), [], set()

    def write(self, line):
        self.entered.set()
        if not self.gate.wait(10):
            raise TimeoutError
        self.threads.add(threading.get_ident())
        self.lines.append(line)


async def many(app, sink, count):
    """Ask at once; the gate opens only when the loop has come round while a write waits."""
    asking = [asyncio.create_task(ask(app, path=f"/{number}")) for number in range(count)]
    while not sink.entered.is_set():
        await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert sink.lines == []
    sink.gate.set()
    await asyncio.gather(*asking)


def test_a_slow_sink_does_not_hold_up_the_loop_and_keeps_the_order():
    sink = Gated()
    app = AuditMiddleware(answer, audit=AuditLogger(AuditConfig(service="s"), sink=sink))
    asyncio.run(many(app, sink, 20))
    assert len(sink.threads) == 1
    assert sink.threads != {threading.get_ident()}
    assert [f'"id":"/{number}"' in line.decode() for number, line in enumerate(sink.lines)] == [True] * 20
    assert app.health()["unrecorded"] == 0


def test_in_thread_can_be_said_either_way(tmp_path):
    for chosen, same in [(False, True), (True, False)]:
        sink = Slow(0)
        asyncio.run(ask(AuditMiddleware(answer, audit=AuditLogger(AuditConfig(service="s"), sink=sink), in_thread=chosen)))
        assert (sink.threads == {threading.get_ident()}) is same


def test_a_full_queue_that_blocks_holds_up_its_request_and_not_the_loop():
    config = AuditConfig(service="s", delivery="queued", on_failure="drop", capacity=8)
    sink = Gated()
    audit = AuditLogger(config, sink=sink)
    asyncio.run(many(AuditMiddleware(answer, audit=audit), sink, 40))
    assert audit.drain(5)
    assert (len(sink.lines), audit.health()["dropped"]) == (40, 0)


def test_a_request_that_is_cancelled_while_its_event_is_written_still_has_it():
    sink = Slow(0.05)
    app = AuditMiddleware(answer, audit=AuditLogger(AuditConfig(service="s"), sink=sink))

    async def main():
        tasks = [asyncio.create_task(ask(app)) for _ in range(3)]
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        assert all(isinstance(error, asyncio.CancelledError) for error in await asyncio.gather(*tasks, return_exceptions=True))
        await app._drain()

    asyncio.run(main())
    assert len(sink.lines) == 3


@pytest.mark.parametrize("in_thread", [False, True])
def test_fail_closed_answers_503_and_gives_nothing_away(flaky, in_thread):
    audit = AuditLogger(AuditConfig(service="s"), sink=flaky)
    app = AuditMiddleware(answer, audit=audit, fail_closed=True, in_thread=in_thread)
    sent = asyncio.run(ask(app))
    assert [message.get("status") for message in sent] == [503, None]
    assert sent[1]["body"] == b""
    flaky.broken = False
    assert asyncio.run(ask(app))[0]["status"] == 200
    assert len(flaky.lines) == 1


def test_fail_closed_refuses_a_connection(flaky):
    app = AuditMiddleware(talk, audit=AuditLogger(AuditConfig(service="s"), sink=flaky), fail_closed=True)
    assert asyncio.run(ask(app, "websocket")) == [{"type": "websocket.close", "code": 1013}]
    flaky.broken = False
    assert [message["type"] for message in asyncio.run(ask(app, "websocket"))] == ["websocket.accept", "websocket.send"]
    assert len(flaky.lines) == 1


def test_an_endless_stream_ends_once_it_is_refused(flaky):
    async def endless(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"data", "more_body": True})

    app = AuditMiddleware(endless, audit=AuditLogger(AuditConfig(service="s"), sink=flaky), fail_closed=True)
    assert [message.get("status") for message in asyncio.run(asyncio.wait_for(ask(app), 5))] == [503, None]


def test_a_response_that_breaks_after_a_fail_closed_event_is_told_too(audit):
    async def breaks(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError

    with pytest.raises(ValueError):
        asyncio.run(ask(AuditMiddleware(breaks, audit=audit, fail_closed=True)))
    first, second = audit.sink.events
    assert (first["outcome"]["status"], second["outcome"]["error_type"]) == ("SUCCESS", "ValueError")


def test_a_spool_takes_what_the_sink_refuses_and_the_end_replays_it(flaky, tmp_path):
    audit = AuditLogger(AuditConfig(service="s", spool=tmp_path / "spool"), sink=flaky)
    app = AuditMiddleware(answer, audit=audit)
    assert asyncio.run(ask(app))[0]["status"] == 200
    assert (audit.health()["pending"], app.health()["unrecorded"]) == (1, 0)
    flaky.broken = False
    asyncio.run(app._drain())
    assert len(flaky.lines) == 1


def test_a_thread_and_a_file_keep_one_chain(tmp_path):
    path = tmp_path / "a.jsonl"
    audit = AuditLogger(AuditConfig(service="s"), sink=JsonlSink(path, fsync="each"))
    app = AuditMiddleware(answer, audit=audit, in_thread=True)

    async def many():
        await asyncio.gather(*(ask(app) for _ in range(50)))

    asyncio.run(many())
    audit.close()
    assert str(verify(path).verdict.value) == "CONSISTENT"
    assert len(path.read_bytes().splitlines()) == 50


def test_a_sink_that_waits_for_a_disk_or_a_database_says_so(tmp_path):
    assert not MemorySink().slow
    assert not JsonlSink(tmp_path / "a.jsonl").slow
    assert JsonlSink(tmp_path / "b.jsonl", fsync="each").slow


def test_a_database_keeps_one_chain_from_the_thread(tmp_path):
    pytest.importorskip("sqlalchemy")
    from bh_lib.emitters.sinks.sql import SqlSink

    sink = SqlSink(f"sqlite:///{tmp_path / 'audit.db'}")
    audit = AuditLogger(AuditConfig(service="s"), sink=sink)
    app = AuditMiddleware(answer, audit=audit)
    assert app.waits()

    async def many_at_once():
        await asyncio.gather(*(ask(app) for _ in range(20)))

    asyncio.run(many_at_once())
    assert (audit.health()["accepted"], app.health()["unrecorded"]) == (20, 0)
    audit.close()
