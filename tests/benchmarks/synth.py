"""How fast synthetic data is written, and how much memory that takes.

    python tests/benchmarks/synth.py [--events 1000000] [--format parquet|jsonl] [--notes 20000]

Prints events (chained, where JSONL) and notes a second by the wall clock and by CPU time, which tell apart a slow program from
a busy machine, and the peak of resident memory after each. Modules are imported and seeds are read before the clocks start.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bh_lib.synth import write_corpus, write_events


def measured(name: str, count: int, work: Callable[[], object]) -> None:
    """Run once, and print the rates and the memory."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name}: {count:,}; {count / wall:,.0f}/s by the clock, {count / cpu:,.0f}/s of CPU time; peak {peak} MiB")


def main() -> None:
    """Write to a temporary folder, which is deleted afterwards."""
    parser = argparse.ArgumentParser(description="Rates of the synthetic data.")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--format", choices=("parquet", "jsonl"), default="parquet")
    parser.add_argument("--notes", type=int, default=20_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_events(Path(folder) / "warm", 1_000, 1, format=asked.format)
        write_corpus(Path(folder) / "warm", 10, 1)
        measured(f"events, {asked.format}", asked.events, lambda: write_events(folder, asked.events, 7, format=asked.format))
        measured("notes", asked.notes, lambda: write_corpus(folder, asked.notes, 7))


if __name__ == "__main__":
    main()
