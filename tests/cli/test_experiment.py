"""``bh experiment``: an empty store says so."""

from __future__ import annotations

import json

import pytest


def test_a_list_without_runs_says_so(bh):
    ran = bh("experiment", "list", "--out", "out")
    assert (ran.status, ran.out) == (0, "there is no run yet: bh experiment run DIR\n")
    assert json.loads(bh("experiment", "list", "--out", "out", "--json").out) == []


@pytest.mark.parametrize("words", [("leaderboard",), ("compare", "a", "b"), ("promote", "a")])
def test_what_needs_a_run_says_in_one_line_that_there_is_none(bh, words):
    assert "run" in bh("experiment", *words, "--out", "out").refused()
