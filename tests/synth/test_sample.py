"""The committed sample is what the two commands of the data card make, byte for byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bh_lib.emitters import Verdict, verify
from bh_lib.synth import write_corpus, write_events

SAMPLE = Path(__file__).parents[2] / "data_synthetic" / "sample"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_notes_are_made_anew_byte_for_byte(tmp_path: Path) -> None:
    write_corpus(tmp_path / "notes", 24, 1)
    assert bytes_of(tmp_path / "notes") == bytes_of(SAMPLE / "notes")


def test_the_events_are_made_anew_byte_for_byte(tmp_path: Path) -> None:
    write_events(tmp_path / "events", 400, 1)
    assert bytes_of(tmp_path / "events") == bytes_of(SAMPLE / "events")


def test_the_manifest_names_the_digest_of_each_file() -> None:
    files = json.loads((SAMPLE / "notes" / "manifest.json").read_text("utf-8"))["files"]
    assert files == {name: hashlib.sha256((SAMPLE / "notes" / name).read_bytes()).hexdigest() for name in files}


def test_the_log_verifies() -> None:
    assert verify(SAMPLE / "events" / "events.jsonl").verdict is Verdict.CONSISTENT
