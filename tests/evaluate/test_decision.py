"""What an alert is worth: by hand, and by the laws that hold for any answers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.errors import InputError
from bh_lib.evaluate import Outcome
from bh_lib.evaluate.decision import alert_budget, at_prevalence, net_benefit, predictive_values

ANSWERS = st.lists(st.tuples(st.booleans(), st.sampled_from([None, 0.2, 0.6, 0.95])), min_size=1, max_size=40)


def outcomes(answers):
    return [
        Outcome(str(k), frozenset({"SH-002"} if truth else ()), {} if sure is None else {"SH-002": sure}, group=str(k))
        for k, (truth, sure) in enumerate(answers)
    ]


def test_net_benefit_is_true_less_false_by_the_odds():
    (row,) = net_benefit(outcomes([(True, 0.9)] * 3 + [(False, 0.9)] * 2 + [(True, None)] + [(False, None)] * 4), [0.2])
    assert row["net_benefit"] == pytest.approx(3 / 10 - 2 / 10 * 0.25)
    assert row["alert_on_all"] == pytest.approx(4 / 10 - 6 / 10 * 0.25)
    assert row["alerts_per_1000"] == 500


@settings(max_examples=80, deadline=None)
@given(ANSWERS)
def test_nothing_is_worth_more_than_finding_all_and_raising_nothing_else(answers):
    share = sum(truth for truth, _ in answers) / len(answers)
    assert all(row["net_benefit"] <= share + 1e-12 for row in net_benefit(outcomes(answers)))


@settings(max_examples=80, deadline=None)
@given(ANSWERS)
def test_a_larger_budget_never_finds_less_and_is_never_overdrawn(answers):
    rows = alert_budget(outcomes(answers), [0, 50, 200, 500, 1000])
    found = [row["sensitivity"] for row in rows]
    assert found == sorted(found) and all(row["alerts_per_1000"] <= row["budget_per_1000"] for row in rows)


def test_notes_that_rank_alike_are_taken_together_or_not_at_all():
    tied = outcomes([(True, 0.6)] * 4 + [(False, None)] * 6)
    assert alert_budget(tied, [300])[0] == {"budget_per_1000": 300, "alerts_per_1000": 0.0, "sensitivity": 0.0}
    assert alert_budget(tied, [400])[0]["sensitivity"] == 1.0


def test_the_ppv_at_the_prevalence_of_the_notes_is_the_one_that_was_measured():
    truth, guess = [True] * 20 + [False] * 80, [True] * 15 + [False] * 5 + [True] * 8 + [False] * 72
    found = at_prevalence([str(k) for k in range(100)], truth, guess, [0.2, 0.01])
    same, rare = found["at"]
    assert same["ppv"] == pytest.approx(15 / 23) and same["npv"] == pytest.approx(72 / 77)
    assert rare["ppv"] < same["ppv"] and rare["ci95"][0] < rare["ppv"] < rare["ci95"][1]


@given(st.floats(0.01, 1), st.floats(0, 0.99), st.floats(0.01, 0.98))
def test_the_more_common_the_signal_the_higher_the_ppv(sensitivity, specificity, prevalence):
    lower, _ = predictive_values(sensitivity, specificity, prevalence)
    higher, _ = predictive_values(sensitivity, specificity, prevalence + 0.01)
    assert higher >= lower


def test_one_side_alone_says_nothing_of_a_predictive_value():
    assert at_prevalence(["a"], [True], [True]) is None and at_prevalence(["a"], [False], [True]) is None


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, float("nan")])
def test_a_prevalence_that_is_none_is_refused(prevalence):
    with pytest.raises(InputError, match="between 0 and 1"):
        at_prevalence(["a"], [True], [True], [prevalence])
