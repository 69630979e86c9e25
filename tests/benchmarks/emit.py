"""How fast events are recorded, and what each part of the promise costs.

    python tests/benchmarks/emit.py [--events 20000] [--folder DIR] [--without-orjson]

Run by hand, alone on the machine, on the disk in question; each row is the best of five rounds in one process and one thread.
``--without-orjson`` measures what the standard library does alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WHO = {"subject_id": "u-7", "subject_type": "human", "roles": ["nurse"]}
WHAT = {"type": "Note", "id": "n-1", "patient_id": "p-3"}
MORE = {"phi_touched": True, "data_classification": "PHI", "purpose_of_use": "TREAT", "correlation": {"request_id": "r-1"}}


def rates(call: Callable[[], Any], calls: int) -> tuple[float, float]:
    """Calls a second of the clock, and of processor time: best of five rounds."""
    clock = processor = float("inf")
    for _ in range(5):
        start, used = time.perf_counter(), time.process_time()
        for _ in range(calls):
            call()
        clock, processor = min(clock, time.perf_counter() - start), min(processor, time.process_time() - used)
    return calls / clock, calls / processor


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=20_000)
    options.add_argument("--folder", type=Path)
    options.add_argument("--without-orjson", action="store_true")
    chosen = options.parse_args()
    if chosen.without_orjson:
        sys.modules["orjson"] = None  # type: ignore[assignment]

    from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, MemorySink, Receipt, Sink, ledger_files, verify
    from bh_lib.emitters.canonical import canonical

    class Unchained(Sink):
        """Writes the event as it is: what a chain is measured against."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

        def write(self, line: bytes) -> None:
            os.write(self._fd, line)

        def append(self, event: dict[str, Any]) -> Receipt:
            with self._lock:
                self.write(canonical(event) + b"\n")
            return Receipt(event["event_id"], None, None)

    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        place = Path(folder)
        rotating = {"rotate_bytes": 16 << 20, "rotate_seconds": 86_400}
        rows: list[tuple[str, Sink, bool, int, dict[str, Any]]] = [
            ("build and write, no chain", Unchained(place / "0.jsonl"), False, 1, {}),
            ("the same, validated", Unchained(place / "1.jsonl"), True, 1, {}),
            ("build, chain and write", JsonlSink(place / "2.jsonl"), False, 1, {}),
            ("the same, validated: record()", JsonlSink(place / "3.jsonl"), True, 1, {}),
            ("record(), rotating", JsonlSink(place / "4.jsonl", **rotating), True, 1, {}),
            ("record(), fsync_ms=100", JsonlSink(place / "5.jsonl", fsync_ms=100), True, 1, {}),
            ("record(), fsync=100", JsonlSink(place / "6.jsonl", fsync=100), True, 5, {}),
            ('record(), fsync="each"', JsonlSink(place / "7.jsonl", fsync="each"), True, 100, {}),
            ("record(), queued", JsonlSink(place / "8.jsonl"), True, 1, {"delivery": "queued", "on_failure": "drop"}),
            ("record(), kept in memory", MemorySink(), True, 2, {}),
        ]
        print(f"{'':34}{'a second':>12}{'a second of processor time':>32}")
        for name, sink, checked, slower, settings in rows:
            audit = AuditLogger(AuditConfig(service="intake-api", environment="prod", **settings), sink=sink)
            if not checked:
                audit._stages = audit._stages[:-1]
            clock, processor = rates(lambda: audit.record("READ", actor=WHO, resource=WHAT, **MORE), chosen.events // slower)  # noqa: B023
            audit.close()
            print(f"{name:34}{clock:>12,.0f}{processor:>32,.0f}", flush=True)
            if isinstance(sink, JsonlSink):
                found = verify(ledger_files(sink.path))
                assert found.events == 5 * (chosen.events // slower), str(found)


if __name__ == "__main__":
    main()
