"""The queue at its edges: closed while somebody waits, a sink that hangs, an event that no sink takes, many threads."""

from __future__ import annotations

import sys
import threading

import pytest

from bh_lib.emitters import JsonlSink, MemorySink, read_ledger
from bh_lib.emitters.queued import Queued
from bh_lib.emitters.sinks.base import Sink
from bh_lib.emitters.spool import Spool
from bh_lib.errors import SinkError
from tests.emitters.gate import Gate


def numbered(count):
    return [{"event_id": f"e{number}"} for number in range(count)]


def ids(sink):
    return [event["event_id"] for event in sink.events]


def test_a_caller_whom_a_full_queue_kept_waiting_is_told_when_it_is_closed():
    gate, told = Gate(), []
    queue = Queued(gate, "drop", capacity=1)
    first, second, third = numbered(3)
    queue.submit(first)
    assert gate.entered.wait(10)
    queue.submit(second)

    def late():
        try:
            queue.submit(third)
        except SinkError as error:
            told.append(str(error))

    caller = threading.Thread(target=late)
    caller.start()
    queue.close(0.05)
    caller.join(10)
    gate.open.set()
    assert told == ["event e2 is not kept: the logger is closed"]
    assert queue.counters["dropped"] == 2


def test_what_a_hanging_sink_has_in_hand_at_the_end_is_spooled_and_comes_once(tmp_path):
    path, gate = tmp_path / "audit.jsonl", threading.Event()

    class Hangs(JsonlSink):
        def append_many(self, events):
            entered.set()
            gate.wait(20)
            return super().append_many(events)

    entered = threading.Event()
    queue = Queued(Hangs(path), "spool", Spool(tmp_path / "spool.jsonl"))
    first, *rest = numbered(5)
    queue.submit(first)
    assert entered.wait(10)
    for event in rest:
        queue.submit(event)
    assert not queue.close(0.05)
    assert queue.counters["spooled"] == 5
    # It arrives after all, and the next process finds it there.
    gate.set()
    queue._thread.join(10)
    spool, sink = Spool(tmp_path / "spool.jsonl"), JsonlSink(path)
    assert len(spool) == 5
    assert spool.replay(sink) == 4
    assert [event["event_id"] for event in read_ledger(path)] == ["e0", "e1", "e2", "e3", "e4"]


class Picky(Sink):
    """Can't take one event, whatever happens; takes every other."""

    name = "picky"

    def __init__(self):
        super().__init__()
        self.lines = []

    def write(self, line):
        if b'"e3"' in line:
            raise ValueError
        self.lines.append(line)


def test_one_event_that_no_sink_takes_does_not_pull_down_those_behind_it():
    sink = Picky()
    queue = Queued(sink, "drop")
    for event in numbered(10):
        queue.submit(event)
    assert queue.close(10)
    assert (len(sink.lines), queue.counters["dropped"]) == (9, 1)


def test_a_sink_that_is_down_is_not_asked_for_every_event(flaky):
    queue = Queued(flaky, "drop")
    with queue._changed:
        queue._waiting.extend(numbered(200))
    queue.submit({"event_id": "last"})
    assert queue.drain(10)
    assert queue.counters["dropped"] == 201
    assert queue.counters["sink_failures"] == 3


def test_what_a_full_queue_drops_is_counted_to_the_last_though_threads_switch_all_the_time():
    gate = Gate()
    queue = Queued(gate, "drop", capacity=5, when_full="drop")
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: [queue.submit(event) for event in numbered(100)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    waiting = queue.pending()
    assert waiting + queue.counters["dropped"] == 800
    gate.open.set()
    assert queue.close(10)
    assert len(gate.lines) == waiting


def test_a_queue_whose_thread_can_not_start_delivers_at_once(monkeypatch):
    sink = MemorySink()
    queue = Queued(sink, "drop")

    def ending(thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", ending)
    for event in numbered(3):
        queue.submit(event)
    assert (ids(sink), queue.pending()) == (["e0", "e1", "e2"], 0)
    assert queue.close(1)


def test_draining_replays_the_spool_and_says_whether_all_of_it_went(flaky, tmp_path):
    queue = Queued(flaky, "spool", Spool(tmp_path / "spool.jsonl"))
    for event in numbered(3):
        queue.submit(event)
    assert not queue.drain(5)
    flaky.broken = False
    assert queue.drain(5)
    assert (len(flaky.lines), queue.pending(), queue.counters["replayed"]) == (3, 0, 3)


def test_a_fault_of_the_delivery_itself_is_counted_and_the_thread_goes_on(monkeypatch, caplog):
    sink = MemorySink()
    queue = Queued(sink, "drop")
    real = queue._deliver
    monkeypatch.setattr(queue, "_deliver", lambda batch: 1 / 0)
    queue.submit({"event_id": "e0"})
    assert queue.drain(5)
    monkeypatch.setattr(queue, "_deliver", real)
    queue.submit({"event_id": "e1"})
    assert queue.drain(5)
    assert (ids(sink), queue.counters["dropped"]) == (["e1"], 1)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("count", [1, 255, 256, 257, 1000])
def test_batches_keep_the_order(count):
    sink = MemorySink()
    queue = Queued(sink, "drop")
    for event in numbered(count):
        queue.submit(event)
    assert queue.close(10)
    assert ids(sink) == [f"e{number}" for number in range(count)]
