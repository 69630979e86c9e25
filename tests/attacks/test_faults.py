"""Sinks that fail: a full disk, a folder that can't be written, slowness, and recovery in mid-stream. What each promise does then.

``raise``: who was told "no" has no event, who was told "yes" has one. ``drop``: what is not there is counted. ``spool``: everything
arrives, in order and once. Under each of them the chain holds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, MemorySink, Verdict, ledger_files, read_ledger, verify
from bh_lib.errors import InputError, SinkError

WHO, WHAT = {"subject_id": "u-7", "subject_type": "human"}, {"type": "Note", "id": "n", "patient_id": "p-3"}
PROMISES = [("durable", "raise"), ("durable", "drop"), ("durable", "spool"), ("queued", "drop"), ("queued", "spool")]


@pytest.fixture
def disk(tmp_path):
    """A disk of 128 KiB."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root, to mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place], capture_output=True, check=False).returncode:
        pytest.skip("a small disk can't be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def grow(disk):
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)


def logger(sink, policy, delivery, spool):
    return AuditLogger(AuditConfig(service="s", on_failure=policy, delivery=delivery, spool=spool), sink=sink)


def stream(audit, count):
    """Record so many events; returns the ids of those that were accepted, and how many were refused."""
    accepted, refused = [], 0
    for _ in range(count):
        try:
            accepted.append(audit.record("READ", actor=WHO, resource=WHAT).event_id)
        except SinkError:
            refused += 1
    return accepted, refused


def check(policy, audit, accepted, refused, kept):
    """The promise holds for what is in the ledger now."""
    health = audit.health()
    told = set(kept)
    assert len(told) == len(kept)
    assert kept == [item for item in accepted if item in told]
    assert health["accepted"] == len(accepted)
    assert len(kept) + health["dropped"] + health["pending"] == len(accepted)
    assert health["sink_failures"] > 0
    if policy == "raise":
        assert kept == accepted
        assert refused > 0
    elif policy == "drop":
        assert health["dropped"] > 0
        assert refused == 0
    else:
        assert kept == accepted
        assert (health["dropped"], health["pending"], refused) == (0, 0, 0)
        assert health["replayed"] == health["spooled"] > 0


@pytest.mark.parametrize(("delivery", "policy"), PROMISES)
@pytest.mark.parametrize("rotate", [None, 50_000])
def test_a_disk_that_is_full_for_a_while(disk, tmp_path, delivery, policy, rotate, caplog):
    path = disk / "audit.jsonl"
    spool = tmp_path / "spool.jsonl" if policy == "spool" else None
    audit = logger(JsonlSink(path, rotate_bytes=rotate), policy, delivery, spool)
    accepted, refused = stream(audit, 400)
    audit.drain(5)
    full = verify(ledger_files(path))
    assert full.verdict is Verdict.CONSISTENT
    assert 100 < full.events < 400
    assert audit.health()["healthy"] is (policy in ("raise", "spool"))
    grow(disk)
    again = stream(audit, 100)
    assert audit.drain(10)
    audit.close()
    kept = [event["event_id"] for event in read_ledger(path)]
    check(policy, audit, accepted + again[0], refused + again[1], kept)
    assert (verify(ledger_files(path)).verdict, verify(ledger_files(path)).chains) == (Verdict.CONSISTENT, 1)
    assert "u-7" not in caplog.text


@pytest.mark.parametrize("delivery", ["durable", "queued"])
def test_a_disk_that_is_full_for_ledger_and_spool_alike_is_told_or_counted(disk, delivery):
    path = disk / "audit.jsonl"
    audit = logger(JsonlSink(path), "spool", delivery, disk / "spool.jsonl")
    accepted, refused = stream(audit, 600)
    audit.drain(5)
    health = audit.health()
    kept = verify(path).events
    assert kept + health["pending"] + health["dropped"] + refused == 600
    assert refused > 0 if delivery == "durable" else health["dropped"] > 0
    grow(disk)
    assert audit.drain(10)
    audit.close()
    events = [event["event_id"] for event in read_ledger(path)]
    assert len(events) == 600 - refused - health["dropped"]
    assert events == [item for item in accepted if item in set(events)]
    assert verify(path).verdict is Verdict.CONSISTENT


