"""How fast a ledger verifies, and how much memory that takes, beside the published peer where its Python is named.

    python tests/benchmarks/verify.py [--events 10_000_000] [--folder DIR] [--workers 1 2] [--peer PEERS_VENV/bin/python]

Run by hand, alone on the machine. The ledger is written first, by `JsonlSink.append_many` with events as an application has them
(some 650 bytes a line, so 10 million take 6.5 GB), and removed afterwards. Each verification runs in a process of its own
and tells its peak of memory and that of its largest worker; with an anchor the Merkle tree is built as well.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, MemorySink, generate_keys, make_checkpoint
from bh_lib.emitters.event import event_id

BATCH = 5_000
ONE = """
import json, resource, sys, time
from bh_lib.emitters import verify
path, workers, anchor = json.load(sys.stdin)
start = time.perf_counter()
found = verify(path, anchor, workers=workers)
wall = time.perf_counter() - start
peak = lambda who: resource.getrusage(who).ru_maxrss / 1024
everyone = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
spent = sum(one.ru_utime + one.ru_stime for one in everyone)
print(json.dumps([str(found), found.events, wall, spent, peak(resource.RUSAGE_SELF), peak(resource.RUSAGE_CHILDREN)]))
"""
PEER = """
import json, sys, time
from bh_audit_logger import verify_chain
import os, tempfile
from bh_audit_logger import AuditLogger, AuditLoggerConfig
from bh_audit_logger.sinks import JsonlFileSink
count = 20_000
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "log")
    config = AuditLoggerConfig(service_name="s", service_environment="prod", enable_integrity=True)
    log = AuditLogger(config=config, sink=JsonlFileSink(path))
    event = dict(
        actor={"subject_id": "u1", "subject_type": "human"},
        resource={"type": "Patient", "id": "p1", "patient_id": "p1"},
        outcome={"status": "SUCCESS"}, correlation={"request_id": "r"}, phi_touched=True, data_classification="PHI",
    )
    for _ in range(count):
        log.audit("READ", **event)
    events = [json.loads(line) for line in open(path)]
walls, spent = [], []
for _ in range(7):
    wall, used = time.perf_counter(), time.process_time()
    assert verify_chain(events).result == "PASS"
    walls.append(count / (time.perf_counter() - wall))
    spent.append(count / (time.process_time() - used))
print(json.dumps([max(walls), max(spent)]))
"""


def example() -> dict:
    """One event as the logger builds it."""
    sink = MemorySink()
    with AuditLogger(AuditConfig(service="intake-api", environment="prod"), sink=sink) as audit:
        audit.record(
            "READ",
            actor={"subject_id": "u1", "subject_type": "human"},
            resource={"type": "Patient", "id": "p1", "patient_id": "p1"},
            correlation={"request_id": "r"},
            phi_touched=True,
            data_classification="PHI",
        )
    event = dict(sink.events[0])
    del event["integrity"]
    return event


def write(path: Path, count: int) -> None:
    """Write so many events, each with an id of its own."""
    event, sink = example(), JsonlSink(path)
    for start in range(0, count, BATCH):
        sink.append_many([{**event, "event_id": event_id()} for _ in range(min(BATCH, count - start))])
    sink.close()


def verified(path: Path, workers: int, anchor: str | None) -> str:
    """Verify in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", ONE], input=json.dumps([str(path), workers, anchor]), capture_output=True, text=True, check=True
    )
    verdict, events, wall, spent, peak, child = json.loads(done.stdout)
    tree = "anchor" if anchor else "chain"
    memory = f"{peak:,.0f} MiB" + (f", a worker {child:,.0f} MiB" if workers > 1 else "")
    rates = f"{events / wall:>10,.0f} events/s in {wall:.1f} s, {events / spent:>9,.0f} a second of processor time"
    return f"{tree:7}{workers} process(es)  {verdict:11}{rates}, peak {memory}"


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--folder", type=Path)
    options.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--peer", type=Path)
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bh-verify-", dir=chosen.folder))
    try:
        path = folder / "audit.jsonl"
        start = time.perf_counter()
        write(path, chosen.events)
        size = path.stat().st_size
        print(f"{chosen.events:,} events, {size / 1e9:.2f} GB, written in {time.perf_counter() - start:.0f} s", flush=True)
        anchor = folder / "checkpoint"
        anchor.write_text(make_checkpoint(path, generate_keys("benchmark")[0], workers=None).note, "utf-8")
        for _ in range(chosen.rounds):
            if chosen.peer:
                done = subprocess.run([chosen.peer, "-c", PEER], capture_output=True, text=True, check=True)
                wall, spent = json.loads(done.stdout)
                print(f"bh-audit-logger, parsed events in memory: {wall:,.0f} events/s, {spent:,.0f} a second of processor time")
            for workers in chosen.workers:
                for kept in (None, str(anchor)):
                    print(verified(path, workers, kept), flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
