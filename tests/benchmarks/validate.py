"""How fast events are validated, beside `jsonschema` and, where its Python is named, the published peer.

    python tests/benchmarks/validate.py [--log LOG.jsonl] [--peer PEERS_VENV/bin/python]

Run by hand, alone on the machine; rates are the best of five rounds, all in one run. With a log, the whole of it goes
through `bh schema validate` in processes of their own, with and without orjson, which tells the peak of memory as well.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema

from bh_lib._resources import schema_path
from bh_lib.schema import event_checker, event_schema, is_valid_event, validate_event

PEER = """
import json, sys, time
from bh_audit_logger import validate_event_schema
event, rounds, calls = json.load(sys.stdin), 5, 300
assert validate_event_schema(event, "2.0") == []
best = 0
for _ in range(rounds):
    start = time.perf_counter()
    for _ in range(calls): validate_event_schema(event, "2.0")
    best = max(best, calls / (time.perf_counter() - start))
print(best)
"""
COMMAND = """
import resource, sys, time
if sys.argv.pop(1) == "without": sys.modules["orjson"] = None
from bh_lib.cli import main
start = time.process_time()
try:
    main()
finally:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.process_time() - start:.2f} s of processor time, {peak:.0f} MiB at the peak", file=sys.stderr)
"""


def rate(call: Callable[[], Any], calls: int) -> float:
    """Calls a second, best of five rounds."""
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        best = max(best, calls / (time.perf_counter() - start))
    return best


def example(version: str) -> dict[str, Any]:
    """The fullest valid example of a version ."""
    folder = schema_path("audit_event", "examples", version, "valid")
    return max((json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")), key=lambda event: len(json.dumps(event)))


def measure(version: str) -> list[tuple[str, float]]:
    """Ours and jsonschema's, over one event."""
    event = example(version)
    judge = jsonschema.Draft202012Validator(
        dict(event_schema(version)), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    assert is_valid_event(event, version)
    assert judge.is_valid(event)
    check, line = event_checker(version), json.dumps(event).encode()
    rows = [
        ("event_checker", rate(lambda: check(event), 20_000)),
        ("is_valid_event", rate(lambda: is_valid_event(event, version), 20_000)),
        ("validate_event", rate(lambda: validate_event(event, version), 20_000)),
        ("json.loads and event_checker", rate(lambda: check(json.loads(line)), 5_000)),
    ]
    try:
        import orjson
    except ImportError:
        pass
    else:
        rows.append(("orjson.loads and event_checker", rate(lambda: check(orjson.loads(line)), 10_000)))
    rows.append(("jsonschema, with format checks", rate(lambda: judge.is_valid(event), 200)))
    return rows


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser()
    options.add_argument("--log", type=Path)
    options.add_argument("--peer", type=Path)
    chosen = options.parse_args()
    for version in ("2.0", "3.0"):
        for name, per_second in measure(version):
            print(f"{version}  {name:34}{per_second:>12,.0f} /s")
        if version == "2.0" and chosen.peer:
            done = subprocess.run(
                [chosen.peer, "-c", PEER], input=json.dumps(example("2.0")), capture_output=True, text=True, check=True
            )
            print(f"{version}  {'bh-audit-logger, same event':34}{float(done.stdout):>12,.0f} /s")
    for orjson in ("with", "without") if chosen.log else ():
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, orjson, "schema", "validate", chosen.log], capture_output=True, text=True, check=False
        )
        print(f"{orjson} orjson: {done.stdout.strip()}: {done.stderr.strip()}")


if __name__ == "__main__":
    main()
