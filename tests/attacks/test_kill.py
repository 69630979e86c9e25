"""Writers that are killed, stopped, forked and told to end: what was acknowledged is there, and the trail goes on.

``BH_KILLS=200 pytest tests/attacks/test_kill.py`` kills as often as the figures in the documentation say.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, Verdict, read_ledger, verify

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and signals")

KILLS = int(os.environ.get("BH_KILLS", "20"))
WHO, WHAT = {"subject_id": "u", "subject_type": "human"}, {"type": "Note", "id": "n"}

QUEUED = """
import asyncio, os, signal, sys, time
from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, exit_on_sigterm

class Slow(JsonlSink):
    def append_many(self, events):
        time.sleep(float(sys.argv[2]))
        return super().append_many(events)

exit_on_sigterm()
audit = AuditLogger(AuditConfig(service="s", delivery="queued", on_failure="drop"), sink=Slow(sys.argv[1]))
def record():
    return audit.record("READ", actor={"subject_id": "u", "subject_type": "human"}, resource={"type": "Note"})
"""
RECORDED = "[record() for _ in range(600)]\nos.write(1, b'recorded\\n')\n"


def start(path, body, delay="0", *more):
    command = [sys.executable, "-c", QUEUED + body, str(path), delay, *more]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout.readline() == b"recorded\n", child.stderr.read()
    return child


def ended(child):
    _, err = child.communicate(timeout=60)
    return child.returncode, err


def ids(path):
    return [event["event_id"] for event in read_ledger(path)]


@pytest.mark.parametrize("more", [[], ["--rotate-bytes", "100000"]], ids=["one file", "rotating"])
def test_killed_writers_lose_nothing_that_they_acknowledged(root, more):
    script = root / "tests" / "benchmarks" / "kill.py"
    command = [sys.executable, str(script), "--json", "--kills", str(KILLS), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    figures = json.loads(done.stdout)
    assert (figures["lost"], figures["repeated"], figures["verdict"]) == (0, 0, "CONSISTENT"), done.stderr
    assert figures["resumed at the next place"]
    assert figures["killed"] == KILLS + 8
    assert figures["acknowledged"] > 100 * figures["killed"] / 10
    assert done.returncode == 0


def test_a_killed_queue_loses_no_more_than_it_may_hold(root):
    command = [sys.executable, str(root / "tests" / "benchmarks" / "kill.py"), "--json", "--kills", "8", "--delivery", "queued"]
    figures = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
    assert figures["most lost by one kill"] <= figures["bound"] == 1256
    assert (figures["repeated"], figures["verdict"]) == (0, "CONSISTENT")


SPOOLED = QUEUED.replace('on_failure="drop"', 'spool=sys.argv[1] + ".spool"')


def test_what_a_killed_queue_held_is_counted_by_the_next_one_and_only_once(tmp_path, caplog):
    path = tmp_path / "audit.jsonl"
    for most in (600, 1200):  # the second one finds what two left
        children = []
        for _ in range(most // 600):
            command = [sys.executable, "-c", SPOOLED + RECORDED + "time.sleep(600)", str(path), "5"]
            children.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        for child in children:
            assert child.stdout.readline() == b"recorded\n"
        before = len(ids(path))
        for child in children:
            child.kill()
            child.communicate()
        lost = most - (len(ids(path)) - before)
        config = AuditConfig(service="s", delivery="queued", spool=f"{path}.spool")
        with AuditLogger(config, sink=JsonlSink(path)) as audit:
            told = audit.health()["lost_by_last_run"]
            audit.record("READ", actor=WHO, resource=WHAT)
        assert lost <= told <= lost + 256 * len(children) and told <= most
        assert f"at most {told} events are lost" in caplog.text
        with AuditLogger(config, sink=JsonlSink(path)) as audit:
            assert audit.health()["lost_by_last_run"] == 0
    assert [file.name for file in tmp_path.glob("*.waiting")] == []


def test_a_fork_and_an_orderly_end_leave_nothing_to_report(tmp_path):
    path = tmp_path / "audit.jsonl"
    config = AuditConfig(service="s", delivery="queued", spool=tmp_path / "spool")
    audit = AuditLogger(config, sink=JsonlSink(path))
    audit.record("READ", actor=WHO, resource=WHAT)
    child = os.fork()
    if not child:
        audit.record("READ", actor=WHO, resource=WHAT)
        audit.close()
        os._exit(audit.health()["lost_by_last_run"])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    audit.close()
    assert list(tmp_path.glob("*.waiting")) == []
    with AuditLogger(config, sink=JsonlSink(path)) as audit:
        assert audit.health()["lost_by_last_run"] == 0
    assert len(ids(path)) == 2


def test_a_folder_that_is_full_costs_the_count_and_no_event(tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "full")

    path = tmp_path / "audit.jsonl"
    monkeypatch.setattr(os, "pwrite", full)
    config = AuditConfig(service="s", delivery="queued", spool=tmp_path / "spool")
    with AuditLogger(config, sink=JsonlSink(path)) as audit:
        audit.record("READ", actor=WHO, resource=WHAT)
    assert len(ids(path)) == 1
    assert "can't be counted" in caplog.text


def test_a_frozen_queue_goes_on_where_it_stood_when_it_is_thawed(tmp_path):
    path = tmp_path / "audit.jsonl"
    child = start(path, RECORDED, "0.05")
    for _ in range(3):
        os.kill(child.pid, signal.SIGSTOP)
        before = path.stat().st_size
        assert path.stat().st_size == before
        os.kill(child.pid, signal.SIGCONT)
    assert ended(child)[0] == 0
    assert (verify(path).verdict, verify(path).events) == (Verdict.CONSISTENT, 600)


def test_an_invocation_that_drained_may_be_frozen_and_never_thawed(tmp_path):
    path = tmp_path / "audit.jsonl"
    body = "[record() for _ in range(600)]\nassert audit.drain(20)\nos.write(1, b'recorded\\n')\ntime.sleep(60)\n"
    child = start(path, body, "0.01")
    os.kill(child.pid, signal.SIGSTOP)
    os.kill(child.pid, signal.SIGKILL)
    ended(child)
    assert verify(path).events == 600


@pytest.mark.parametrize("times", [1, 3])
def test_a_queue_is_drained_on_sigterm_however_often_it_is_sent(tmp_path, times):
    path = tmp_path / "audit.jsonl"
    child = start(path, RECORDED + "time.sleep(60)\n", "0.2")
    for _ in range(times):
        os.kill(child.pid, signal.SIGTERM)
    code, err = ended(child)
    assert (code, err) == (128 + signal.SIGTERM, b"")
    assert verify(path).events == 600


def test_a_queue_is_drained_at_the_end_of_the_program_and_after_an_uncaught_exception(tmp_path):
    for number, end in enumerate(("", "raise KeyError", "sys.exit(3)")):
        path = tmp_path / f"{number}.jsonl"
        ended(start(path, RECORDED + end, "0.02"))
        assert verify(path).events == 600


def test_a_queue_under_asyncio_is_drained_on_sigterm(tmp_path):
    path = tmp_path / "audit.jsonl"
    body = """
