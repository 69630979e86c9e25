"""The truth table of the C-SSRS, row by row."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.cssrs import Profile, Triage, assess
from bh_lib.sentinel.mention import Mention

ITEMS = {0: "PF-001", 1: "SH-001", 2: "SH-002", 3: "SH-003", 4: "SH-004", 5: "SH-005"}
# days, tense, does it fall in the past month (unknown never lowers)
TIMES = [
    (None, Temporality.CURRENT, True),
    (None, Temporality.RECENT, True),
    (None, Temporality.UNKNOWN, True),
    (None, Temporality.HISTORICAL, False),
    (0, Temporality.RECENT, True),
    (31, Temporality.RECENT, True),
    (32, Temporality.RECENT, False),
    (700, Temporality.HISTORICAL, False),
]
TRIAGE = {0: Triage.NONE, 1: Triage.LOW, 2: Triage.LOW, 3: Triage.MODERATE, 4: Triage.HIGH, 5: Triage.HIGH}
# days, tense, whether a cue timed it, the window
WINDOWS = [
    (31, Temporality.RECENT, True, "≤1mo"),
    (32, Temporality.RECENT, True, "≤3mo"),
    (92, Temporality.RECENT, True, "≤3mo"),
    (93, Temporality.HISTORICAL, True, "lifetime"),
    (None, Temporality.HISTORICAL, True, "lifetime"),
    (None, Temporality.RECENT, True, "≤3mo"),
    (None, Temporality.CURRENT, True, "≤1mo"),
    (None, Temporality.CURRENT, False, "unknown"),
    (None, Temporality.UNKNOWN, False, "unknown"),
]
KINDS = {
    "preparatory": ("SH-006", None),
    "nssi": ("SH-007", None),
    "actual_attempt": ("SH-008", None),
    "interrupted": ("SH-008", "interrupted"),
    "aborted": ("SH-008", "aborted"),
}


@pytest.mark.parametrize(
    ("item", "time", "assertion", "experiencer"), list(product(ITEMS, TIMES, Assertion, Experiencer)), ids=lambda value: str(value)
)
def test_ideation_counts_when_it_is_the_patients_and_so_or_possible(item, time, assertion, experiencer):
    days, tense, now = time
    reason = None
    if assertion in (Assertion.NEGATED, Assertion.HYPOTHETICAL):
        reason = assertion.value
    elif experiencer is not Experiencer.PATIENT:
        reason = "other_person"
    elif tense is Temporality.HISTORICAL:
        reason = "historical"
    found = assess([Mention(ITEMS[item], 0, 1, 0, assertion, tense, experiencer, window_days=days, reason=reason)])
    counts = assertion in (Assertion.PRESENT, Assertion.POSSIBLE) and experiencer is Experiencer.PATIENT
    level = item if counts and now else 0
    past = counts and item > 0 and not now
    assert found.ideation_level == level
    assert found.triage is (Triage.LOW if past else TRIAGE[level])
    assert len(found.basis) == int(bool(level) or past)
    assert found.behavior == ()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("days", "tense", "timed", "window"), WINDOWS)
def test_behavior_is_graded_by_its_window_and_unknown_recency_takes_the_higher(kind, days, tense, timed, window):
    flag, told = KINDS[kind]
    found = assess([Mention(flag, 0, 1, 0, temporality=tense, window_days=days, timed=timed, behavior=told)])
    assert [(each.kind, each.window) for each in found.behavior] == [(kind, window)]
    expected = Triage.LOW if kind == "nssi" else Triage.MODERATE if window == "lifetime" else Triage.HIGH
    assert found.triage is expected
    assert found.ideation_level == 0
    assert found.to_dict()["triage"] == expected.name.lower()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", [{"assertion": Assertion.NEGATED}, {"experiencer": Experiencer.FAMILY}, {"reason": "figurative"}])
def test_behavior_that_is_denied_or_anothers_or_a_figure_of_speech_is_none(kind, how):
    flag, told = KINDS[kind]
    found = assess([Mention(flag, 0, 1, 0, behavior=told, **how)])
    assert (found.behavior, found.triage) == ((), Triage.NONE)


def test_of_two_attempts_the_latest_window_stands():
    old, new = Mention("SH-008", 0, 1, 0, window_days=900), Mention("SH-008", 5, 6, 1, window_days=10)
    for order in ([old, new], [new, old]):
        assert [(b.kind, b.window) for b in assess(order).behavior] == [("actual_attempt", "≤1mo")]


def test_present_ideation_is_not_weakened_by_an_older_and_higher_item():
    past = Mention("SH-005", 0, 1, 0, temporality=Temporality.HISTORICAL, reason="historical")
    assert assess([Mention("SH-003", 3, 4, 1), past]).ideation_level == 3


def test_nothing_found_is_level_0_and_no_triage():
    found = assess([])
    assert found.to_dict() == {"ideation_level": 0, "behavior": [], "triage": "none", "basis": []}


MENTIONS = st.lists(
    st.builds(
        Mention,
        st.sampled_from([flag.flag_id for flag in load_taxonomy() if flag.domain == "self_harm"]),
        st.just(0),
        st.just(1),
        st.just(0),
        st.sampled_from(Assertion),
        st.sampled_from(Temporality),
        st.sampled_from(Experiencer),
        window_days=st.none() | st.integers(0, 800),
    ),
    max_size=6,
)


@given(MENTIONS, st.lists(st.sampled_from([f"PF-00{n}" for n in range(1, 6)]), max_size=5))
def test_protective_factors_never_change_anything(mentions, factors):
    assert assess([*mentions, *(Mention(flag, 0, 1, 0) for flag in factors)]) == assess(mentions)


@given(MENTIONS, MENTIONS)
def test_one_more_mention_never_lowers_level_or_triage(mentions, more):
    less, all_of_them = assess(mentions), assess([*mentions, *more])
    assert all_of_them.ideation_level >= less.ideation_level
    assert all_of_them.triage >= less.triage


@given(MENTIONS, st.randoms())
def test_the_order_of_mentions_does_not_matter(mentions, random):
    shuffled = random.sample(mentions, len(mentions))
    assert assess(shuffled) == assess(mentions)


def test_a_site_sets_its_own_points_in_a_profile():
    strict = Profile(
        "strict", high_item=2, moderate_item=1, past_behavior=Triage.HIGH, past_ideation=Triage.MODERATE, nssi=Triage.HIGH
    )
    past = Mention("SH-002", 0, 1, 0, temporality=Temporality.HISTORICAL, reason="historical")
    old = Mention("SH-008", 0, 1, 0, window_days=900)
    for mention, triage in ((Mention("SH-002", 0, 1, 0), 3), (Mention("SH-001", 0, 1, 0), 2), (past, 2), (old, 3)):
        assert assess([mention], strict).triage == triage
    assert assess([Mention("SH-007", 0, 1, 0)], strict).triage is Triage.HIGH


@pytest.mark.parametrize(
    "wrong",
    [{"high_item": 6}, {"moderate_item": 0}, {"moderate_item": 5, "high_item": 4}, {"recent_behavior": Triage.LOW}],
)
def test_a_profile_that_contradicts_itself_is_refused(wrong):
    with pytest.raises(ValueError, match=r"item|behavior"):
        Profile(**wrong)
