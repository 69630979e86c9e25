"""The journal: in order, once, and never a reason to wait; what is damaged in it costs no more than itself."""

from __future__ import annotations

import os
import threading

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, MemorySink
from bh_lib.emitters.canonical import canonical
from bh_lib.emitters.spool import Spool
from bh_lib.errors import ConfigError, SinkError


def filled(path, count, start=0):
    spool = Spool(path)
    for number in range(start, start + count):
        spool.add({"event_id": f"e{number}"})
    return spool


def ids(sink):
    return [event["event_id"] for event in sink.events]


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1700])
def test_all_of_a_long_journal_goes_over_in_order(tmp_path, count):
    spool, sink = filled(tmp_path / "spool.jsonl", count), MemorySink()
    assert spool.replay(sink) == count
    assert ids(sink) == [f"e{number}" for number in range(count)]
    assert (len(spool), spool.path.stat().st_size) == (0, 0)


def test_nobody_who_adds_waits_for_a_slow_sink(tmp_path):
    gate, entered = threading.Event(), threading.Event()

    class Slow(MemorySink):
        def write(self, line):
            entered.set()
            gate.wait(20)
            super().write(line)

    spool, sink = filled(tmp_path / "spool.jsonl", 3), Slow()
    replaying = threading.Thread(target=spool.replay, args=(sink,))
    replaying.start()
    assert entered.wait(10)
    spool.add({"event_id": "e3"})
    assert len(spool) == 4
    gate.set()
    replaying.join(10)
    spool.replay(sink)
    assert (ids(sink), len(spool)) == (["e0", "e1", "e2", "e3"], 0)


def test_a_recovered_sink_is_caught_up_with_bit_by_bit_and_in_order(flaky, tmp_path, who, what, monkeypatch):
    audit = AuditLogger(AuditConfig(service="s", spool=tmp_path / "spool.jsonl"), sink=flaky)
    accepted = [audit.record("READ", actor=who, resource=what).event_id for _ in range(120)]
    flaky.broken = False
    monkeypatch.setattr("bh_lib.emitters.delivery._PATIENCE", -1)
    audit._delivery._spool._due = 0
    # No time to catch up at all: the new event lines up behind the others.
    receipt = audit.record("READ", actor=who, resource=what)
    accepted.append(receipt.event_id)
    assert (receipt.seq, audit.health()["pending"]) == (None, 121)
    assert audit.drain(10)
    assert [line.split(b'"event_id":"', 1)[1][:36].decode() for line in flaky.lines] == accepted


def test_a_damaged_line_costs_only_itself_and_is_counted(tmp_path, caplog):
    path = tmp_path / "spool.jsonl"
    filled(path, 4).close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"event_id":"Ann Exa\n' + b"[]\n" + b"".join(lines[1:]))
    spool, sink = Spool(path), MemorySink()
    assert (len(spool), spool.spoiled) == (4, 2)
    assert spool.replay(sink) == 4
    assert ids(sink) == ["e0", "e1", "e2", "e3"]
    assert "Ann" not in caplog.text


def test_a_journal_of_damage_alone_is_emptied(tmp_path):
    path = tmp_path / "spool.jsonl"
    path.write_bytes(b"x\ny\n")
    spool, sink = Spool(path), MemorySink()
    assert (len(spool), spool.replay(sink)) == (0, 0)
    spool.add({"event_id": "e0"})
    assert spool.replay(sink) == 1
    assert path.stat().st_size == 0


def test_an_event_that_two_journals_hold_comes_once(tmp_path):
    path = tmp_path / "spool.jsonl"
    # A process died between taking over another's journal and emptying that.
    for name, count in (("spool.jsonl", 3), ("spool.jsonl.1", 3), ("spool.jsonl.2", 5)):
        (tmp_path / name).write_bytes(b"".join(canonical({"event_id": f"e{number}"}) + b"\n" for number in range(count)))
    spool, sink = Spool(path), MemorySink()
    assert spool.replay(sink) == 5
    assert ids(sink) == ["e0", "e1", "e2", "e3", "e4"]
    assert len(spool) == 0


def test_what_could_not_be_taken_back_from_a_full_disk_does_not_spoil_the_next_event(tmp_path, monkeypatch):
    spool, real = filled(tmp_path / "spool.jsonl", 1), os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    monkeypatch.setattr(os, "ftruncate", lambda fd, size: (_ for _ in ()).throw(OSError()))
    with pytest.raises(SinkError, match="event e1 is not kept"):
        spool.add({"event_id": "e1"})
    monkeypatch.undo()
    spool.add({"event_id": "e2"})
    sink = MemorySink()
    assert spool.replay(sink) == 2
    assert ids(sink) == ["e0", "e2"]


def test_a_sink_that_keeps_all_or_nothing_is_searched_only_for_what_an_earlier_process_left(tmp_path, monkeypatch):
    asked = []
    sink = JsonlSink(tmp_path / "audit.jsonl")
    monkeypatch.setattr(JsonlSink, "holds", lambda self, event_ids: asked.append(list(event_ids)) or set())
    spool = filled(tmp_path / "spool.jsonl", 2)
    assert (spool.replay(sink), asked) == (2, [])
    filled(tmp_path / "left.jsonl", 2, start=2).close()
    assert (Spool(tmp_path / "left.jsonl").replay(sink), asked) == (2, [["e2", "e3"]])


def test_a_child_that_can_have_no_journal_writes_into_no_other_file(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    spool = filled(folder / "spool.jsonl", 1)
    (folder / "spool.jsonl").unlink()
    folder.rmdir()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            fd = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
            try:
                spool.add({"event_id": "e1"})
            except SinkError:
                code = 0 if os.fstat(fd).st_size == 0 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_without_file_locks_a_spool_says_what_to_choose(tmp_path, monkeypatch):
    monkeypatch.setattr("bh_lib.emitters.spool._fcntl", None)
    with pytest.raises(ConfigError, match='choose on_failure "raise" or "drop"'):
        Spool(tmp_path / "spool.jsonl")
