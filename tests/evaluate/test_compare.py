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
