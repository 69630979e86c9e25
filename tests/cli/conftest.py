"""The command line, run in process, and what stands on both of its streams."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bh_lib.cli import main

CANARY = "CANARY-9f27"


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a command."""

    status: int
    out: str
    err: str

    @property
    def shown(self) -> str:
        """Everything that a person would see."""
        return self.out + self.err

    def refused(self) -> str:
        """The one clear line of unusable input; fails where it is anything else."""
        assert self.status == 2, self
        lines = self.err.splitlines()
        assert len(lines) == 1 and lines[0].startswith("bh: "), self.err
        assert "Traceback" not in self.shown and "internal error" not in self.shown and CANARY not in self.shown, self.shown
        return lines[0]


Bh = Callable[..., Ran]


@pytest.fixture
def bh(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bh:
    """Run a command in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run(*words: object) -> Ran:
        capsys.readouterr()
        status = main([str(word) for word in words])
        shown = capsys.readouterr()
        return Ran(status, shown.out, shown.err)

    return run


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small audit log and its answer key."""
    folder = tmp_path_factory.mktemp("log")
    assert main(["synth", "events", str(folder), "--events", "120", "--seed", "7"]) == 0
    return folder


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small corpus of labelled notes."""
    folder = tmp_path_factory.mktemp("notes")
    assert main(["synth", "notes", str(folder), "--notes", "30", "--seed", "7"]) == 0
    return folder


@pytest.fixture
def unchanged(tmp_path: Path) -> Iterator[None]:
    """Fails if a test leaves more or other files under its folder than the ones it names ``given.*``."""
    yield
    left = [path.name for path in tmp_path.rglob("*") if not path.name.startswith("given")]
    assert not left, f"left behind: {left}"


def rows(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The objects of a JSONL file."""
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


@pytest.fixture(name="rows")
def _rows() -> Callable[[str | os.PathLike[str]], list[dict[str, Any]]]:
    return rows


@pytest.fixture
def canary() -> str:
    """A string that is planted in data and must be seen nowhere."""
    return CANARY
