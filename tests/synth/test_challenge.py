"""The challenge set: whole notes with settled labels, as the data card says, and nothing of the seeds in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bh_lib._jsonl import read_jsonl
from bh_lib.evaluate import agreement
from bh_lib.schema.note import LabelledNote, read_notes
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.synth import Seed, SeedKind, c_ssrs_level, load_seeds, near_duplicates, present_flags
from tests.synth.test_quality import PHI

FOLDER = Path(__file__).parents[2] / "data_synthetic" / "challenge"
NOTES = list(read_notes(FOLDER / "notes.jsonl"))


def annotated(number: int) -> list[LabelledNote]:
    texts = {note.note_id: note.text for note in NOTES}
    rows = (row for _, row in read_jsonl(FOLDER / f"annotator_{number}.jsonl"))
    return [LabelledNote(row["id"], texts[row["id"]], flags=tuple(row["flags"]), c_ssrs_level=row["c_ssrs_level"]) for row in rows]


def test_there_are_at_least_three_hundred_whole_notes_over_nine_registers() -> None:
    assert len({note.note_id for note in NOTES}) == len(NOTES) >= 300
    assert min(Counter(note.register for note in NOTES).values()) >= 30
    assert sorted(len(note.text.split()) for note in NOTES)[len(NOTES) // 2] > 80


@pytest.mark.parametrize("flag", load_taxonomy().ids)
def test_every_flag_is_present_in_five_notes_or_more(flag: str) -> None:
    assert sum(flag in (note.flags or ()) for note in NOTES) >= 5


def test_a_quarter_carries_no_flag() -> None:
    assert 0.2 < sum(not note.flags for note in NOTES) / len(NOTES) < 0.35


def test_flags_and_levels_are_those_that_the_mentions_give() -> None:
    for note in NOTES:
        assert note.flags == present_flags(note.spans or ())
        assert note.c_ssrs_level == c_ssrs_level(note.spans or ())
        assert all(0 <= span.start < span.end <= len(note.text) for span in note.spans or ())


def test_the_two_passes_agree_as_the_data_card_says() -> None:
    found = agreement(annotated(1), annotated(2))
    assert found.notes == len(NOTES)
    card = (FOLDER.parent / "README.md").read_text("utf-8")
    for domain, share in found.domains.items():
        assert f"| {domain} | {share.both} | {share.first_only} | {share.second_only} | {share.kappa:.3f} |" in card


def test_the_settled_labels_are_those_of_the_passes_where_they_agree() -> None:
    first, second = ({note.note_id: set(note.flags or ()) for note in annotated(number)} for number in (1, 2))
    for note in NOTES:
        one, two, settled = first[note.note_id], second[note.note_id], set(note.flags or ())
        assert one & two <= settled <= one | two


def test_no_note_says_what_a_seed_says() -> None:
    own = [Seed(note.text, (), SeedKind.BENIGN, note.register or "", note.note_id, "c", "x", place=note.note_id) for note in NOTES]
    pairs = near_duplicates([*own, *load_seeds().all], at_least=0.2)
    assert [pair for pair in pairs if "ch-" in pair.first.place + pair.second.place] == []


def test_no_note_holds_what_looks_like_an_identifier() -> None:
    assert [note.note_id for note in NOTES if PHI.search(note.text)] == []
