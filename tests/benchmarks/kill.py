"""Kill writers of one trail at random instants, and count what was acknowledged and is not there.

    python tests/benchmarks/kill.py [--kills 200] [--writers 8] [--delivery durable|queued] [--rotate-bytes N] [--seed S] [--json]

Each writer tells over a pipe what `record` returned for; ``kill -9`` ends one at a time, and another takes its place. At
the end everything is verified, and the trail is written on. Status 1 if a ``durable`` event is missing or the trail is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import selectors
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, ledger_files, read_ledger, verify

CAPACITY = 1000
BATCH = 256
WHO, WHAT = {"subject_id": "u", "subject_type": "human"}, {"type": "Note", "id": "n"}


def write_for_ever(path: Path, told: int, delivery: str, rotate: int | None) -> None:
    """Be a writer: the pipe names each event as soon as `record` has returned for it."""
    policy = "drop" if delivery == "queued" else "raise"
    config = AuditConfig(service="s", delivery=delivery, on_failure=policy, capacity=CAPACITY)
    audit = AuditLogger(config, sink=JsonlSink(path, rotate_bytes=rotate))
    while True:
        os.write(told, audit.record("READ", actor=WHO, resource=WHAT).event_id.encode() + b"\n")


class Herd:
    """The writers that are alive, and what each of them has acknowledged."""

    def __init__(self, path: Path, delivery: str, rotate: int | None) -> None:
        self._what = (path, delivery, rotate)
        self._pipes = selectors.DefaultSelector()
        self.alive: dict[int, int] = {}
        self.told: dict[int, bytearray] = {}

    def start(self) -> None:
        """Add one writer."""
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            path, delivery, rotate = self._what
            try:
                write_for_ever(path, theirs, delivery, rotate)
            finally:
                os._exit(1)
        os.close(theirs)
        self.alive[child], self.told[child] = ours, bytearray()
        self._pipes.register(ours, selectors.EVENT_READ, child)

    def listen(self, until: float) -> None:
        """Read what they say until then."""
        while (left := until - time.monotonic()) > 0:
            for key, _ in self._pipes.select(left):
                self.told[key.data] += os.read(key.fd, 1 << 16)

    def kill(self, child: int) -> None:
        """End one with SIGKILL, and read what it still said."""
        pipe = self.alive.pop(child)
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != -signal.SIGKILL:
            raise SystemExit(f"a writer ended by itself, with status {status}")
        self._pipes.unregister(pipe)
        while said := os.read(pipe, 1 << 16):
            self.told[child] += said
        os.close(pipe)


def run(kills: int, writers: int, delivery: str, rotate: int | None, seed: int) -> dict[str, object]:
    """Do it, and report."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        herd = Herd(path, delivery, rotate)
        for _ in range(writers):
            herd.start()
        herd.listen(time.monotonic() + 0.3)
        for _ in range(kills):
            herd.listen(time.monotonic() + chance.random() / 10)
            herd.kill(chance.choice(list(herd.alive)))
            herd.start()
        for child in list(herd.alive):
            herd.kill(child)
        # What is written on repairs a torn end first.
        resumed = JsonlSink(path, rotate_bytes=rotate).append({"event_id": "after"})
        stored = Counter(event["event_id"] for event in read_ledger(path))
        lost = {child: sum(item.decode() not in stored for item in told.split()) for child, told in herd.told.items()}
        found = verify(ledger_files(path))
        return {
            "delivery": delivery,
            "writers": writers,
            "killed": kills + writers,
            "acknowledged": sum(len(told.split()) for told in herd.told.values()),
            "lost": sum(lost.values()),
            "most lost by one kill": max(lost.values()),
            "bound": CAPACITY + BATCH if delivery == "queued" else 0,
            "repeated": sum(count > 1 for count in stored.values()),
            "events": found.events,
            "files": len(ledger_files(path)),
            "verdict": str(found),
            "resumed at the next place": resumed.seq == found.events - 1,
        }


def main() -> int:
    """Print the figures."""
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--writers", type=int, default=8)
    options.add_argument("--delivery", choices=("durable", "queued"), default="durable")
    options.add_argument("--rotate-bytes", type=int)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    figures = run(chosen.kills, chosen.writers, chosen.delivery, chosen.rotate_bytes, chosen.seed)
    print(json.dumps(figures) if chosen.json else "\n".join(f"{name:28}{value}" for name, value in figures.items()))
    sound = figures["verdict"] == "CONSISTENT" and not figures["repeated"] and figures["resumed at the next place"]
    return 0 if sound and figures["most lost by one kill"] <= figures["bound"] else 1


if __name__ == "__main__":
    sys.exit(main())
