"""How often a flag was dismissed, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.errors import InputError
from bh_lib.evaluate.feedback import Claim, NoteReview, Reason, dismiss_rates
from bh_lib.evaluate.feedback.rates import wilson
from bh_lib.evaluate.feedback.store import judgements_path, write_judgements


def saved(path: Path, states: list[NoteReview]) -> Path:
    write_judgements(judgements_path(path), [(state, "sha256:0") for state in states])
    return path


def raised(number: int, *flags: str) -> NoteReview:
    spans = [{"start": 0, "end": 4}]
    return NoteReview.propose(f"n{number}", 10, {"flags": [{"flag_id": flag, "spans": spans} for flag in flags], "suppressed": []})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Twelve notes with SH-002, of which three are dismissed and one corrected; two more with CD-003, one dismissed, one open."""
    states = [raised(number, "SH-002") for number in range(12)]
    states[0], states[1] = states[0].dismiss(0, Reason.DENIED), states[1].dismiss(0, Reason.DENIED)
    states[2] = states[2].dismiss(0, Reason.PAST)
    states[3] = states[3].correct(0, Claim("SH-001"))
    states[4:] = [state.accept(0) for state in states[4:]]
    states.append(raised(12, "CD-003").dismiss(0, Reason.NOT_NEEDED))
    states.append(raised(13, "CD-003").add(Claim("SH-003"), 5, 9))
    return saved(tmp_path / "reviewed.jsonl", states)


def test_a_flag_counts_as_often_as_it_was_raised_and_judged(path: Path) -> None:
    frame = dismiss_rates(path)
    assert list(frame.index) == ["CD-003", "SH-002"]
    counts = frame.loc["SH-002", ["judged", "accepted", "corrected", "dismissed"]].tolist()
    assert (counts, frame.loc["SH-002", "rate"]) == ([12, 8, 1, 3], 0.25)
    assert (round(frame.loc["SH-002", "low"], 3), round(frame.loc["SH-002", "high"], 3)) == (0.089, 0.532)
    assert frame["verdict"].tolist() == ["insufficient", "ok"]


def test_a_reason_has_its_share_of_all_dismissals(path: Path) -> None:
    frame = dismiss_rates(judgements_path(path), by="reason")
    assert frame["share"].to_dict() == {"denied": 0.5, "past": 0.25, "not_needed": 0.25}
    assert all(frame["low"] <= frame["share"]) and all(frame["share"] <= frame["high"])
    assert set(frame["verdict"]) == {"insufficient"}


@pytest.mark.parametrize("by", ["flag", "reason"])
def test_where_nothing_was_judged_the_table_is_empty(tmp_path: Path, by: str) -> None:
    assert dismiss_rates(saved(tmp_path / "r.jsonl", [raised(1, "SH-002")]), by=by).empty


def test_without_judgements_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        dismiss_rates(tmp_path / "r.jsonl")
    with pytest.raises(InputError, match="flag or reason"):
        dismiss_rates(saved(tmp_path / "r.jsonl", []), by="mood")


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_share_and_is_mirrored(trial: tuple[int, int]) -> None:
    hits, n = trial
    low, high = wilson(hits, n)
    assert 0 <= low <= hits / n <= high <= 1
    assert wilson(n - hits, n) == pytest.approx((1 - high, 1 - low))


def test_an_interval_is_the_one_that_scipy_gives() -> None:
    stats = pytest.importorskip("scipy.stats")
    for hits, n in ((0, 3), (3, 12), (50, 100), (7, 7)):
        found = stats.binomtest(hits, n).proportion_ci(method="wilson")
        assert wilson(hits, n) == pytest.approx((found.low, found.high), abs=1e-6)
