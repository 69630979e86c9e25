"""Two systems on the same notes."""

from __future__ import annotations

import pytest

from bh_lib.errors import InputError
from bh_lib.evaluate import Outcome, compare, critical_cells


def outcomes(raised, n=60):
    return [Outcome(str(k), frozenset({"SH-005"}), {"SH-005": 1.0} if raised(k) else {}, group=str(k // 2)) for k in range(n)]


def test_a_system_against_itself_differs_by_nothing():
    same = compare(outcomes(lambda k: k % 3), outcomes(lambda k: k % 3))
    assert same.value == 0 and same.ci95 == (0, 0) and not same.worse and not same.better


def test_a_clear_loss_of_critical_recall_is_called_worse():
    loss = compare(outcomes(lambda k: True), outcomes(lambda k: k % 2), critical_cells, "recall")
    assert loss.value == -0.5 and loss.worse


def test_one_note_more_is_not_called_better():
    assert not compare(outcomes(lambda k: k > 2), outcomes(lambda k: k > 1)).better


def test_other_notes_cannot_be_compared():
    with pytest.raises(InputError, match="same labelled notes"):
        compare(outcomes(bool), outcomes(bool, n=59))


def test_the_errors_that_are_compared_are_those_of_the_calibration():
    from bh_lib.evaluate import calibration, compare_calibration

    def sure(shift):
        return [
            Outcome(
                str(k), frozenset({"SH-005"} if k % 3 else ()), {"SH-005": (k % 10) / 10 + shift, "CD-003": 0.4}, group=str(k // 2)
            )
            for k in range(60)
        ]

    def error(outcomes):
        raised = [(conf, flag in o.truth) for o in outcomes for flag, conf in o.guess.items()]
        return calibration([conf for conf, _ in raised], [right for _, right in raised]).ece

    found = compare_calibration(sure(0.01), sure(0.05))
    assert -found.first == pytest.approx(error(sure(0.01))) and -found.second == pytest.approx(error(sure(0.05)))
    assert compare_calibration(sure(0.01), [Outcome(str(k), o.truth, {}) for k, o in enumerate(sure(0))]) is None
