"""A confidence is compared with what came true."""

from __future__ import annotations

import random

import pytest

from bh_lib.evaluate import calibration


def drawn(stretch, n=4000):
    """Confidences that come true as often as they say, or (stretch above 1) that are too sure."""
    from math import exp, log

    source = random.Random(7)
    confidences, right = [], []
    for _ in range(n):
        true = source.uniform(0.05, 0.95)
        odds = log(true / (1 - true)) * stretch
        confidences.append(1 / (1 + exp(-odds)))
        right.append(source.random() < true)
    return confidences, right


def test_honest_confidences_have_a_small_error_and_a_slope_near_one():
    found = calibration(*drawn(1.0))
    assert found.ece < 0.03 and found.slope == pytest.approx(1, abs=0.1)


def test_confidences_that_are_too_sure_have_a_slope_below_one():
    found = calibration(*drawn(2.0))
    assert found.ece > 0.05 and found.slope == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("right", [[True] * 5, [False] * 5])
def test_there_is_no_slope_where_all_are_right_or_all_are_wrong(right):
    assert calibration([0.5, 0.6, 0.7, 0.8, 0.9], right).slope is None


def test_the_bins_hold_every_flag_once():
    found = calibration([0.0, 0.05, 0.99, 1.0], [False, False, True, True])
    assert sum(each.n for each in found.bins) == 4 and len(found.bins) == 2


def test_separable_confidences_end_with_a_finite_slope():
    found = calibration([0.1] * 50 + [0.9] * 50, [False] * 50 + [True] * 50)
    assert found.slope is None or 1 < found.slope < 1e4