async def one():
    await asyncio.sleep(0)
    record()
async def main():
    await asyncio.gather(*(one() for _ in range(600)))
    os.write(1, b"recorded\\n")
    await asyncio.sleep(60)
asyncio.run(main())
"""
    child = start(path, body, "0.02")
    os.kill(child.pid, signal.SIGTERM)
    assert ended(child)[0] == 128 + signal.SIGTERM
    assert (verify(path).verdict, verify(path).events) == (Verdict.CONSISTENT, 600)


@pytest.mark.parametrize("times", [1, 3])
def test_a_sigterm_that_a_finalizer_swallows_comes_again(tmp_path, times):
    path = tmp_path / "audit.jsonl"
    body = """
class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000): pass
for _ in range(600): record()
os.write(1, b"recorded\\n")
for _ in range(int(sys.argv[3])): Deaf()
time.sleep(60)
"""
    child = start(path, body, "0.02", str(times))
    assert ended(child) == (128 + signal.SIGTERM, b"")
    assert verify(path).events == 600


@pytest.mark.parametrize("settings", [{}, {"delivery": "queued", "on_failure": "drop"}], ids=["durable", "queued"])
def test_workers_forked_from_a_loaded_application_share_one_chain(tmp_path, settings):
    path = tmp_path / "audit.jsonl"
    audit = AuditLogger(AuditConfig(service="s", **settings), sink=JsonlSink(path))
    audit.record("READ", actor=WHO, resource=WHAT)
    workers = []
    for _ in range(3):
        worker = os.fork()
        if worker == 0:
            code = 1
            try:
                for _ in range(100):
                    audit.record("READ", actor=WHO, resource=WHAT)
                audit.close()
                code = 0
            finally:
                os._exit(code)
        workers.append(worker)
        audit.record("READ", actor=WHO, resource=WHAT)
    assert [os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) for worker in workers] == [0, 0, 0]
    audit.close()
    found = verify(path)
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 304, 1)
    assert len(set(ids(path))) == 304


def test_a_process_of_multiprocessing_drains_its_queue_though_no_exit_handler_runs(tmp_path):
    path = tmp_path / "audit.jsonl"
    audit = AuditLogger(AuditConfig(service="s", delivery="queued", on_failure="drop"), sink=JsonlSink(path))

    def work():
        for _ in range(300):
            audit.record("READ", actor=WHO, resource=WHAT)

    workers = [multiprocessing.get_context("fork").Process(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert (verify(path).verdict, verify(path).events) == (Verdict.CONSISTENT, 900)
