"""A ledger to attack, and the checkpoint that an auditor keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, Checkpoint, JsonlSink, generate_keys, make_checkpoint

EVENTS = 12


@dataclass(frozen=True, slots=True)
class Trail:
    path: Path
    anchor: Checkpoint
    key: str
    older: Checkpoint

    @property
    def lines(self) -> list[bytes]:
        return self.path.read_bytes().splitlines(keepends=True)

    def put(self, lines: list[bytes]) -> None:
        self.path.write_bytes(b"".join(lines))


def write_events(path: Path, count: int, subject: str = "u-7") -> None:
    with AuditLogger(AuditConfig(service="clinic", environment="test"), sink=JsonlSink(path)) as audit:
        for number in range(count):
            audit.record(
                "READ",
                actor={"subject_id": subject, "subject_type": "human"},
                resource={"type": "Note", "id": f"n-{number:03}", "patient_id": "p-3"},
                phi_touched=True,
            )


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    path = tmp_path / "audit.jsonl"
    secret, public = generate_keys("auditor.example/clinic")
    write_events(path, 5)
    older = make_checkpoint(path, secret)
    write_events(path, EVENTS - 5)
    return Trail(path, make_checkpoint(path, secret), public, older)


@pytest.fixture
def writer() -> Callable[[Path, int, str], None]:
    return write_events
