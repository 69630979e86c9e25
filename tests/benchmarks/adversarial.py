"""How long each pattern takes on a text made against it, and the whole sentinel on the worst of them.

    python -m tests.benchmarks.adversarial [--size 1000000] [--every 1] [--worst 10]

Run by hand, from the top of the checkout; one process and one core. A text is cut to sentences as the sentinel cuts it, so an
expression that is quadratic is so within a sentence at most. ``--every 8`` takes each eighth pattern.
"""

from __future__ import annotations

import argparse
import time

from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.document import read_document
from bh_lib.sentinel.expression import compiled
from bh_lib.sentinel.knowledge import Pattern, release_patterns
from tests.sentinel.adversary import adversarial


def seconds(pattern: Pattern, text: str) -> tuple[float, int]:
    """Time and number of matches over the sentences of a text."""
    regex, norms = compiled(pattern.regex), [sentence.norm for sentence in read_document(text).sentences]
    start = time.perf_counter()
    found = sum(1 for norm in norms for _ in regex.finditer(norm))
    return time.perf_counter() - start, found


def main() -> None:
    """Print the slowest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--worst", type=int, default=10)
    given = parser.parse_args()
    patterns = release_patterns()[:: given.every]
    timed = []
    for pattern in patterns:
        took, found = seconds(pattern, adversarial(pattern.regex, given.size))
        timed.append((took, pattern.pattern_id, found, pattern.regex))
    timed.sort(reverse=True)
    print(f"{len(timed)} patterns, {given.size:,} characters each; all together {sum(row[0] for row in timed):.1f} s")
    sentinel = Sentinel.load()
    print(f"{'pattern':14}{'alone, s':>10}{'ns a char':>11}{'matches':>9}{'analyze, s':>12}")
    for took, name, found, regex in timed[: given.worst]:
        text = adversarial(regex, given.size)
        start = time.perf_counter()
        sentinel.analyze(text)
        whole = time.perf_counter() - start
        print(f"{name:14}{took:10.3f}{took / given.size * 1e9:11.0f}{found:9}{whole:12.2f}")


if __name__ == "__main__":
    main()
