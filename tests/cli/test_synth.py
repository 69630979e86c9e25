"""``bh synth``: the same seed gives the same bytes, and every line holds its schema."""

from __future__ import annotations

import json

import jsonschema
import pytest


def _bytes(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("what", [("events", "--events", 60), ("notes", "--notes", 12)])
def test_the_same_seed_writes_the_same_bytes(bh, tmp_path, what):
    command, option, count = what
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert bh("synth", command, name, option, count, "--seed", seed).status == 0
    assert _bytes(tmp_path / "a") == _bytes(tmp_path / "b")
    assert _bytes(tmp_path / "a") != _bytes(tmp_path / "c")


def test_events_come_with_an_answer_key_and_a_manifest(log, rows):
    assert {"events.jsonl", "answer_key.json", "manifest.json"} <= set(_bytes(log))
    assert len(rows(log / "events.jsonl")) == 120


def test_as_many_notes_as_were_asked_for_split_without_loss(notes, rows):
    whole = [row["id"] for row in rows(notes / "notes.jsonl")]
    parts = [row["id"] for name in ("train", "dev", "test") for row in rows(notes / f"{name}.jsonl")]
    assert len(whole) == 30 and sorted(parts) == sorted(whole)


def test_every_note_holds_the_schema_of_a_labelled_note(notes, rows, root):
    schema = json.loads((root / "schema/labelled_note/1.0/labelled_note.schema.json").read_text("utf-8"))
    checker = jsonschema.Draft202012Validator(schema)
    for row in rows(notes / "notes.jsonl"):
        assert [error.json_path for error in checker.iter_errors(row)] == []


def test_events_can_be_parquet(bh, tmp_path):
    import pyarrow.parquet as pq

    assert bh("synth", "events", "log", "--events", 60, "--format", "parquet").status == 0
    assert pq.read_table(tmp_path / "log" / "events.parquet").num_rows == 60


def test_events_of_an_older_version_need_a_word_on_agents_and_say_what_they_lost(bh, tmp_path):
    refused = bh("synth", "events", "log", "--events", 60, "--version", "1.1")
    assert refused.status == 2 and "--agents flatten" in refused.err and not (tmp_path / "log").exists()
    done = bh("synth", "events", "log", "--events", 60, "--version", "1.1", "--agents", "flatten")
    assert done.status == 0 and "/actor/auth" in done.out


def test_the_manifest_can_be_printed(bh):
    assert json.loads(bh("synth", "notes", "n", "--notes", 5, "--json").out)["notes"] == 5
