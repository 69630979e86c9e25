"""A worse model is refused, and told why."""

from __future__ import annotations

import pytest

from bh_lib.errors import GateError
from bh_lib.evaluate import Outcome
from bh_lib.lab.gate import GateCheck, Judged, gate, require_gate


def judged(found, n=80, confidence=0.95, seconds=0.01, alarms=0, critical_alarms=0):
    outcomes = [
        Outcome(str(k), frozenset({"SH-005"}), {"SH-005": confidence} if k < found * n else {}, group=str(k)) for k in range(n)
    ]
    for k in range(n):
        false = {"CD-003": confidence} if k < alarms else {"SH-002": confidence} if k < critical_alarms else {}
        outcomes.append(Outcome(f"b{k}", frozenset(), false, group=f"b{k}"))
    return Judged(tuple(outcomes), seconds)


def failed(candidate, champion, rules=None):
    return [check.name for check in gate(candidate, champion, rules or judged(0.5)) if not check.held]


def test_a_better_model_passes():
    assert failed(judged(1.0), judged(0.9)) == []


def test_the_first_model_has_only_the_rules_to_beat():
    assert failed(judged(0.9), None) == []


def test_losing_critical_flags_is_refused_and_named():
    names = failed(judged(0.6), judged(0.95))
    assert "critical sensitivity not worse than the champion" in names
    with pytest.raises(GateError, match=r"critical sensitivity not worse than the champion \(0\.600 against 0\.950"):
        require_gate(gate(judged(0.6), judged(0.95), judged(0.5)))


def test_a_model_worse_than_the_rules_alone_is_refused():
    assert "critical sensitivity not worse than the rules alone" in failed(judged(0.2), None)


def test_flooding_with_alarms_is_refused():
    assert {"micro-F1 not worse than the champion", "calibration"} <= set(failed(judged(0.95, alarms=60), judged(0.95)))


def test_false_critical_alarms_are_refused_though_all_that_is_there_is_found():
    names = failed(judged(0.95, critical_alarms=30), judged(0.95))
    assert "critical PPV not worse than the champion" in names and "critical sensitivity not worse than the champion" not in names
    with pytest.raises(GateError, match=r"critical PPV not worse than the champion \(0\.717 against 1\.000"):
        require_gate(gate(judged(0.95, critical_alarms=30), judged(0.95), judged(0.5)))


def test_confidences_that_lie_are_refused():
    names = failed(judged(0.95, confidence=0.5), judged(0.95))
    assert names == ["calibration", "calibration not worse than the champion"]


def test_confidences_that_hold_the_bound_but_not_the_champions_are_refused():
    checks = {check.name: check for check in gate(judged(0.95, confidence=0.92), judged(0.95, confidence=0.99), judged(0.5))}
    assert checks["calibration"].held and not checks["calibration not worse than the champion"].held
    assert checks["calibration not worse than the champion"].figures == "0.080 against 0.010, difference +0.070 to +0.070"


def test_a_champion_that_was_badly_calibrated_does_not_lower_the_bar():
    assert failed(judged(0.95, confidence=0.6), judged(0.95, confidence=0.5)) == ["calibration"]


def test_notes_that_failed_their_checks_are_named():
    checks = gate(judged(1.0), None, judged(0.5), checked=GateCheck("expectations of the notes", False, "one fails"))
    with pytest.raises(GateError, match=r"not promoted: expectations of the notes \(one fails\)$"):
        require_gate(checks)


def test_a_slow_model_is_refused():
    assert failed(judged(0.95, seconds=0.05), judged(0.95)) == ["latency"]


def test_too_few_notes_prove_nothing():
    assert "enough notes" in failed(judged(1.0, n=10), judged(0.9, n=10), judged(0.5, n=10))
