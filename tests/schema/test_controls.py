"""The mapping holds together, and its queries run over a log."""

from __future__ import annotations

import pytest

from bh_lib._resources import schema_path
from bh_lib.errors import KnowledgeError, SchemaError
from bh_lib.schema import ControlStatus, EvidenceVerdict, evidence_html, gather_evidence, load_controls
from bh_lib.schema.controls import parse_controls

SECTIONS = {
    "hipaa": "308(a)(1)(ii)(D) 308(a)(3)(ii)(C) "
    "308(a)(4) 308(a)(5)(ii)(C) 308(a)(6)(ii) 312(a)(1) 312(a)(2)(i) 312(a)(2)(ii) 312(b) 312(c)(1) "
    "312(c)(2) 312(d) 312(e) 316(b)(2)(i) 524 528",
    "soc2": "CC4.1 CC6.1 CC6.2 CC6.3 CC7.2 CC7.3",
    "part2": "2.13 2.16 2.22 2.24 2.25 2.31 2.32 2.33 2.51 2.52 2.53 2.61 2.62 2.63 2.64 2.65 2.66 2.67",
}


@pytest.mark.parametrize("framework", SECTIONS)
def test_every_section_of_the_plan_is_mapped(framework):
    named = [control.section.split()[-1].removeprefix("164.") for control in load_controls(framework)]
    assert named == SECTIONS[framework].split()


def test_the_part_2_accounting_is_not_yet_in_force_and_intermediaries_are():
    status = {control.section: control.status for control in load_controls("part2")}
    assert status["42 CFR 2.25"] is ControlStatus.NOT_IN_FORCE
    assert status["42 CFR 2.24"] is ControlStatus.REQUIRED


def test_addressable_is_what_appendix_a_marks_so():
    addressable = {c.section.removeprefix("45 CFR 164.") for c in load_controls("hipaa") if c.status is ControlStatus.ADDRESSABLE}
    assert addressable == {"308(a)(3)(ii)(C)", "308(a)(5)(ii)(C)", "312(c)(2)"}


def test_each_control_names_its_sources_and_what_could_not_be_checked():
    for control in load_controls():
        assert len(control.sources) > 1 or "checked against" in control.note.lower() or control.framework == "soc2", control.section


def test_evidence_is_found_where_it_is_and_missing_where_it_is_not(examples):
    log = list(examples("3.0", "valid").values())
    by = {evidence.control.section: evidence for evidence in gather_evidence(log)}
    assert by["CC4.1"].verdict is EvidenceVerdict.FOUND
    assert by["42 CFR 2.51"].verdict is EvidenceVerdict.FOUND
    assert by["42 CFR 2.52"].verdict is EvidenceVerdict.NOT_SEEN
    assert by["42 CFR 2.22"].verdict is EvidenceVerdict.MISSING
    emergency = by["45 CFR 164.312(a)(2)(ii)"]
    assert emergency.verdict is EvidenceVerdict.PARTIAL
    assert emergency.missing == ("Emergency access was reviewed",)
    assert by["CC6.1"].verdict is EvidenceVerdict.PARTIAL
    assert by["CC6.1"].missing == ("A log-in says how the person was authenticated",)
    chained = {result.query.query_id: result for result in by["45 CFR 164.312(c)(1)"].results}["chained"]
    assert (chained.found, chained.missing) == (1, len(log) - 1)
    assert chained.example == examples("3.0", "valid")["read_with_purpose_and_chain"]["event_id"]


def test_an_event_that_lacks_what_the_query_asks_is_a_counterexample(examples):
    event = examples("3.0", "valid")["disclose"]
    del event["disclosure"]["notice_sent"]
    (control,) = [e for e in gather_evidence([event], "part2") if e.control.section == "42 CFR 2.32"]
    assert [(result.found, result.missing, result.counterexample) for result in control.results] == [
        (0, 1, event["event_id"]),
        (1, 0, None),
    ]


def test_six_years_are_counted_in_days_and_in_utc():
    def verdict(*times):
        log = [{"timestamp": time} for time in times]
        (evidence,) = [e for e in gather_evidence(log, "hipaa") if "316" in e.control.section]
        return evidence.results[0].found, evidence.results[0].missing, evidence.results[0].first

    assert verdict("2026-11-24T00:00:00Z", "2020-11-25T00:00:00Z") == (2190, 0, "2020-11-25T00:00:00Z")
    assert verdict("2026-11-24T00:00:00Z", "2026-11-22T23:00:00-02:00", "not a time") == (0, 2190, "2026-11-22T23:00:00-02:00")
    assert verdict() == (0, 2190, None)


def test_an_empty_log_proves_nothing():
    assert {evidence.verdict for evidence in gather_evidence([])} == {EvidenceVerdict.MISSING, EvidenceVerdict.NOT_SEEN}
    assert not any(result.found for evidence in gather_evidence([]) for result in evidence.results)


def test_queries_never_stumble_over_what_a_log_may_hold(mutants):
    evidence = gather_evidence(mutants("3.0", 300, 4))
    assert any(item.verdict is not EvidenceVerdict.MISSING for item in evidence)


def test_a_report_holds_no_actor_and_no_patient(examples):
    evidence = gather_evidence(examples("3.0", "valid").values())
    page = evidence_html(evidence) + str([item.to_dict() for item in evidence]) + str([item.to_row() for item in evidence])
    assert not any(secret in page for secret in ("user-17", "pat-9", "org-b", "consent-2"))
    assert "http://" not in page
    assert "https://" not in page
    assert page.count("<tr ") == len(evidence)
    assert "not legal advice" in page


def test_the_page_says_where_to_look_and_as_of_when(examples):
    broken = examples("3.0", "valid")["break_glass"]
    del broken["emergency"]["review_due_at"]
    page = evidence_html(gather_evidence([broken], "hipaa"))
    assert f"0 found, 1 missing (the first: <code>{broken['event_id']}</code>)" in page
    assert "Disclosures are recorded: did not happen in this log" in page
    assert "The log reaches back six years: 0 days, 2,190 short" in page
    assert "Statuses are as of 2026-" in page


def test_what_a_log_holds_is_no_markup():
    page = evidence_html(gather_evidence([{"event_id": "<script>", "timestamp": "<b>"}]))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_an_unknown_framework_is_refused():
    with pytest.raises(SchemaError, match="hipaa, part2, soc2"):
        load_controls("gdpr")


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('path = "/action/type"', 'path = "/action/typo"', "query activity"),
        ("equals = true", "equal = true", "operator"),
        ('status = "required"', 'status = "mandatory"', "status is one of"),
        ('queries = ["activity", "reviews"]', 'queries = ["actvity"]', "control 1"),
        ('framework = "soc2"', 'framework = "soc3"', "framework"),
        ('id = "soc2-cc6.1"', 'id = "soc2-cc4.1"', "twice"),
        ("version =", "versoin =", "its top has"),
        ("span_days = 2190", "span_days = 0", "positive"),
        ('sources = ["tsc"]', 'sources = ["hearsay"]', "sources"),
        ("[query.activity]", "[query.activity", "not valid TOML"),
    ],
)
def test_a_wrong_mapping_is_refused_by_place(old, new, rule):
    text = schema_path("controls.toml").read_text("utf-8")
    assert old in text
    with pytest.raises(KnowledgeError, match=rule):
        parse_controls(text.replace(old, new, 1))
