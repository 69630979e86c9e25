"""Who does what to what, in these tests."""

from __future__ import annotations

from typing import Any

import pytest

from bh_lib.emitters.sinks.base import Sink


@pytest.fixture
def who() -> dict[str, Any]:
    return {"subject_id": "u-7", "subject_type": "human"}


@pytest.fixture
def what() -> dict[str, Any]:
    return {"type": "Note", "id": "n-1", "patient_id": "p-3"}


class Flaky(Sink):
    """Fails while `broken`; its message quotes the event, as a careless driver's would."""

    name = "flaky"

    def __init__(self) -> None:
        super().__init__()
        self.broken = True
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        if self.broken:
            raise RuntimeError(line.decode())
        self.lines.append(line)

    def holds(self, event_ids):
        return {event_id for event_id in event_ids if any(event_id.encode() in line for line in self.lines)}


@pytest.fixture
def flaky() -> Flaky:
    return Flaky()
