"""CheckList-style: another pronoun, casing, apostrophe, spacing or shorthand is not another verdict; another meaning is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bh_lib.evaluate import VARIANTS, robustness
from bh_lib.schema.marked import parse_marked
from bh_lib.sentinel import Sentinel

CASES = Path(__file__).parents[1] / "cases"
TEXTS = [
    parse_marked(line)[0]
    for path in sorted(CASES.glob("*.txt"))
    for line in path.read_text("utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]
# What changes no word at all must change no verdict; the others may, in one text of a hundred at most.
SAME_WORDS = ("lower case", "upper case", "curly apostrophe", "double spaces", "no-break spaces")
# A form is read by its marks and lines, and an upper-case note has none that begin a sentence in lower case.
OTHER_WORDS = tuple(name for name in VARIANTS if name not in (*SAME_WORDS, "typing slip"))


@pytest.fixture(scope="module")
def flips():
    return robustness(Sentinel.load().analyze, TEXTS)


@pytest.mark.parametrize("name", SAME_WORDS)
def test_the_same_words_give_the_same_flags(flips, name):
    assert flips[name].n >= 2
    assert flips[name].critical_lost == 0
    assert flips[name].rate <= 0.01


@pytest.mark.parametrize("name", OTHER_WORDS)
def test_a_small_change_of_wording_changes_few_verdicts(flips, name):
    assert flips[name].n >= 2
    assert flips[name].rate <= 0.05


def test_a_typing_slip_changes_fewer_verdicts_than_published_models_do(flips):
    # 13-22 % of variants change a verdict in public models, as measured for the design.
    assert flips["typing slip"].n > 100
    assert flips["typing slip"].rate <= 0.13


@pytest.mark.parametrize(
    ("told", "graver"),
    [
        ("Thinks about dying.", "Thinks about killing herself."),
        ("Thinks about killing herself, no plan.", "Thinks about killing herself, with a plan for tonight."),
        ("Denies suicidal ideation.", "Endorses suicidal ideation."),
        ("Her mother attempted suicide.", "She attempted suicide."),
        ("If she ever thinks of suicide she will call.", "She thinks of suicide and will not call."),
        ("Aborted attempt ten years ago.", "Aborted attempt last week."),
    ],
)
def test_a_graver_meaning_never_gives_a_lower_triage(told, graver):
    sentinel = Sentinel.load()
    before, after = sentinel.analyze(told), sentinel.analyze(graver)
    assert after.c_ssrs.triage >= before.c_ssrs.triage
    assert (after.c_ssrs.triage, after.c_ssrs.ideation_level) > (before.c_ssrs.triage, before.c_ssrs.ideation_level)


@pytest.mark.parametrize(
    "protective", ["He loves his children.", "She is in treatment and takes her medication.", "They have a safety plan."]
)
def test_a_protective_factor_lowers_no_triage(protective):
    sentinel = Sentinel.load()
    danger = "Wants to kill himself tonight with the pills he saved."
    assert sentinel.analyze(f"{danger} {protective}").c_ssrs.triage == sentinel.analyze(danger).c_ssrs.triage
