"""Ledgers of one event a day, for what removes old days."""

from __future__ import annotations

from pathlib import Path

from bh_lib.emitters import JsonlSink, generate_keys, ledger_files
from bh_lib.emitters.chain import parse_line

SECRET, PUBLIC = generate_keys("auditor.example")
OTHER, OTHER_PUBLIC = generate_keys("somebody.example")


def day(number: int) -> str:
    return f"2021-{1 + number // 28:02}-{1 + number % 28:02}T08:00:00.000Z"


def write(path: Path, numbers, **options) -> None:
    """One event a day."""
    sink = JsonlSink(path, **options)
    for number in numbers:
        sink.append({"event_id": f"e{number:03}", "timestamp": day(number)})
    sink.close()


def ids(path: Path) -> list[str]:
    return [parse_line(line)["event_id"] for file in ledger_files(path) for line in file.read_bytes().splitlines()]
