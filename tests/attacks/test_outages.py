"""The database is killed and started again while four processes write: what was acknowledged is there, once, in order."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("psycopg")

from bh_lib.emitters import Verdict, export_ledger, read_ledger, verify
from bh_lib.emitters.sinks.sql import SqlSink

WRITERS = 4
_number = itertools.count()
# Writes until its input ends, tells what became of each event, and closes as a service does.
WRITER = """
import json, os, sys, threading
from bh_lib.emitters import AuditConfig, AuditLogger
from bh_lib.emitters.sinks.sql import SqlSink
from bh_lib.errors import SinkError
url, table, delivery, policy, spool = sys.argv[1:]
sink = SqlSink(url, table=table, timeout=3)
config = AuditConfig(service="s", delivery=delivery, on_failure=policy, spool=spool if policy == "spool" else None)
audit = AuditLogger(config, sink=sink)
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
while not ended.wait(0.002):
    try:
        receipt = audit.record("READ", actor={"subject_id": "Zanzibar", "subject_type": "human"}, resource={"type": "Note"})
        told = f"{receipt.event_id} {'-' if receipt.seq is None else receipt.seq}"
    except SinkError as error:
        told = f"{str(error).split()[1]} !"
    os.write(1, told.encode() + b"\\n")
audit.close()
health = audit.health()
os.write(1, b"health " + json.dumps(health).encode() + b"\\n")
"""


class Writer:
    """One process, and what it has said so far."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.told: list[tuple[str, str]] = []
        self.health: dict = {}
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self):
        for line in self.process.stdout:
            word, _, rest = line.decode().strip().partition(" ")
            if word == "health":
                self.health = json.loads(rest)
            else:
                self.told.append((word, rest))

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self._reader.join()
        self.process.stdout.close()
        with self.process.stderr as errors:
            self.errors = errors.read().decode()


def wait_for(condition, what):
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("delivery", "policy"),
    [("durable", "spool"), ("durable", "raise"), ("durable", "drop"), ("queued", "spool"), ("queued", "drop")],
)
def test_a_server_that_is_killed_and_comes_back_loses_nothing_that_was_promised(cluster, tmp_path, delivery, policy):
    table = f"outage_{os.getpid()}_{next(_number)}"
    SqlSink(cluster.url(), table=table).prepare()
    writers = [Writer(cluster.url(), table, delivery, policy, str(tmp_path / f"{n}.spool")) for n in range(WRITERS)]
    try:
        wait_for(lambda: all(len(writer.told) > 40 for writer in writers), "the writers begin")
        cluster.stop("immediate")
        down = [len(writer.told) for writer in writers]
        wait_for(lambda: all(len(w.told) > n + 20 for w, n in zip(writers, down, strict=True)), "the writers go on without it")
        cluster.start()
        time.sleep(1.5)  # a spool leaves a failed sink alone for a second
        up = [len(writer.told) for writer in writers]
        wait_for(lambda: all(len(w.told) > n + 40 for w, n in zip(writers, up, strict=True)), "the writers go on with it")
    finally:
        for writer in writers:
            writer.end()

    assert [writer.process.returncode for writer in writers] == [0] * WRITERS
    path = tmp_path / "trail.jsonl"
    assert export_ledger(SqlSink(cluster.url(), table=table), path).reaches_head
    found = verify(path)
    assert (found.verdict, found.chains) == (Verdict.CONSISTENT, 1)
    places = {event["event_id"]: event["integrity"]["seq"] for event in read_ledger(path)}
    assert len(places) == found.events, "an event is there twice"
    for writer in writers:
        recorded = [event_id for event_id, _ in writer.told]
        fate = Counter("raised" if seq == "!" else "unplaced" if seq == "-" else "placed" for _, seq in writer.told)
        there = [places[event_id] for event_id in recorded if event_id in places]
        assert there == sorted(there), "the order in which they were recorded is lost"
        assert all(places[event_id] == int(seq) for event_id, seq in writer.told if seq.isdigit())
        assert writer.health["sink_failures"] > 0
        assert writer.health["pending"] == 0
        lost = len(recorded) - len(there)
        if policy == "spool":
            assert any(seq.isdigit() for _, seq in writer.told[-10:]) or delivery == "queued"
            assert lost == 0
            assert writer.health["dropped"] == 0
        elif policy == "raise":
            # A raised event may be there all the same: its commit's answer was lost. An acknowledged one always is.
            assert fate["placed"] + fate["raised"] == len(recorded)
            assert 0 < lost <= fate["raised"]
        else:
            assert 0 < lost <= writer.health["dropped"]
        assert "Zanzibar" not in writer.errors, "a value came out"


def test_a_service_that_starts_while_its_database_is_down_spools_and_catches_up(cluster, tmp_path):
    table = f"outage_{os.getpid()}_{next(_number)}"
    cluster.stop("fast")
    writer = Writer(cluster.url(), table, "durable", "spool", str(tmp_path / "spool"))
    try:
        try:
            wait_for(lambda: len(writer.told) > 20, "the writer begins")
        finally:
            cluster.start()
        # It never pauses: under a steady load too, a spool has to get its turn.
        wait_for(lambda: any(seq.isdigit() for _, seq in writer.told), "the writer catches up")
    finally:
        writer.end()
    export_ledger(SqlSink(cluster.url(), table=table), tmp_path / "trail.jsonl")
    kept = [event["event_id"] for event in read_ledger(tmp_path / "trail.jsonl")]
    assert kept == [event_id for event_id, _ in writer.told]