def as_nobody(path):
    """Write three events in a child without the rights of root, whom no folder refuses; returns what it met."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        said = "died"
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            audit = AuditLogger(AuditConfig(service="s"), sink=JsonlSink(path, rotate_bytes=1))
            said = f"wrote {len(stream(audit, 3)[0])}"
        except InputError as error:
            said = str(error)
        finally:
            os.write(theirs, said.encode())
            os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    with open(ours, encoding="utf-8") as told:
        return told.read()


@pytest.fixture
def public(tmp_path):
    """A folder whose parents everybody may pass."""
    if not hasattr(os, "fork"):
        pytest.skip("needs users and fork")
    top = Path(tempfile.gettempdir()).resolve()
    for folder in (tmp_path, *(parent for parent in tmp_path.parents if parent != top and top in parent.parents)):
        folder.chmod(folder.stat().st_mode | 0o055)
    yield tmp_path
    tmp_path.chmod(0o700)


def test_a_folder_that_can_not_be_written_is_named_at_the_start(public):
    public.chmod(0o555)
    assert as_nobody(public / "audit.jsonl").endswith("audit.jsonl: can't be opened for appending: PermissionError")


def test_in_a_folder_that_can_not_be_written_the_ledger_grows_on(public):
    path = public / "audit.jsonl"
    path.touch()
    path.chmod(0o666)
    public.chmod(0o555)
    assert as_nobody(path) == "wrote 3"
    assert (verify(path).verdict, verify(path).events) == (Verdict.CONSISTENT, 3)
    assert [file.name for file in public.iterdir()] == ["audit.jsonl"]


class Moody(MemorySink):
    """Fails in stretches: its message quotes the event, as a careless driver's would."""

    def __init__(self, good, bad):
        super().__init__()
        self._good, self._bad, self._calls = good, bad, 0

    def write(self, line):
        self._calls += 1
        if self._calls % (self._good + self._bad) >= self._good:
            raise OSError(line.decode())
        super().write(line)


@pytest.mark.parametrize(("delivery", "policy"), PROMISES)
def test_a_sink_that_fails_and_recovers_again_and_again(tmp_path, delivery, policy, caplog):
    sink = Moody(37, 5)
    audit = logger(sink, policy, delivery, tmp_path / "spool.jsonl" if policy == "spool" else None)
    accepted, refused = [], 0
    for _ in range(20):
        some, no = stream(audit, 25)
        accepted, refused = accepted + some, refused + no
        audit.drain(5)
    while not audit.drain(5):
        pass
    kept = [event["event_id"] for event in sink.events]
    check(policy, audit, accepted, refused, kept)
    places = [event["integrity"]["seq"] for event in sink.events]
    assert places == list(range(len(kept)))
    assert "u-7" not in caplog.text


@pytest.mark.parametrize(("delivery", "policy"), PROMISES)
def test_threads_that_meet_a_failing_sink_are_all_counted(tmp_path, delivery, policy):
    sink = Moody(3, 2)
    audit = logger(sink, policy, delivery, tmp_path / "spool.jsonl" if policy == "spool" else None)
    results, before = [], sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: results.append(stream(audit, 40))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    while not audit.drain(5):
        pass
    accepted, refused = [item for some, _ in results for item in some], sum(no for _, no in results)
    kept, health = [event["event_id"] for event in sink.events], audit.health()
    assert len(accepted) + refused == 320
    assert health["accepted"] == len(accepted)
    assert len(set(kept)) == len(kept) == len(accepted) - health["dropped"]
    assert health["dropped"] > 0 or policy != "drop"
    for some, _ in results:
        mine = set(some)
        assert [item for item in kept if item in mine] == [item for item in some if item in set(kept)]


class Slow(MemorySink):
    def write(self, line):
        time.sleep(0.002)
        super().write(line)


@pytest.mark.parametrize("delivery", ["durable", "queued"])
def test_a_slow_sink_loses_nothing(delivery):
    sink = Slow()
    audit = logger(sink, "drop", delivery, None)
    accepted, _ = stream(audit, 300)
    audit.close()
    assert [event["event_id"] for event in sink.events] == accepted
    assert audit.health()["dropped"] == 0
