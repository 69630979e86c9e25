"""The SQL sink, on SQLite: one chain for all writers, one row an event id."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy

from bh_lib.emitters import Verdict, verify
from bh_lib.emitters.sinks.sql import SqlSink
from bh_lib.errors import ConfigError, MissingExtraError, SinkError


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


def test_processes_on_one_file_never_fork(tmp_path):
    code = """
import sys
from bh_lib.emitters.sinks.sql import SqlSink
sink = SqlSink(sys.argv[1])
for number in range(60):
    sink.append({"event_id": f"{sys.argv[2]}-{number}"})
"""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    writers = [subprocess.Popen([sys.executable, "-c", code, url, str(n)], stderr=subprocess.PIPE) for n in range(4)]
    assert [writer.communicate(timeout=60)[1] for writer in writers] == [b""] * 4
    found = exported(SqlSink(url), tmp_path / "a.jsonl")
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 240, 1)


def test_a_file_is_written_ahead_so_that_readers_hold_nobody_up(tmp_path):
    sink = SqlSink(f"sqlite:///{tmp_path / 'a.db'}", timeout=1)
    sink.append_many([{"event_id": f"e{number}"} for number in range(1500)])
    lines = sink.lines()
    next(lines)
    assert sink.append({"event_id": "later"}).seq == 1500
    assert sum(1 for _ in lines) == 1499
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_another_holds_is_waited_for_then_told(tmp_path):
    sink = SqlSink(f"sqlite:///{tmp_path / 'a.db'}", timeout=1)
    sink.append({"event_id": "e0"})
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SinkError, match="locked by another"):
        sink.append({"event_id": "e1"})
    release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    release.start()
    assert sink.append({"event_id": "e1"}).seq == 1
    release.join()
    other.close()


def test_a_full_disk_keeps_nothing_of_the_event_and_leaves_no_hole(tmp_path):
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    most = [12]
    # SQLite's own limit: it answers as it does when the disk is full.
    sqlalchemy.event.listen(engine, "checkout", lambda dbapi, *_: dbapi.execute(f"PRAGMA max_page_count={most[0]}"))
    sink, kept = SqlSink(engine), 0
    with pytest.raises(SinkError, match=r"disk is full \(SQLITE_FULL\)") as caught:
        for kept in range(1000):
            sink.append({"event_id": f"e{kept}", "text": "Zanzibar" * 30})
    assert "Zanzibar" not in str(caught.value)
    assert kept > 0
    most[0] = 10_000
    assert sink.append({"event_id": f"e{kept}"}).seq == kept
    assert exported(sink, tmp_path / "a.jsonl").verdict is Verdict.CONSISTENT


def test_threads_share_one_database_in_memory():
    sink = SqlSink("sqlite://")
    sink.append({"event_id": "e0"})
    thread = threading.Thread(target=sink.append, args=({"event_id": "e1"},))
    thread.start()
    thread.join()
    assert sink.head().seq == 1


def test_a_folder_that_is_not_there_is_told_with_the_first_event(tmp_path):
    with pytest.raises(SinkError, match="refused: SQLITE_CANTOPEN"):
        SqlSink(f"sqlite:///{tmp_path / 'nowhere' / 'a.db'}").append({"event_id": "e0"})


@pytest.mark.parametrize("url", ["Zanzibar", "://Zanzibar@", "postgresql://u:Zanzibar@host:port/x", "nosuchdialect://Zanzibar"])
def test_a_url_that_is_none_is_refused_and_not_shown(url):
    with pytest.raises(ConfigError) as caught:
        SqlSink(url)
    assert "Zanzibar" not in str(caught.value)


def test_a_driver_that_is_not_installed_is_named_with_the_extra():
    with pytest.raises(MissingExtraError, match=r"bh-lib\[postgres\]"):
        SqlSink("postgresql+pg8000://u@host/x")


@pytest.mark.parametrize("timeout", [0, -1, 1e9])
def test_a_timeout_out_of_range_is_refused(timeout):
    with pytest.raises(ConfigError, match="timeout"):
        SqlSink("sqlite://", timeout=timeout)
