"""One note under review: what may be said of a flag, and what label comes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.errors import InputError
from bh_lib.evaluate.feedback import REASONS, Claim, NoteReview, Reason, Verdict, labelled
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.note import LabelledNote
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel import Sentinel

TEXT = "Endorses suicidal ideation. Denies homicidal ideation. His brother attempted suicide in 2011."
NOTE = LabelledNote("n1", TEXT, register="intake_note", group="family-1", any_signal=False)


@pytest.fixture(scope="module")
def proposed() -> NoteReview:
    return NoteReview.propose("n1", len(TEXT), Sentinel.load().analyze(TEXT).to_dict())


def label(state: NoteReview) -> LabelledNote:
    return labelled(NOTE, state.finish())


def kinds(note: LabelledNote) -> dict[str, str]:
    return {span.flag_id: f"{span.assertion.value} {span.temporality.value} {span.experiencer.value}" for span in note.spans}


def test_raised_flags_wait_for_a_judgement_and_held_back_ones_do_not(proposed: NoteReview) -> None:
    assert [(mark.claim.flag_id, mark.held_back) for mark in proposed.marks][:2] == [("SH-002", None), ("HO-001", "negated")]
    assert [proposed.marks[number].claim.flag_id for number in proposed.open] == ["SH-002"]
    assert proposed.counts["open"] == 1


def test_a_note_is_not_done_while_a_flag_is_open(proposed: NoteReview) -> None:
    with pytest.raises(InputError, match="still open"):
        proposed.finish()


def test_an_accepted_flag_stands_and_what_nobody_looked_at_is_no_mention(proposed: NoteReview) -> None:
    note = label(proposed.accept(0))
    assert note.flags == ("SH-002",)
    assert set(kinds(note)) == {"SH-002"}
    assert (note.register, note.group, note.any_signal) == ("intake_note", "family-1", None)


def test_agreeing_that_a_flag_is_held_back_keeps_the_mention(proposed: NoteReview) -> None:
    note = label(proposed.accept(0).accept(1))
    assert note.flags == ("SH-002",)
    assert kinds(note)["HO-001"].startswith("negated")


@pytest.mark.parametrize(
    ("reason", "mention"),
    [
        (Reason.DENIED, "negated current patient"),
        (Reason.HYPOTHETICAL, "hypothetical current patient"),
        (Reason.PAST, "present historical patient"),
        (Reason.SOMEONE_ELSE, "present current other"),
        (Reason.FIGURATIVE, None),
        (Reason.QUOTED, None),
        (Reason.OTHER_MEANING, None),
        (Reason.OTHER, None),
    ],
)
def test_a_dismissed_flag_does_not_stand_and_its_reason_says_what_the_words_are(
    proposed: NoteReview, reason: Reason, mention: str | None
) -> None:
    # As if the text said when it is so.
    first = proposed.marks[0]
    claim = Claim("SH-002", temporality=Temporality.CURRENT)
    state = NoteReview("n1", len(TEXT), (type(first)(claim, first.places, claim),))
    note = label(state.dismiss(0, reason))
    assert note.flags == ()
    assert kinds(note).get("SH-002") == mention


def test_a_flag_that_is_true_but_not_needed_stands_in_the_labels(proposed: NoteReview) -> None:
    state = proposed.dismiss(0, Reason.NOT_NEEDED)
    assert (state.counts["dismissed"], label(state).flags) == (1, ("SH-002",))


def test_a_past_attempt_dismissed_as_past_is_no_mention_that_says_the_contrary() -> None:
    claim = Claim("SH-008", temporality=Temporality.HISTORICAL)
    state = NoteReview.propose(
        "n1", len(TEXT), {"flags": [{"flag_id": "SH-008", "spans": [{"start": 0, "end": 8}]}], "suppressed": []}
    )
    note = label(state.dismiss(0, Reason.PAST))
    assert (note.flags, note.spans) == ((), ())
    assert label(state.correct(0, claim)).flags == ("SH-008",)


def test_a_correction_says_what_is_so_instead(proposed: NoteReview) -> None:
    state = proposed.correct(0, Claim("SH-001"))
    assert (state.marks[0].verdict, label(state).flags) == (Verdict.CORRECTED, ("SH-001",))
    other = proposed.correct(0, Claim("SH-002", experiencer=Experiencer.FAMILY))
    assert label(other).flags == ()
    possible = proposed.correct(1, Claim("HO-001", assertion=Assertion.POSSIBLE)).accept(0)
    assert label(possible).flags == ("SH-002", "HO-001")


def test_a_correction_that_changes_nothing_is_refused(proposed: NoteReview) -> None:
    with pytest.raises(InputError, match="accept"):
        proposed.correct(0, proposed.marks[0].claim)


def test_an_added_flag_stands_on_its_words_and_can_be_removed(proposed: NoteReview) -> None:
    state = proposed.accept(0).add(Claim("CD-003"), 9, 26)
    assert label(state).flags == ("SH-002", "CD-003")
    assert label(state.remove(len(state.marks) - 1)) == label(proposed.accept(0))
    with pytest.raises(InputError, match="already"):
        state.add(Claim("CD-003"), 9, 26)


@pytest.mark.parametrize(
    ("step", "rule"),
    [
        (lambda state: state.accept(99), "no such flag"),
        (lambda state: state.accept("0"), "no such flag"),
        (lambda state: state.dismiss(0, "bored"), "the reason is one of"),
        (lambda state: state.dismiss(0, ["denied"]), "the reason is one of"),
        (lambda state: state.dismiss(1, Reason.DENIED), "only a flag that was raised"),
        (lambda state: state.dismiss(0, Reason.OTHER, "x" * 2001), "at most 2,000"),
        (lambda state: state.correct(0, Claim("SH-999")), "flags.toml"),
        (lambda state: state.add(Claim("SH-001"), 5, 5), "select the words"),
        (lambda state: state.add(Claim("SH-001"), 0, 10_000), "select the words"),
        (lambda state: state.add(Claim("SH-001"), True, 5), "select the words"),
        (lambda state: state.remove(0), "dismiss it"),
        (lambda state: state.add(Claim("SH-001"), 0, 5).accept(len(state.marks)), "added this flag yourself"),
        (lambda state: labelled(NOTE, state), "isn't done"),
        (lambda state: labelled(LabelledNote("n2", TEXT), state), "another note"),
    ],
)
def test_what_can_not_be_said_is_refused_without_repeating_it(proposed: NoteReview, step, rule: str) -> None:
    with pytest.raises(InputError, match=rule) as refused:
        step(proposed)
    assert "bored" not in str(refused.value) and "SH-999" not in str(refused.value)


def test_a_comment_that_no_file_could_hold_is_made_fit_for_one(proposed: NoteReview) -> None:
    assert proposed.dismiss(0, Reason.OTHER, " half \ud83d ").marks[0].comment == "half ?"


def test_every_reason_has_words_of_its_own() -> None:
    assert set(REASONS) == set(Reason)
    assert len(set(REASONS.values())) == len(Reason) == 9


@given(st.data())
def test_whatever_is_judged_a_done_note_is_a_labelled_note_that_can_be_read_back(data: st.DataObject) -> None:
    from bh_lib.schema.note import parse_note

    ids = st.sampled_from(load_taxonomy().ids)
    places = st.tuples(st.integers(0, len(TEXT) - 2), st.integers(1, 9)).map(
        lambda place: {"start": place[0], "end": min(place[0] + place[1], len(TEXT))}
    )
    spans = st.lists(places, min_size=1, max_size=3)
    raised = data.draw(st.lists(st.fixed_dictionaries({"flag_id": ids, "spans": spans}), max_size=4))
    held = data.draw(
        st.lists(
            st.fixed_dictionaries(
                {"flag_id": ids, "spans": spans, "reason": st.sampled_from(["negated", "historical", "other_person", "fiction"])}
            ),
            max_size=2,
        )
    )
    state = NoteReview.propose("n1", len(TEXT), {"flags": raised, "suppressed": held})
    for number in state.open:
        reason = data.draw(st.sampled_from([None, *Reason]))
        state = state.accept(number) if reason is None else state.dismiss(number, reason)
    note = label(state)
    assert parse_note(note.to_dict()) == note
    kept = {mark.claim.flag_id for mark in state.marks if mark.raised and (mark.reason is None or mark.reason is Reason.NOT_NEEDED)}
    assert set(note.flags) == kept
