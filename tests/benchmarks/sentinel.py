"""How fast the sentinel is: by length of text, with and without `fast`, beside the published peer where its Python is named.

    python tests/benchmarks/sentinel.py [--peer PEERS_VENV/bin/python] [--rounds 40]

Run by hand, alone on the machine; one process and one core a side. The text is a dense intake note, repeated and cut to length:
nearly every sentence carries a signal, which is the slowest case. Notes a second is measured over what `bh synth notes`
composes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median, quantiles

from bh_lib.sentinel import Sentinel
from bh_lib.synth import generate_notes

NOTE = (
    "41 yo male seen for intake after his sister called. Reports he has not slept for four nights and stopped taking his lithium "
    "last month since the refill ran out. Endorses thoughts of killing himself with a plan he would not share, no intent today. "
    "One earlier attempt in 2019. Drinking a pint of vodka daily since the divorce. Hears a voice at night that calls him useless. "
    "Denies homicidal ideation. Has no friends left in town. Mother died by suicide. Sees his sponsor on Tuesdays. "
)
SIZES = {"0.5 kB": 500, "2.5 kB": 2_500, "10 kB": 10_000, "50 kB": 50_000, "500 kB": 500_000}
PEER = """
import json, sys, time
from bh_sentinel.core import Pipeline
pipeline, out = Pipeline(), {}
for name, text, rounds in json.load(sys.stdin):
    try:
        pipeline.analyze_sync(text)
        times = []
        for _ in range(rounds):
            start = time.perf_counter(); pipeline.analyze_sync(text); times.append(time.perf_counter() - start)
        out[name] = sorted(times)[len(times) // 2] * 1e3
    except Exception as error:
        out[name] = type(error).__name__
print(json.dumps(out))
"""


def text_of(size: int) -> str:
    """The note, as often as it takes."""
    return (NOTE * (size // len(NOTE) + 1))[:size]


def timed(call: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each round."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def rounds_of(size: int, rounds: int) -> int:
    """Fewer where one takes seconds."""
    return max(3, min(rounds, rounds * 10_000 // size))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer")
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    code = "import time; t = time.perf_counter(); import bh_lib.sentinel; print((time.perf_counter() - t) * 1e3)"
    imports = [
        float(subprocess.run((sys.executable, "-c", code), check=True, capture_output=True, text=True).stdout) for _ in range(3)
    ]
    print(f"import bh_lib.sentinel: {median(imports):.0f} ms")
    theirs: dict[str, object] = {}
    if given.peer:
        job = json.dumps([(name, text_of(size), rounds_of(size, given.rounds)) for name, size in SIZES.items() if size <= 50_000])
        done = subprocess.run((given.peer, "-c", PEER), input=job, check=True, capture_output=True, text=True)
        theirs = json.loads(done.stdout.splitlines()[-1])
    notes = [note.text for note in generate_notes(300, seed=11)]
    for fast in (True, False):
        start = time.perf_counter()
        sentinel = Sentinel.load(fast=fast)
        print(f"\n{'with google-re2' if fast else 'standard library alone'}: loaded in {time.perf_counter() - start:.1f} s")
        for name, size in SIZES.items():
            text = text_of(size)
            times = timed(partial(sentinel.analyze, text), rounds_of(size, given.rounds))
            other = theirs.get(name)
            beside = (
                ""
                if other is None
                else f"   bh-sentinel-core p50 {other:.1f}"
                if isinstance(other, float)
                else f"   bh-sentinel-core: {other}"
            )
            print(f"  {name:>7}: p50 {median(times):9.2f} ms   p95 {quantiles(times, n=20)[-1]:9.2f} ms{beside}")
        start = time.process_time()
        sentinel.analyze_batch(notes)
        took = time.process_time() - start
        mean = sum(map(len, notes)) / len(notes)
        print(f"  {len(notes) / took:,.0f} composed notes a second of one core (mean {mean:,.0f} characters)")
        print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
