"""What a power cut may take: each policy forces as much to the disk as it promised, and says so where the disk doesn't confirm."""

from __future__ import annotations

import os
import stat
import threading

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, Verdict, verify
from bh_lib.errors import ConfigError, SinkError


class Disk:
    """Counts what is forced out, files apart from folders; refuses while `broken`."""

    def __init__(self, monkeypatch):
        self.files, self.folders, self.broken = 0, 0, False
        self.forced = threading.Event()
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, fd):
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            self.folders += 1
            return
        if self.broken:
            self.forced.set()
            raise OSError(5, "Input/output error")
        self._fsync(fd)
        self.files += 1
        self.forced.set()


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


@pytest.mark.parametrize(("fsync", "while_open", "closed"), [("never", 0, 0), ("each", 5, 5), (2, 2, 3)])
def test_fsync_happens_as_often_as_it_was_promised(tmp_path, disk, fsync, while_open, closed):
    sink = JsonlSink(tmp_path / "a.jsonl", fsync=fsync)
    for number in range(5):
        sink.append({"event_id": f"e{number}"})
    assert disk.files == while_open
    sink.close()
    assert disk.files == closed


def test_a_new_files_name_is_forced_out_too_where_anything_is_promised(tmp_path, disk):
    JsonlSink(tmp_path / "a.jsonl")
    assert disk.folders == 0
    JsonlSink(tmp_path / "b.jsonl", fsync=100)
    assert disk.folders == 1
    JsonlSink(tmp_path / "c.jsonl", fsync_ms=100)
    assert disk.folders == 2


def test_an_event_is_forced_out_in_time_though_no_other_comes(tmp_path, disk):
    sink = JsonlSink(tmp_path / "a.jsonl", fsync_ms=20)
    for number in range(1, 4):
        disk.forced.clear()
        sink.append({"event_id": f"e{number}"})
        assert disk.forced.wait(10)
    sink.close()
    assert disk.files >= 3


def test_many_events_within_the_time_share_one_fsync(tmp_path, disk):
    sink = JsonlSink(tmp_path / "a.jsonl", fsync_ms=60_000)
    for number in range(50):
        sink.append({"event_id": f"e{number}"})
    assert disk.files == 0
    sink.close()
    assert disk.files == 1
    assert not any(isinstance(thread, threading.Timer) and not thread.finished.is_set() for thread in threading.enumerate())


def test_what_is_owed_is_forced_out_before_a_moved_file_is_left(tmp_path, disk):
    path = tmp_path / "a.jsonl"
    sink = JsonlSink(path, fsync=100)
    sink.append({"event_id": "e0"})
    path.rename(tmp_path / "moved.jsonl")
    sink.append({"event_id": "e1"})
    assert disk.files == 1
    sink.close()
    assert disk.files == 2


def test_an_event_that_the_disk_does_not_confirm_is_taken_back_and_comes_once(tmp_path, disk):
    sink = JsonlSink(tmp_path / "a.jsonl", fsync="each")
    audit = AuditLogger(AuditConfig(service="s", spool=tmp_path / "spool.jsonl"), sink=sink)
    who, what = {"subject_id": "u", "subject_type": "human"}, {"type": "Note"}
    accepted = [audit.record("READ", actor=who, resource=what).event_id]
    disk.broken = True
    accepted.append(audit.record("READ", actor=who, resource=what).event_id)
    assert verify(sink.path).events == 1
    disk.broken = False
    assert audit.drain()
    assert [line.split(b'"event_id":"')[1][:36].decode() for line in sink.path.read_bytes().splitlines()] == accepted
    health = audit.health()
    assert (health["sync_failures"], health["replayed"], health["pending"]) == (1, 1, 0)
    assert verify(sink.path).verdict is Verdict.CONSISTENT


def test_a_batch_that_the_disk_does_not_confirm_is_taken_back_whole(tmp_path, disk):
    sink = JsonlSink(tmp_path / "a.jsonl", fsync=3)
    assert sink.append_many([{"event_id": "e0"}, {"event_id": "e1"}]) == 2
    disk.broken = True
    with pytest.raises(SinkError, match="did not confirm"):
        sink.append_many([{"event_id": "e2"}, {"event_id": "e3"}])
    disk.broken = False
    assert sink.append({"event_id": "e2"}).seq == 2
    assert verify(sink.path).events == 3


def test_a_disk_that_fails_behind_the_writers_back_is_counted_and_logged(tmp_path, disk, caplog):
    sink = JsonlSink(tmp_path / "a.jsonl", fsync_ms=5)
    audit = AuditLogger(AuditConfig(service="s"), sink=sink)
    disk.broken = True
    audit.record("READ", actor={"subject_id": "u-7", "subject_type": "human"}, resource={"type": "Note"})
    assert disk.forced.wait(10)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer) and thread.interval < 1:
            thread.join(10)
    assert (audit.health()["sync_failures"], audit.health()["healthy"]) == (1, False)
    assert "did not confirm" in caplog.text
    assert "u-7" not in caplog.text


def test_flush_says_if_the_disk_does_not_confirm(tmp_path, disk):
    sink = JsonlSink(tmp_path / "a.jsonl")
    sink.append({"event_id": "e0"})
    sink.flush()
    assert disk.files == 1
    disk.broken = True
    with pytest.raises(SinkError, match="did not confirm"):
        sink.flush()


def test_the_thread_of_a_parent_is_not_awaited_in_a_child(tmp_path):
    sink = JsonlSink(tmp_path / "a.jsonl", fsync_ms=60_000)
    sink.append({"event_id": "e0"})
    child = os.fork()
    if child == 0:
        code = 1
        try:
            sink.append({"event_id": "e1"})
            code = 0 if any(isinstance(thread, threading.Timer) for thread in threading.enumerate()) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    sink.close()


@pytest.mark.parametrize(
    "policy",
    [
        {"fsync": "always"},
        {"fsync": 0},
        {"fsync": -1},
        {"fsync": 1.5},
        {"fsync": True},
        {"fsync_ms": 0},
        {"fsync_ms": 0.5},
        {"fsync": "each", "fsync_ms": 5},
    ],
)
def test_an_unknown_fsync_policy_is_refused(tmp_path, policy):
    with pytest.raises(ConfigError, match="fsync"):
        JsonlSink(tmp_path / "a.jsonl", **policy)
    assert list(tmp_path.iterdir()) == []
