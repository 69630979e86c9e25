"""A corpus is the same for the same seed, its spans are exact, and no family crosses a split."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from random import Random

import pytest

from bh_lib.errors import InputError
from bh_lib.schema.note import LabelledNote, read_notes
from bh_lib.synth.corpus import generate_notes, load_sentences, seed_examples, write_corpus
from bh_lib.synth.labels import c_ssrs_level, present_flags
from bh_lib.synth.notes import Composer, sentences
from bh_lib.synth.seeds import CLINICAL, PERSONAL, SeedKind, load_seeds
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


def test_no_family_stands_on_two_sides() -> None:
    parts: dict[str, set[str]] = {}
    for note in NOTES:
        parts.setdefault(note.note_id.split("-")[0], set()).update(families_of(note.group or ""))
    train, dev, test = parts["train"], parts["dev"], parts["test"]
    assert min(len(train), len(dev), len(test)) > 100
    assert not (train & dev or train & test or dev & test)


def test_notes_are_one_to_sixty_sentences_and_all_lengths_between_occur() -> None:
    composer = Composer(load_seeds(), Split.TRAIN)
    lengths = set()
    for number in range(6_000):
        register = ("intake_note", "discharge_note", "text_message")[number % 3]
        lengths.add(sum(sentences(seed.text) for seed in composer._body(register, Random(number))))
    # A filler may be two sentences longer than the room that is left.
    assert lengths <= set(range(1, 63)) and len(lengths & set(range(1, 61))) > 57


BLOCKS = load_seeds().of(SeedKind.BLOCK)
PASSAGES = {seed.family for seed in load_seeds().of(SeedKind.PASSAGE)}


def test_every_kind_of_block_and_passages_appear() -> None:
    used = {family for note in NOTES for family in families_of(note.group or "")}
    assert {seed.about for seed in BLOCKS if seed.family in used} == {"ros", "screen", "safety_plan", "plan"}
    assert len(used & PASSAGES) > 20


def test_a_form_never_contradicts_the_note_around_it() -> None:
    forms = 0
    for split in Split:
        composer = Composer(load_seeds(), split)
        for number in range(700):
            body = composer._body("intake_note", Random(number))
            draft, used = composer._clinical("intake_note", body, Random(number))
            present = set(present_flags(draft.spans))
            told = {span.flag_id for seed in body for span in seed.spans if span.assertion == "negated"}
            for block in (seed for seed in used if seed.kind is SeedKind.BLOCK):
                denied = {span.flag_id for span in block.spans if span.assertion == "negated"}
                assert not denied & present
                assert not {flag for flag in block.flags if flag in told}
                if denied & {"SH-002", "SH-006", "SH-008"}:
                    assert c_ssrs_level(draft.spans) < (2 if "SH-002" in denied else 6)
                    forms += 1
                assert block.about != "screen" or block.level == c_ssrs_level(draft.spans)
    assert forms > 50


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
