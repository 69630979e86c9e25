"""What the widget carries: each thing asked is done or refused in words, and nothing of the note is in the words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, MemorySink
from bh_lib.evaluate.feedback import FlagReview, judgements_path
from bh_lib.evaluate.feedback.screen import answer, choices
from bh_lib.schema.note import LabelledNote, read_notes
from bh_lib.sentinel import Sentinel

TEXT = "Endorses suicidal ideation. Denies homicidal ideation."
CLAIM = {"flag_id": "CD-003", "assertion": "present", "temporality": "current", "experiencer": "patient"}


@pytest.fixture
def review(tmp_path: Path) -> FlagReview:
    notes = [LabelledNote("n1", TEXT), LabelledNote("n2", "Slept well.")]
    return FlagReview(notes, Sentinel.load(), tmp_path / "reviewed.jsonl")


def test_a_look_shows_the_note_and_its_flags(review: FlagReview) -> None:
    shown = answer(review, {"ask": "look"})
    assert shown["ok"] and shown["view"]["text"] == TEXT
    assert [(mark["flag_id"], mark["raised"]) for mark in shown["view"]["marks"]] == [("SH-002", True), ("HO-001", False)]
    assert len(choices()["flag_id"]) == 40 and len(choices()["reason"]) == 9


def test_a_note_is_judged_and_the_next_one_shown(review: FlagReview) -> None:
    said = [
        answer(review, asked)["said"]
        for asked in (
            {"ask": "accept", "mark": 0},
            {"ask": "dismiss", "mark": 0, "reason": "denied", "comment": "see line two"},
            {"ask": "correct", "mark": 0, **CLAIM},
            {"ask": "add", "start": 0, "end": 8, **CLAIM, "flag_id": "SH-001"},
            {"ask": "remove", "mark": 2},
            {"ask": "undo"},
            {"ask": "finish"},
        )
    ]
    assert said[0] == "SH-002 accepted. No flag is open: press s when the note is done."
    assert said[1:] == [
        "SH-002 dismissed. No flag is open: press s when the note is done.",
        "Corrected to CD-003. No flag is open: press s when the note is done.",
        "SH-001 added.",
        "Removed.",
        "The last judgement is taken back.",
        "Note done. Now note 2 of 2.",
    ]
    assert answer(review, {"ask": "finish"})["said"] == "Note done. All notes are done."
    assert [note.flags for note in read_notes(review.path)] == [("SH-001", "CD-003"), ()]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"ask": "sing"},
        {"ask": "accept"},
        {"ask": "accept", "mark": "0"},
        {"ask": "dismiss", "mark": 0},
        {"ask": "dismiss", "mark": 0, "reason": "denied", "comment": 7},
        {"ask": "correct", "mark": 0, **CLAIM, "temporality": "someday"},
        {"ask": "correct", "mark": 0, **CLAIM, "flag_id": "zebra"},
        {"ask": "add", **CLAIM},
        {"ask": "add", "start": 5, "end": 3, **CLAIM},
        {"ask": "remove", "mark": 0},
        {"ask": "finish"},
        {"ask": "go", "place": 2},
    ],
)
def test_what_can_not_be_done_is_said_and_changes_nothing(review: FlagReview, asked: dict[str, Any]) -> None:
    before = review.state
    shown = answer(review, asked)
    assert not shown["ok"] and shown["said"].startswith("Not done: ")
    assert "zebra" not in shown["said"] and "someday" not in shown["said"]
    assert review.state == before and not judgements_path(review.path).exists()


def test_nothing_to_take_back_is_no_fault(review: FlagReview) -> None:
    assert answer(review, {"ask": "undo"})["said"] == "There is nothing to take back."


def test_a_note_whose_reading_can_not_be_recorded_stays_off_the_screen(tmp_path: Path) -> None:
    audit = AuditLogger(AuditConfig(service="review"), sink=MemorySink())
    who = {"subject_id": "usr-1", "subject_type": "human"}
    review = FlagReview([LabelledNote("n1", TEXT)], Sentinel.load(), tmp_path / "r.jsonl", audit=audit, reviewer=who)
    audit.close()
    shown = answer(review, {"ask": "look"})
    assert (shown["view"], shown["ok"]) == (None, False)
    assert "logger is closed" in shown["said"]


def test_the_widget_carries_messages_and_keeps_no_note_in_its_state(review: FlagReview) -> None:
    pytest.importorskip("anywidget")
    from bh_lib.evaluate.feedback import show_review

    widget = show_review(review)
    sent: list[dict[str, Any]] = []
    widget.send = lambda content, buffers=None: sent.append(content)
    widget._handle_custom_msg({"ask": "accept", "mark": 0}, [])
    assert (sent[0]["ok"], sent[0]["view"]["text"]) == (True, TEXT)
    assert TEXT not in str(widget.get_state()) and "suicidal" not in str(widget.get_state())
    # Nothing is loaded from anywhere: what the browser runs is in the package.
    code = widget.get_state()["_esm"] + widget.get_state()["_css"]
    assert "http" not in code and "import " not in code and "fetch" not in code
