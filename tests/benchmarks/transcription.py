"""How well flags are found in single sentences of psychiatric transcription, labelled in two passes; figures only, no sentence.

Usage: python tests/benchmarks/transcription.py SAMPLES.jsonl [CLASSIFIER]

``tests/cases/transcription.jsonl`` keeps labels by the beginning of a sentence's SHA-1. Both passes are by language models from one
brief. A flag that only one pass gave counts neither for nor against.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bh_lib.sentinel import Sentinel

LABELS = Path(__file__).parents[1] / "cases" / "transcription.jsonl"
_END = re.compile(r"(?<=[.!?])[\s,]+(?=[A-Z\"])|,(?=[A-Z][A-Z /&]+:)|\n")


def sentences(path: str) -> dict[str, str]:
    """By the beginning of their SHA-1."""
    rows = [json.loads(line)["text"] for line in Path(path).read_text("utf-8").splitlines()]
    parts = [part.strip(" ,") for row in rows for part in _END.split(row)]
    return {hashlib.sha1(part.encode(), usedforsecurity=False).hexdigest()[:16]: part for part in parts}


def main(arguments: Sequence[str]) -> None:
    """Print agreement, micro and per-flag figures."""
    known = sentences(arguments[0])
    sentinel = Sentinel.load(classifier=arguments[1]) if len(arguments) > 1 else Sentinel.load()
    rows = [json.loads(line) for line in LABELS.read_text("utf-8").splitlines()]
    hits, false, missed = Counter[str](), Counter[str](), Counter[str]()
    ruled_out = raised_anyway = both = given = 0
    for row in rows:
        first, second = set(row["first"]), set(row["second"])
        both, given = both + len(first & second), given + len(first) + len(second)
        found = {flag.flag_id for flag in sentinel.analyze(known[row["sha1"]]).flags}
        hits.update(found & first & second)
        false.update(found - first - second)
        missed.update((first & second) - found)
        out = set(row["first_ruled_out"]) & set(row["second_ruled_out"])
        ruled_out, raised_anyway = ruled_out + len(out), raised_anyway + len(out & found)
    right, wrong, lost = (sum(count.values()) for count in (hits, false, missed))
    told = [f"{len(rows)} sentences; the two passes agree with F1 {2 * both / given:.3f}"]
    f1 = 2 * right / (2 * right + wrong + lost)
    told.append(f"precision {right / (right + wrong):.3f}, recall {right / (right + lost):.3f}, F1 {f1:.3f}")
    told.append(f"{raised_anyway} of {ruled_out} that both ruled out are raised")
    told += [f"{flag}: {hits[flag]} found, {false[flag]} false, {missed[flag]} missed" for flag in sorted(hits | false | missed)]
    sys.stdout.write("\n".join(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
