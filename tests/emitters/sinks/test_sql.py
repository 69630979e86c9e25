"""The SQL sink, on SQLite: one chain for all writers, one row an event id."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("sqlalchemy")

from bh_lib.emitters import Verdict, verify
from bh_lib.emitters.sinks.sql import SqlSink
from bh_lib.errors import ConfigError


def exported(sink, path):
    path.write_bytes(b"".join(sink.lines()))
    return verify(path)


def test_what_is_in_the_table_verifies_as_a_ledger(tmp_path):
    sink = SqlSink(f"sqlite:///{tmp_path / 'a.db'}")
    for number in range(5):
        assert sink.append({"event_id": f"e{number}"}).seq == number
    assert sink.append_many([{"event_id": f"e{number}"} for number in range(5, 9)]) == 4
    found = exported(sink, tmp_path / "a.jsonl")
    assert (found.verdict, found.events) == (Verdict.CONSISTENT, 9)


def test_an_event_that_comes_twice_is_kept_once_and_gets_its_first_receipt(tmp_path):
    sink = SqlSink(f"sqlite:///{tmp_path / 'a.db'}")
    first = sink.append({"event_id": "e0"})
    sink.append({"event_id": "e1"})
    assert sink.append({"event_id": "e0"}) == first
    sink.append_many([{"event_id": "e1"}, {"event_id": "e2"}, {"event_id": "e2"}])
    assert exported(sink, tmp_path / "a.jsonl").events == 3
    assert sink.holds(["e0", "e7"]) == {"e0"}


def test_a_second_process_goes_on_with_the_chain(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    one = SqlSink(url)
    one.append({"event_id": "e0"})
    two = SqlSink(url)
    assert [two.append({"event_id": "e1"}).seq, one.append({"event_id": "e2"}).seq] == [1, 2]
    assert exported(two, tmp_path / "a.jsonl").verdict is Verdict.CONSISTENT


def test_many_writers_never_fork(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    sinks = [SqlSink(url) for _ in range(4)]

    def write(sink, name):
        for number in range(15):
            sink.append({"event_id": f"{name}-{number}"})

    threads = [threading.Thread(target=write, args=(sink, index)) for index, sink in enumerate(sinks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = exported(sinks[0], tmp_path / "a.jsonl")
    assert (found.verdict, found.events) == (Verdict.CONSISTENT, 60)


def test_a_table_name_that_is_no_name_is_refused():
    with pytest.raises(ConfigError):
        SqlSink("sqlite://", table="audit; drop")
