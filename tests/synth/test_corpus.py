"""A corpus is the same for the same seed, its spans are exact, and no family crosses a split."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from bh_lib.errors import InputError
from bh_lib.schema.note import LabelledNote, read_notes
from bh_lib.synth.corpus import generate_notes, load_sentences, seed_examples, write_corpus
from bh_lib.synth.labels import c_ssrs_level, present_flags
from bh_lib.synth.seeds import CLINICAL, PERSONAL
from bh_lib.synth.split import Split, families_of, split_of

NOTES = list(generate_notes(600, seed=11))


def test_labels_follow_from_the_spans() -> None:
    for note in NOTES:
        assert note.flags == present_flags(note.spans or ())
        assert note.c_ssrs_level == c_ssrs_level(note.spans or ())


def test_every_span_covers_words() -> None:
    assert all(note.text[span.start : span.end].strip() for note in NOTES for span in note.spans or ())


def test_a_note_holds_families_of_its_own_split_only() -> None:
    for note in NOTES:
        part = note.note_id.split("-")[0]
        assert {split_of(family).value for family in families_of(note.group or "")} == {part}


def test_all_registers_and_levels_occur() -> None:
    assert {note.register for note in NOTES} == set(CLINICAL + PERSONAL)
    assert {note.c_ssrs_level for note in NOTES} == set(range(7))


def test_some_notes_have_no_mention_and_some_have_mentions_but_no_flag() -> None:
    assert any(not note.spans for note in NOTES)
    assert any(note.spans and not note.flags for note in NOTES)


def test_a_longer_corpus_begins_with_the_shorter() -> None:
    assert list(generate_notes(20, seed=11)) == NOTES[:20]


def test_another_seed_is_another_corpus() -> None:
    assert [n.text for n in generate_notes(20, seed=12)] != [n.text for n in NOTES[:20]]


@pytest.mark.parametrize("split", Split)
def test_one_split_alone_can_be_asked_for(split: Split) -> None:
    assert all(note.note_id.startswith(split.value) for note in generate_notes(30, 1, split))


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    first, second = write_corpus(tmp_path / "a", 60, 5), write_corpus(tmp_path / "b", 60, 5)
    assert first == second
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_manifest_says_what_is_in_the_files(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path, 60, 5)
    assert json.loads((tmp_path / "manifest.json").read_text("utf-8")) == manifest
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    whole = list(read_notes(tmp_path / "notes.jsonl"))
    parts = [note for part in Split for note in read_notes(tmp_path / f"{part.value}.jsonl")]
    assert len(whole) == 60
    assert {note.note_id for note in parts} == {note.note_id for note in whole}
    said = sum("SH-002" in (note.flags or ()) for note in whole)
    assert sum(part["flags"]["SH-002"] for part in manifest["splits"].values()) == said


def test_seed_examples_of_the_splits_share_no_family_and_no_text() -> None:
    parts: list[list[LabelledNote]] = [list(seed_examples(split)) for split in Split]
    for key in ("group", "text", "note_id"):
        values = [{getattr(note, key) for note in part} for part in parts]
        assert not (values[0] & values[1] or values[0] & values[2] or values[1] & values[2])


def test_sentences_and_examples_are_the_same_seeds() -> None:
    assert [row[0] for row in load_sentences("dev")] == [note.text for note in seed_examples("dev")]


@pytest.mark.parametrize(
    "call", [lambda: generate_notes(-1, 1), lambda: generate_notes(1, 1, "holdout"), lambda: write_corpus("x", 0, 1)]
)
def test_a_request_that_makes_no_sense_is_refused(call: object) -> None:
    with pytest.raises(InputError):
        call()  # type: ignore[operator]
