"""Intervals come from whole families."""

from __future__ import annotations

import numpy as np
import pytest

from bh_lib.evaluate.interval import score_intervals


def cells(right):
    values = np.zeros((len(right), 1, 3))
    for row, hit in enumerate(right):
        values[row, 0, 0 if hit else 2] = 1
    return values


def width(groups, right):
    low, high = score_intervals(groups, cells(right))[0].recall
    return high - low


def test_notes_of_one_family_count_as_one_witness():
    right = [n % 4 < 2 for n in range(80)]
    alone = width([str(n) for n in range(80)], right)
    families = width([str(n % 4) for n in range(80)], right)
    assert families > 2 * alone


def test_the_interval_is_about_as_wide_as_theory_says():
    right = [n % 2 == 0 for n in range(400)]
    assert width([str(n) for n in range(400)], right) == pytest.approx(2 * 1.96 * (0.25 / 400) ** 0.5, rel=0.12)


def test_what_is_never_defined_has_no_interval():
    assert score_intervals(["a", "b"], np.zeros((2, 1, 3)))[0].to_dict() == {}
