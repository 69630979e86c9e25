"""What each failure policy does with an event that the sink refuses: counted, and nothing silent."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, MemorySink
from bh_lib.emitters.queued import Queued
from bh_lib.emitters.spool import Spool
from bh_lib.errors import ConfigError, SinkError
from tests.emitters.gate import Gate


def logger(sink, tmp_path, policy, **settings):
    spool = tmp_path / "spool.jsonl" if policy == "spool" else None
    return AuditLogger(AuditConfig(service="s", on_failure=policy, spool=spool, **settings), sink=sink)


def ids(sink):
    return [line.split(b'"event_id":"', 1)[1][:36].decode() for line in sink.lines]


def test_raise_tells_the_caller_and_quotes_nothing(flaky, tmp_path, who, what, caplog):
    audit = logger(flaky, tmp_path, "raise")
    with pytest.raises(SinkError) as caught:
        audit.record("READ", actor=who, resource=what)
    assert "u-7" not in str(caught.value)
    assert caught.value.__suppress_context__
    flaky.broken = False
    assert audit.record("READ", actor=who, resource=what).seq == 0
    assert "u-7" not in caplog.text


def test_drop_counts_and_the_chain_has_no_hole(flaky, tmp_path, who, what, caplog):
    audit = logger(flaky, tmp_path, "drop")
    assert audit.record("READ", actor=who, resource=what).seq is None
    flaky.broken = False
    assert audit.record("READ", actor=who, resource=what).seq == 0
    health = audit.health()
    assert (health["dropped"], health["sink_failures"], health["healthy"]) == (1, 1, False)
    assert "u-7" not in caplog.text


def test_spool_keeps_the_order_and_repeats_nothing(flaky, tmp_path, who, what):
    audit = logger(flaky, tmp_path, "spool")
    accepted = [audit.record("READ", actor=who, resource=what).event_id for _ in range(5)]
    assert (audit.health()["spooled"], audit.health()["pending"], flaky.lines) == (5, 5, [])
    flaky.broken = False
    assert audit.drain()
    accepted.append(audit.record("READ", actor=who, resource=what).event_id)
    assert ids(flaky) == accepted
    assert (audit.health()["replayed"], audit.health()["pending"], audit.health()["dropped"]) == (5, 0, 0)


def test_a_spool_left_by_a_dead_process_is_replayed_by_the_next(flaky, tmp_path, who, what):
    first = logger(flaky, tmp_path, "spool")
    accepted = [first.record("READ", actor=who, resource=what).event_id for _ in range(3)]
    first.close()
    flaky.broken = False
    second = logger(flaky, tmp_path, "spool")
    assert second.health()["pending"] == 3
    accepted.append(second.record("READ", actor=who, resource=what).event_id)
    assert ids(flaky) == accepted


def test_what_the_sink_has_already_is_not_replayed(flaky, tmp_path):
    spool = Spool(tmp_path / "spool.jsonl")
    events = [{"event_id": f"{number:036}"} for number in range(6)]
    for event in events:
        spool.add(event)
    flaky.broken = False
    for event in events[:2]:
        flaky.append(event)
    assert spool.replay(flaky) == 4
    assert ids(flaky) == [event["event_id"] for event in events]


def test_a_replay_that_stops_half_way_keeps_the_rest(tmp_path, flaky):
    spool = Spool(tmp_path / "spool.jsonl")
    for number in range(6):
        spool.add({"event_id": f"{number:036}"})
    flaky.broken = False
    real, left = flaky.write, iter([True] * 3)

    def stops(line):
        if next(left, None) is None:
            raise OSError
        real(line)

    flaky.write = stops
    with pytest.raises(OSError):
        spool.replay(flaky)
        spool.replay(flaky)
    assert (len(flaky.lines), len(spool)) == (3, 3)
    flaky.write = real
    spool.replay(flaky)
    assert ids(flaky) == [f"{number:036}" for number in range(6)]


def test_a_torn_spool_line_is_dropped_because_nobody_was_promised_it(tmp_path):
    spool = Spool(tmp_path / "spool.jsonl")
    spool.add({"event_id": "e1"})
    spool.close()
    with open(spool.path, "ab") as file:
        file.write(b'{"event_id":"e2"')
    again = Spool(spool.path)
    again.add({"event_id": "e3"})
    sink = MemorySink()
    again.replay(sink)
    assert [event["event_id"] for event in sink.events] == ["e1", "e3"]


def test_a_queue_delivers_in_order_and_drains_on_close(tmp_path, who, what):
    sink = MemorySink()
    audit = logger(sink, tmp_path, "drop", delivery="queued")
    accepted = [audit.record("READ", actor=who, resource=what).event_id for _ in range(1000)]
    audit.close()
    assert [event["event_id"] for event in sink.events] == accepted
    with pytest.raises(SinkError):
        audit.record("READ", actor=who, resource=what)


def test_a_full_queue_drops_and_counts_if_told_to():
    gate = Gate()
    queue = Queued(gate, "drop", capacity=3, when_full="drop")
    queue.submit({"event_id": "first"})
    assert gate.entered.wait(5)
    for number in range(5):
        queue.submit({"event_id": f"e{number}"})
    assert (queue.counters["dropped"], queue.pending()) == (2, 4)
    gate.open.set()
    assert queue.close(5)
    assert [event["event_id"] for event in gate.events] == ["first", "e0", "e1", "e2"]


def test_a_full_queue_makes_the_caller_wait_otherwise():
    gate = Gate()
    queue = Queued(gate, "drop", capacity=1)
    for number in range(2):
        queue.submit({"event_id": f"e{number}"})
        gate.entered.wait(5)
    late = threading.Thread(target=queue.submit, args=({"event_id": "e2"},))
    late.start()
    late.join(0.1)
    assert late.is_alive()
    gate.open.set()
    late.join(5)
    assert queue.close(5)
    assert (len(gate.lines), queue.counters["dropped"]) == (3, 0)


def test_a_queue_spools_what_the_sink_refuses_and_replays_it_first(flaky, tmp_path, who, what):
    audit = logger(flaky, tmp_path, "spool", delivery="queued")
    accepted = [audit.record("READ", actor=who, resource=what).event_id for _ in range(4)]
    assert not audit.drain(5)
    assert audit.health()["pending"] == 4
    flaky.broken = False
    accepted.append(audit.record("READ", actor=who, resource=what).event_id)
    audit.close()
    assert ids(flaky) == accepted


@pytest.mark.parametrize(
    "settings",
    [
        {"delivery": "later"},
        {"on_failure": "ignore"},
        {"on_failure": "spool"},
        {"delivery": "queued"},
        {"capacity": 0},
        {"when_full": "grow"},
        {"environment": "x" * 65},
        {"on_failure": "drop", "spool": "s"},
    ],
)
def test_a_half_made_configuration_is_refused(settings):
    with pytest.raises(ConfigError):
        AuditConfig(service="s", **settings)


def test_diagnostics_at_debug_name_the_event_and_never_its_content(flaky, tmp_path, who, what, caplog):
    caplog.set_level(logging.DEBUG)
    receipt = logger(flaky, tmp_path, "drop").record("READ", actor=who, resource=what)
    assert receipt.event_id in caplog.text
    assert "u-7" not in caplog.text
    assert "p-3" not in caplog.text


def test_each_process_has_a_journal_of_its_own_and_takes_over_what_dead_ones_left(tmp_path):
    one, two = Spool(tmp_path / "spool.jsonl"), Spool(tmp_path / "spool.jsonl")
    assert (one.path.name, two.path.name) == ("spool.jsonl", "spool.jsonl.1")
    one.add({"event_id": "e1"})
    two.add({"event_id": "e2"})
    one.close()
    two.close()
    three, sink = Spool(tmp_path / "spool.jsonl"), MemorySink()
    assert three.replay(sink) == 2
    assert [event["event_id"] for event in sink.events] == ["e1", "e2"]
    assert two.path.read_bytes() == b""


def test_a_forked_child_spools_beside_its_parent(flaky, tmp_path, who, what):
    audit = logger(flaky, tmp_path, "spool")
    audit.record("READ", actor=who, resource=what)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            audit.record("READ", actor=who, resource=what)
            code = 0 if audit.health()["pending"] == 1 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / "spool.jsonl").read_bytes().count(b"\n") == 1
    assert (tmp_path / "spool.jsonl.1").read_bytes().count(b"\n") == 1
