"""What an alert is worth where it is used: net benefit, predictive value at another prevalence, and a budget of alerts.

The decision is the gravest one: look at this note now, for a critical flag. A corpus is richer in signals than a clinic's day, so a
PPV measured on it says little of the clinic; at a stated prevalence it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bh_lib._extras import require
from bh_lib.errors import InputError
from bh_lib.evaluate.interval import group_counts, resample
from bh_lib.evaluate.outcome import Outcome
from bh_lib.evaluate.ranking import critical_rank
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["BUDGETS", "PREVALENCES", "THRESHOLDS", "alert_budget", "at_prevalence", "net_benefit", "predictive_values"]

THRESHOLDS: Final = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Odds at which a reader would look: at .1, nine looks for nothing are held to be worth one that finds something."""
PREVALENCES: Final = (0.01, 0.02, 0.05, 0.1)
BUDGETS: Final = (10, 50, 100, 200)
"""Notes that may be alerted on, of a thousand."""


def _truth(outcomes: Sequence[Outcome]) -> list[bool]:
    grave = frozenset(load_taxonomy().critical)
    return [bool(grave & (outcome.truth or frozenset())) for outcome in outcomes]


def _chance(outcome: Outcome) -> float:
    """The confidence of the surest critical flag; of one that wasn't raised nor held to be denied, a classifier's score."""

    def of(flag: str) -> float:
        if flag in outcome.guess:
            return outcome.guess[flag]
        return 0.0 if flag in outcome.suppressed else outcome.scores.get(flag, 0.0)

    return max(of(flag) for flag in load_taxonomy().critical)


def net_benefit(outcomes: Sequence[Outcome], thresholds: Sequence[float] = THRESHOLDS) -> list[dict[str, float]]:
    """Decision curve (Vickers and Elkin, Med Decis Making 2006;26:565-574), beside alerting on every note; on none is zero.

    True positives of all notes, less false positives weighed by the odds of the threshold. A note is alerted on where its surest
    critical flag is at least as sure as the threshold.

    Examples
    --------
    >>> ill, well = Outcome("a", frozenset({"SH-002"}), {"SH-002": 0.9}), Outcome("b", frozenset(), {})
    >>> net_benefit([ill, well], [0.2])
    [{'threshold': 0.2, 'net_benefit': 0.5, 'alert_on_all': 0.375, 'alerts_per_1000': 500.0}]
    """
    if not outcomes:
        return []
    truth, n = _truth(outcomes), len(outcomes)
    chances = [_chance(outcome) for outcome in outcomes]
    rows = []
    for threshold in thresholds:
        odds = threshold / (1 - threshold)
        alerted = [chance >= threshold for chance in chances]
        hits = sum(true and raised for true, raised in zip(truth, alerted, strict=True))
        rows.append(
            {
                "threshold": threshold,
                "net_benefit": (hits - (sum(alerted) - hits) * odds) / n,
                "alert_on_all": (sum(truth) - (n - sum(truth)) * odds) / n,
                "alerts_per_1000": 1000 * sum(alerted) / n,
            }
        )
    return rows


def alert_budget(outcomes: Sequence[Outcome], budgets: Sequence[int] = BUDGETS) -> list[dict[str, float]]:
    """Share of the notes with a critical flag that is found when no more than so many of a thousand notes may be alerted on.

    Notes are taken from the surest on. Notes that rank alike are taken together or not at all, so less than the budget may be used.

    Examples
    --------
    >>> ill, well = Outcome("a", frozenset({"SH-002"}), {"SH-002": 0.9}), Outcome("b", frozenset(), {})
    >>> alert_budget([ill, well], [500])
    [{'budget_per_1000': 500, 'alerts_per_1000': 500.0, 'sensitivity': 1.0, 'ppv': 1.0}]
    """
    truth, n = _truth(outcomes), len(outcomes)
    if not any(truth):
        return []
    ranked = sorted(zip((critical_rank(outcome) for outcome in outcomes), truth, strict=True), key=lambda pair: -pair[0])
    rows = []
    for budget in budgets:
        taken = min(int(budget * n / 1000), n)
        while 0 < taken < n and ranked[taken - 1][0] == ranked[taken][0]:
            taken -= 1
        while taken and ranked[taken - 1][0] <= 0:  # a note that nothing ranks isn't alerted on because there is room
            taken -= 1
        hits = sum(true for _, true in ranked[:taken])
        row = {"budget_per_1000": budget, "alerts_per_1000": 1000 * taken / n, "sensitivity": hits / sum(truth)}
        rows.append(row | ({"ppv": hits / taken} if taken else {}))
    return rows


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float | None, float | None]:
    """PPV and NPV by Bayes' rule; None where nothing is alerted on, or everything.

    Examples
    --------
    >>> ppv, npv = predictive_values(0.9, 0.9, 0.1)
    >>> round(ppv, 3), round(npv, 3)
    (0.5, 0.988)
    """
    right, wrong = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    spared, missed = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return (right / (right + wrong) if right + wrong else None, spared / (spared + missed) if spared + missed else None)


def at_prevalence(
    groups: Sequence[str], truth: Sequence[bool], guess: Sequence[bool], prevalences: Sequence[float] = PREVALENCES
) -> dict[str, Any] | None:
    """PPV and NPV where signals are as common as stated; PPV with its 95 % interval, seed families resampled.

    None where either side is missing from the notes: then sensitivity or specificity is not known. Where no false alarm was seen,
    the PPV reads 1 and its interval is empty; ``negatives`` says among how few.

    Raises
    ------
    InputError
        If a prevalence is not between 0 and 1.

    Examples
    --------
    >>> found = at_prevalence(list("abcd"), [True, True, False, False], [True, False, False, True], [0.5])
    >>> found["sensitivity"], found["specificity"], found["at"][0]["ppv"]
    (0.5, 0.5, 0.5)
    """
    if not all(0 < each < 1 for each in prevalences):
        raise InputError("a prevalence lies between 0 and 1")
    if not any(truth) or all(truth):
        return None
    np = require("numpy", extra="ml")
    cells = np.array([[t and g, g and not t, t and not g, not t and not g] for t, g in zip(truth, guess, strict=True)], dtype=float)
    sums = group_counts(groups, cells)
    tp, fp, fn, tn = sums.sum(axis=0)
    sensitivity, specificity = float(tp / (tp + fn)), float(tn / (tn + fp))
    drawn = resample(sums)
    rows = []
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitive, spared = drawn[:, 0] / (drawn[:, 0] + drawn[:, 2]), drawn[:, 3] / (drawn[:, 3] + drawn[:, 1])
        for prevalence in prevalences:
            ppv, npv = predictive_values(sensitivity, specificity, prevalence)
            right, wrong = sensitive * prevalence, (1 - spared) * (1 - prevalence)
            values = right / (right + wrong)
            values = values[~np.isnan(values)]
            row: dict[str, Any] = {"prevalence": prevalence}
            row |= {name: value for name, value in (("ppv", ppv), ("npv", npv)) if value is not None}
            if len(values):
                row["ci95"] = [float(edge) for edge in np.percentile(values, [2.5, 97.5])]
            rows.append(row)
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "positives": int(tp + fn),
        "negatives": int(tn + fp),
        "at": rows,
    }
