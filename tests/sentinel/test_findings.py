"""One finding a raised flag: how it stands, how sure, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bh_lib.schema.mention import Assertion, Temporality
from bh_lib.schema.taxonomy import Severity
from bh_lib.sentinel.conditions import Evidence
from bh_lib.sentinel.cssrs import CSsrs, Triage, assess
from bh_lib.sentinel.findings import findings, summarize, suppressed
from bh_lib.sentinel.mention import Mention
from bh_lib.sentinel.rules import Decision, apply_rules

NOTHING = Decision({}, False, (), ())


def found(*mentions, decision=NOTHING):
    return {finding.flag_id: finding for finding in findings(mentions, decision)}


def test_what_is_not_raised_is_no_finding_and_keeps_its_reason():
    denied, past = Mention("SH-002", 0, 4, 0, reason="negated"), Mention("SH-002", 9, 12, 1, reason="historical")
    assert found(denied, past) == {}
    assert [(item.flag_id, item.reason) for item in suppressed([denied, past])] == [("SH-002", "historical"), ("SH-002", "negated")]


def test_a_flag_can_be_raised_in_one_place_and_denied_in_another():
    mentions = [Mention("SH-002", 0, 4, 0, reason="negated"), Mention("SH-002", 9, 12, 1)]
    assert [span.start for span in found(*mentions)["SH-002"].spans] == [9]
    assert [span.start for span in suppressed(mentions)[0].spans] == [0]


def test_present_and_current_stand_before_possible_and_past():
    past = Mention("SH-008", 0, 4, 0, temporality=Temporality.HISTORICAL)
    maybe = Mention("SH-008", 5, 9, 0, Assertion.POSSIBLE)
    now = Mention("SH-008", 10, 14, 1)
    one = found(past, maybe, now)["SH-008"]
    assert (one.assertion, one.temporality, len(one.spans)) == (Assertion.PRESENT, Temporality.CURRENT, 3)


def test_time_that_is_not_known_is_graver_than_the_past():
    unknown, past = (Mention("SH-008", 0, 4, 0, temporality=time) for time in (Temporality.UNKNOWN, Temporality.HISTORICAL))
    assert found(past, unknown)["SH-008"].temporality is Temporality.UNKNOWN


def test_two_layers_are_two_pieces_of_evidence_and_ten_mentions_of_one_are_not():
    pattern, model = Mention("CD-001", 0, 4, 0, confidence=0.8), Mention("CD-001", 0, 9, 0, layer="transformer", confidence=0.5)
    assert found(*[pattern] * 10)["CD-001"].confidence == pytest.approx(0.8)
    both = found(pattern, model)["CD-001"]
    assert both.confidence == pytest.approx(0.9)
    assert both.layers == ("pattern", "transformer")


def test_a_curve_changes_how_sure_a_finding_is_and_nothing_else():
    mentions = [Mention("SH-002", 0, 4, 0, confidence=0.9), Mention("SH-007", 5, 9, 0, layer="transformer", confidence=0.6)]
    plain, curved = (findings(mentions, NOTHING, curves) for curves in ({}, {"pattern": (1.0, -2.0)}))
    assert [replace(each, confidence=0.0) for each in plain] == [replace(each, confidence=0.0) for each in curved]
    assert [round(each.confidence, 3) for each in curved] == [0.549, 0.6]


def test_the_gravest_flag_comes_first_and_then_the_order_of_the_taxonomy():
    mentions = [Mention(flag, 0, 1, 0) for flag in ("PF-001", "CD-002", "HO-001", "SH-002", "CD-001")]
    assert list(found(*mentions)) == ["SH-002", "HO-001", "CD-001", "CD-002", "PF-001"]


def test_a_basis_names_pattern_model_places_and_rules():
    mentions = [
        Mention("SH-001", 0, 4, 0, cues=("SH-001.c01",)),
        Mention("SH-001", 0, 9, 0, layer="transformer", cues=("model",)),
        Mention("CD-001", 12, 20, 1, cues=("CD-001.p02",)),
    ]
    one = found(*mentions, decision=apply_rules(Evidence(mentions, {}, 1)))["SH-001"]
    assert one.severity is Severity.CRITICAL
    for words in ("pattern SH-001.c01", "the trained model", "2 places", "present, current, of the patient", "rule R-001"):
        assert words in one.basis


@pytest.mark.parametrize(
    ("flags", "review", "says"),
    [
        ([], False, "no finding of safety"),
        (["PF-001"], False, "no finding of safety"),
        (["CD-002"], False, "next contact"),
        (["CD-001"], False, "today"),
        (["SH-002"], True, "now"),
    ],
)
def test_a_summary_says_what_to_do_first(flags, review, says):
    raised = findings([Mention(flag, 0, 1, 0) for flag in flags], NOTHING)
    summary = summarize(raised, NOTHING, assess([]), [])
    assert summary.immediate_review is review
    assert says in summary.recommended_action


def test_high_triage_a_rule_or_a_failed_layer_each_ask_for_review():
    high = CSsrs(0, (), Triage.HIGH, ())
    assert summarize((), NOTHING, high, []).immediate_review
    assert summarize((), Decision({}, True, (), ()), assess([]), []).immediate_review
    failed = summarize((), NOTHING, assess([]), ["emotion"])
    assert failed.immediate_review
    assert failed.recommended_action.startswith("The emotion layer failed")
