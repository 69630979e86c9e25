"""Many writers on one trail, and writers that are killed: no fork, and nothing lost that was acknowledged."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, Verdict, read_ledger, verify

WRITER = """
import os, sys, threading
from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink
sys.setswitchinterval(1e-6)
audit = AuditLogger(AuditConfig(service="s"), sink=JsonlSink(sys.argv[1]))
def write():
    for _ in range(int(sys.argv[2])):
        receipt = audit.record("READ", actor={"subject_id": "u", "subject_type": "human"}, resource={"type": "Note"})
        os.write(1, f"{receipt.event_id} {receipt.seq}\\n".encode())
threads = [threading.Thread(target=write) for _ in range(int(sys.argv[3]))]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def start(path, count, threads=1):
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(count), str(threads)], stdout=subprocess.PIPE)


def test_threads_that_switch_at_every_microsecond_do_not_fork_the_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    sinks = [JsonlSink(path), JsonlSink(path)]
    loggers = [AuditLogger(AuditConfig(service="s"), sink=sink) for sink in sinks]
    receipts, before = [], sys.getswitchinterval()

    def write(audit):
        for _ in range(150):
            receipt = audit.record("READ", actor={"subject_id": "u", "subject_type": "human"}, resource={"type": "Note"})
            receipts.append(receipt)

    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=write, args=(loggers[number % 2],)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    found = verify(path)
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 1200, 1)
    assert sorted(receipt.seq for receipt in receipts) == list(range(1200))
    stored = {event["event_id"]: event["integrity"]["event_hash"] for event in read_ledger(path)}
    assert all(stored[receipt.event_id] == receipt.event_hash for receipt in receipts)


def test_processes_of_many_threads_on_one_trail_do_not_fork_the_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    writers = [start(path, 50, threads=8) for _ in range(4)]
    told = b"".join(writer.communicate(timeout=120)[0] for writer in writers).splitlines()
    assert [writer.returncode for writer in writers] == [0] * 4
    found = verify(path)
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 1600, 1)
    stored = {f"{event['event_id']} {event['integrity']['seq']}".encode() for event in read_ledger(path)}
    assert len(told) == 1600
    assert set(told) == stored


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("seed", range(3))
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path, seed):
    path = tmp_path / "audit.jsonl"
    writers = [start(path, 1_000_000) for _ in range(2)]
    acknowledged: list[bytes] = []

    def listen(writer):
        acknowledged.extend(line for line in writer.stdout if line.endswith(b"\n"))

    readers = [threading.Thread(target=listen, args=(writer,)) for writer in writers]
    for reader in readers:
        reader.start()
    deadline = time.monotonic() + 30
    while len(acknowledged) < 200 and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(random.Random(seed).random() / 20)
    for writer in writers:
        os.kill(writer.pid, signal.SIGKILL)
    for reader, writer in zip(readers, writers, strict=True):
        reader.join()
        writer.wait()
        writer.stdout.close()
    stored = {event["event_id"]: event["integrity"]["seq"] for event in read_ledger(path)}
    assert len(acknowledged) >= 200
    for line in acknowledged:
        event_id, seq = line.decode().split()
        assert stored[event_id] == int(seq)
    assert verify(path).verdict is Verdict.CONSISTENT
    sink = JsonlSink(path)
    assert sink.append({"event_id": "next"}).seq == len(stored)
    assert json.loads(path.read_bytes().splitlines()[-1])["event_id"] == "next"
