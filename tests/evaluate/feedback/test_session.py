"""A review under way: saved at each step, taken up where it stopped, and audited without a word of the note."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bh_lib.emitters import AuditConfig, AuditLogger, MemorySink
from bh_lib.errors import ConfigError, InputError, SinkError
from bh_lib.evaluate import evaluate_file
from bh_lib.evaluate.feedback import REVIEW_METADATA, Claim, FlagReview, Reason, judgements_path, read_judgements
from bh_lib.evaluate.feedback.store import write_judgements
from bh_lib.schema.note import LabelledNote, read_notes, write_notes
from bh_lib.sentinel import Sentinel

NOTES = (
    LabelledNote("n1", "Endorses suicidal ideation. Feels hopeless about everything.", register="intake_note", group="f1"),
    LabelledNote("n2", "Wants to kill himself, he said of the character in the play.", group="f2"),
    LabelledNote("n3", "Slept well. Went for a walk with his sister."),
)
NURSE = {"subject_id": "usr-17", "subject_type": "human", "roles": ["nurse"]}


@pytest.fixture(scope="module")
def sentinel() -> Sentinel:
    return Sentinel.load()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reviewed.jsonl"


def judge_all(review: FlagReview) -> None:
    for number in review.state.open:
        review.accept(number)
    review.finish()


def test_a_note_is_labelled_when_it_is_done_and_not_before(sentinel: Sentinel, path: Path) -> None:
    review = FlagReview(NOTES, sentinel, path)
    review.accept(0)
    assert not path.exists() and judgements_path(path).exists()
    judge_all(review)
    (note,) = read_notes(path)
    assert (note.note_id, note.text, note.register, note.group) == ("n1", NOTES[0].text, "intake_note", "f1")
    assert "SH-002" in note.flags


def test_a_review_that_is_opened_again_goes_on_where_it_stopped(sentinel: Sentinel, path: Path) -> None:
    review = FlagReview(NOTES, sentinel, path)
    judge_all(review)
    review.go(1)
    review.add(Claim("SH-001"), 0, 5)
    before = review.state
    again = FlagReview(NOTES, sentinel, path)
    assert (again.place, again.done, again.state) == (1, 1, before)


def test_a_sentinel_that_changed_does_not_change_what_was_judged(sentinel: Sentinel, path: Path) -> None:
    review = FlagReview(NOTES, sentinel, path)
    review.accept(0)
    before = review.state

    class Silent:
        def analyze(self, text: str) -> dict[str, Any]:
            return {"flags": [], "suppressed": []}

    again = FlagReview(NOTES, Silent(), path)
    assert again.state == before
    again.go(1)
    assert again.state.marks == ()


def test_the_next_evaluation_reads_what_was_saved(sentinel: Sentinel, path: Path, tmp_path: Path) -> None:
    review = FlagReview(NOTES, sentinel, path)
    for place in range(3):
        review.go(place)
        judge_all(review)
    metrics = evaluate_file(path, sentinel, tmp_path / "out")
    assert (metrics.n, metrics.to_dict()["micro"]["recall"]) == (3, 1.0)


def test_undo_takes_back_the_last_judgement_and_returns_to_its_note(sentinel: Sentinel, path: Path) -> None:
    review = FlagReview(NOTES, sentinel, path)
    before = review.state
    judge_all(review)
    review.go(2)
    while review.undo():
        pass
    assert (review.place, review.state, review.done) == (0, before, 0)
    assert list(read_notes(path)) == [] and read_judgements(judgements_path(path)) == {}


steps = st.lists(
    st.tuples(st.sampled_from(["accept", "dismiss", "correct", "add", "remove", "finish"]), st.integers(0, 5), st.integers(0, 2)),
    max_size=8,
)


def walk(review: FlagReview, taken: list[tuple[str, int, int]]) -> int:
    """Take the steps that are allowed; returns how many were."""
    count = 0
    for kind, number, place in taken:
        review.go(place)
        try:
            if kind == "accept":
                review.accept(number)
            elif kind == "dismiss":
                review.dismiss(number, list(Reason)[number], "a comment")
            elif kind == "correct":
                review.correct(number, Claim("MED-001"))
            elif kind == "add":
                review.add(Claim("CD-003"), number, number + 4)
            elif kind == "remove":
                review.remove(number)
            else:
                review.finish()
        except InputError:
            continue
        count += 1
    return count


def on_disk(path: Path) -> tuple[Any, Any]:
    beside = judgements_path(path)
    return (
        [note.to_dict() for note in read_notes(path)] if path.exists() else [],
        read_judgements(beside) if beside.exists() else {},
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=steps, more=steps)
def test_undoing_as_often_as_judging_leaves_everything_as_it_was(
    sentinel: Sentinel, tmp_path_factory: pytest.TempPathFactory, first: list, more: list
) -> None:
    path = tmp_path_factory.mktemp("review") / "reviewed.jsonl"
    review = FlagReview(NOTES, sentinel, path)
    walk(review, first)
    before = on_disk(path)
    for _ in range(walk(review, more)):
        assert review.undo()
    assert on_disk(path) == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=steps)
def test_what_is_saved_is_read_back_and_saved_again_byte_for_byte(
    sentinel: Sentinel, tmp_path_factory: pytest.TempPathFactory, taken: list
) -> None:
    path = tmp_path_factory.mktemp("review") / "reviewed.jsonl"
    review = FlagReview(NOTES, sentinel, path)
    walk(review, taken)
    beside = judgements_path(path)
    if not beside.exists():
        return
    again = FlagReview(NOTES, sentinel, path)
    for place in range(3):
        review.go(place)
        again.go(place)
        assert again.state == review.state
    copy = path.with_name("copy.jsonl")
    write_judgements(copy, read_judgements(beside).values())
    assert copy.read_bytes() == beside.read_bytes()


def test_each_judgement_leaves_an_event_with_counts_and_no_word(sentinel: Sentinel, path: Path) -> None:
    sink = MemorySink()
    audit = AuditLogger(AuditConfig(service="review", metadata=REVIEW_METADATA), sink=sink)
    review = FlagReview(NOTES, sentinel, path, audit=audit, reviewer=NURSE)
    review.dismiss(0, Reason.SOMEONE_ELSE, "she meant Zebulon")
    review.correct(1, Claim("SH-001"))
    review.finish()
    review.undo()
    events = sink.events
    assert [(event["action"]["type"], event["action"]["name"]) for event in events] == [
        ("READ", "note_shown"),
        ("UPDATE", "flag_dismissed"),
        ("UPDATE", "flag_corrected"),
        ("UPDATE", "note_done"),
        ("UPDATE", "judgement_undone"),
    ]
    assert {event["resource"]["id"] for event in events} == {"n1"}
    assert events[2]["metadata"] == {"open": 0, "accepted": 0, "dismissed": 1, "corrected": 1, "added": 0}
    written = json.dumps(events)
    for secret in ("Zebulon", "suicidal", "hopeless", "SH-00", "HO-0", "someone_else"):
        assert secret not in written
    assert "Zebulon" in judgements_path(path).read_text("utf-8")


def test_a_judgement_that_can_not_be_recorded_is_not_kept(sentinel: Sentinel, path: Path) -> None:
    audit = AuditLogger(AuditConfig(service="review"), sink=MemorySink())
    review = FlagReview(NOTES, sentinel, path, audit=audit, reviewer=NURSE)
    review.accept(0)
    before, files = review.state, on_disk(path)
    audit.close()
    with pytest.raises(SinkError):
        review.dismiss(0, Reason.DENIED)
    assert (review.state, on_disk(path)) == (before, files)


def test_a_note_whose_reading_can_not_be_recorded_is_not_shown(sentinel: Sentinel, path: Path) -> None:
    audit = AuditLogger(AuditConfig(service="review"), sink=MemorySink())
    review = FlagReview(NOTES, sentinel, path, audit=audit, reviewer=NURSE)
    audit.close()
    for _ in range(2):
        with pytest.raises(SinkError):
            _ = review.state


def test_a_judgement_that_can_not_be_saved_is_not_kept_and_its_failure_is_recorded(
    sentinel: Sentinel, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = MemorySink()
    audit = AuditLogger(AuditConfig(service="review"), sink=sink)
    review = FlagReview(NOTES, sentinel, path, audit=audit, reviewer=NURSE)
    before = review.state

    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("bh_lib.evaluate.feedback.session.write_judgements", full)
    with pytest.raises(OSError, match="no space"):
        review.accept(0)
    assert review.state == before
    outcome = sink.events[-1]["outcome"]
    assert (outcome["status"], outcome["error_type"]) == ("FAILURE", "OSError")
    assert "no space" not in json.dumps(sink.events)


def test_a_file_that_no_review_wrote_is_never_replaced(sentinel: Sentinel, path: Path) -> None:
    write_notes(path, NOTES)
    with pytest.raises(InputError, match="choose another file"):
        FlagReview(NOTES, sentinel, path)
    assert list(read_notes(path)) == list(NOTES)


def test_notes_of_an_earlier_sitting_are_kept(sentinel: Sentinel, path: Path) -> None:
    judge_all(FlagReview(NOTES[:1], sentinel, path))
    judge_all(FlagReview(NOTES[2:], sentinel, path))
    assert [note.note_id for note in read_notes(path)] == ["n1", "n3"]
    assert set(read_judgements(judgements_path(path))) == {"n1", "n3"}


def test_two_reviews_of_one_file_do_not_overwrite_each_other(sentinel: Sentinel, path: Path) -> None:
    one, other = FlagReview(NOTES, sentinel, path), FlagReview(NOTES, sentinel, path)
    one.accept(0)
    with pytest.raises(InputError, match="open this one again"):
        other.dismiss(0, Reason.DENIED)
    assert other.state.marks[0].verdict == "open"
    assert read_judgements(judgements_path(path))["n1"][0].marks[0].verdict == "accepted"


def test_a_sitting_that_ended_between_the_two_files_is_made_whole(sentinel: Sentinel, path: Path) -> None:
    judge_all(FlagReview(NOTES, sentinel, path))
    wanted = path.read_bytes()
    path.unlink()
    FlagReview(NOTES, sentinel, path)
    assert path.read_bytes() == wanted


def test_a_text_that_is_not_the_one_that_was_judged_is_refused(sentinel: Sentinel, path: Path) -> None:
    judge_all(FlagReview(NOTES, sentinel, path))
    changed = (LabelledNote("n1", NOTES[0].text.replace("suicidal", "homicidal")),)
    with pytest.raises(InputError, match="not the one that was judged") as refused:
        FlagReview(changed, sentinel, path)
    assert "homicidal" not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        '{"id":"n1","length":5,"text_digest":"x","done":true,"marks":[{"verdict":"glad"}]}',
        '{"id":1,"length":"x"}',
        "[1]",
        "{",
    ],
)
def test_a_judgements_file_with_a_strange_line_is_refused_by_its_line(sentinel: Sentinel, path: Path, line: str) -> None:
    FlagReview(NOTES, sentinel, path).accept(0)
    beside = judgements_path(path)
    beside.write_text(beside.read_text("utf-8") + line + "\n", "utf-8")
    with pytest.raises(InputError, match="line 2") as refused:
        FlagReview(NOTES, sentinel, path)
    assert "glad" not in str(refused.value)


def test_what_can_not_be_reviewed_is_refused(sentinel: Sentinel, path: Path) -> None:
    with pytest.raises(InputError, match="no note"):
        FlagReview([], sentinel, path)
    with pytest.raises(InputError, match="an id of its own"):
        FlagReview([NOTES[0], NOTES[0]], sentinel, path)
    with pytest.raises(ConfigError, match="reviewer"):
        FlagReview(NOTES, sentinel, path, audit=AuditLogger(AuditConfig(service="s"), sink=MemorySink()))
    with pytest.raises(InputError, match="no such note"):
        FlagReview(NOTES, sentinel, path).go(3)
