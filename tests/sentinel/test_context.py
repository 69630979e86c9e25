"""Context: what decides, and what a cue may not reach."""

from __future__ import annotations

import pytest

from bh_lib.errors import KnowledgeError
from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.cues import load_cues, parse_cues, tokens
from bh_lib.sentinel.when import moments, when


def test_no_improvement_denies_nothing_and_a_denial_after_it_is_heard(sentinel: Sentinel) -> None:
    analysis = sentinel.analyze("No improvement in sleep. Denies suicidal ideation.").to_dict()
    assert analysis["summary"]["max_severity"] != "CRITICAL"
    assert "SH-002" in {row["flag_id"] for row in analysis["suppressed"] if row["reason"] == "negated"}


def test_ideation_with_a_plan_is_read_as_a_plan(sentinel: Sentinel) -> None:
    assert "SH-005" in {row["flag_id"] for row in sentinel.analyze("SI with plan.").to_dict()["flags"]}


def test_know_holds_no_no() -> None:
    assert [word for word, _, _ in tokens("you know")] == ["you", "know"]
    assert list(load_cues().find(tokens("you know now nowhere notable"))) == [] or all(
        found.cue.kind != "negation" for found in load_cues().find(tokens("you know now nowhere notable"))
    )


def test_a_present_mention_is_not_weakened_by_a_past_one_elsewhere(sentinel: Sentinel) -> None:
    alone = sentinel.analyze("Reports suicidal ideation.").to_dict()
    both = sentinel.analyze("History of suicidal ideation in 2012. Reports suicidal ideation.").to_dict()
    pick = [next(row for row in each["flags"] if row["flag_id"] == "SH-002") for each in (alone, both)]
    assert [row["temporality"] for row in pick] == ["current", "current"]
    assert alone["c_ssrs"]["ideation_level"] == both["c_ssrs"]["ideation_level"] == 2


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("overdosed 3 weeks ago", 21),
        ("overdosed a month ago", 30),
        ("overdosed years ago", 3 * 365),
        ("overdosed last night", 3),
        ("overdosed in 2020", 6 * 365),
    ],
)
def test_a_phrase_tells_how_long_ago(text: str, days: int) -> None:
    moment = when(text, 0, 9, moments(text, 2026))
    assert moment is not None
    assert moment.days == days


def test_qualify_names_the_cues_and_never_the_words(sentinel: Sentinel) -> None:
    text = "Denies suicidal ideation."
    context = sentinel.qualify(text, 7, 24)
    assert context.negated
    assert context.cues == ("negation.list",)


@pytest.mark.parametrize(
    "row",
    [
        {"id": "x", "kind": "nonsense", "phrases": ["no"]},
        {"id": "x", "kind": "negation", "direction": "sideways", "phrases": ["no"]},
        {"id": "x", "kind": "negation", "direction": "forward", "reach": "far", "phrases": ["no"]},
        {"id": "x", "kind": "negation", "direction": "forward", "phrases": []} | {"phrases": "no"},
        {"id": "x", "kind": "negation", "direction": "forward", "phrases": ["no"], "extra": 1},
    ],
)
def test_a_wrong_cue_is_refused_by_its_number(row: dict[str, object]) -> None:
    with pytest.raises(KnowledgeError, match="cue 1"):
        parse_cues({"taxonomy_version": "1.0.0", "reference_year": 2026, "cue": [row]})
