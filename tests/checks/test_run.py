"""Suites over files: what passes, what is named, and what never shows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("great_expectations")

from bh_lib.checks import check_events, check_notes, check_predictions, require_critical
from bh_lib.checks.report import MOST_ROWS
from bh_lib.emitters.sinks.sql import SqlSink
from bh_lib.errors import GateError, InputError
from bh_lib.synth import tamper_log, write_events

CANARY = "123-45-6789"


def _event(number: int, **over: Any) -> dict[str, Any]:
    event = {
        "schema_version": "2.1",
        "event_id": f"0a000000-0000-4000-8000-{number:012d}",
        "timestamp": f"2026-03-02T09:{number:02d}:00Z",
        "service": {"name": "ehr"},
        "actor": {"subject_id": "usr-1", "subject_type": "human"},
        "action": {"type": "READ", "phi_touched": True},
        "resource": {"type": "Note", "id": f"note-{number}", "patient_id": "pat-1"},
        "outcome": {"status": "SUCCESS"},
    }
    return event | over


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def _named(report: Any) -> set[tuple[str, str]]:
    return {(outcome.expectation, outcome.column) for outcome in report.failed()}


def test_a_sound_log_passes(tmp_path: Path) -> None:
    report = check_events(_write(tmp_path / "log.jsonl", [_event(n) for n in range(5)]))
    assert report.success and report.rows == 5 and len(report.outcomes) >= 12


def test_what_is_wrong_is_named_and_no_value_reaches_the_data_docs(tmp_path: Path) -> None:
    denied = {"status": "DENIED", "error_message": f"user {CANARY} refused"}
    log = _write(
        tmp_path / "log.jsonl",
        [_event(1), _event(1), _event(2, outcome=denied), _event(3, http={"route_template": "/patients/kw7741x9"})],
    )
    report = check_events(log, docs=tmp_path / "docs")
    assert _named(report) == {
        ("expect_column_values_to_be_in_set", "holds_schema"),
        ("expect_column_values_to_be_unique", "event_id"),
        ("expect_column_values_to_be_free_of_identifiers", "error_message"),
        ("expect_column_values_to_be_route_templates", "route_template"),
        ("expect_column_values_to_not_be_null", "error_type"),
    }
    assert report.docs is not None and report.docs.is_file()
    written = [path for path in (tmp_path / "docs").rglob("*") if path.is_file()]
    assert len(written) > 5
    for path in written:
        held = path.read_bytes()
        assert CANARY.encode() not in held and b"kw7741x9" not in held, path.name


def test_the_data_docs_need_nothing_from_the_web_and_lead_to_what_was_found(tmp_path: Path) -> None:
    log = _write(tmp_path / "log.jsonl", [_event(1)])
    check_events(log, docs=tmp_path / "docs")
    report = check_events(log, docs=tmp_path / "docs")
    assert report.docs is not None
    pages = {
        page.relative_to(report.docs.parent).as_posix(): page.read_text("utf-8") for page in report.docs.parent.rglob("*.html")
    }
    found = [name for name in pages if name.startswith("validations/")]
    assert len(found) == 2 and all(f'href="{name}"' in pages["index.html"] for name in found)
    for name, html in pages.items():
        assert "<script" not in html and '<link rel="stylesheet" href="http' not in html, name


def test_a_failure_leads_to_its_events_in_the_result_and_in_the_data_docs(tmp_path: Path) -> None:
    denied = {"status": "DENIED"}
    events = [_event(1), _event(2, outcome=denied), _event(3, http={"route_template": "/patients/kw7741x9"}), _event(4)]
    report = check_events(_write(tmp_path / "log.jsonl", events), docs=tmp_path / "docs")
    rows = {outcome.column: outcome.rows for outcome in report.failed()}
    assert rows["error_type"] == (events[1]["event_id"],)
    assert rows["route_template"] == (events[2]["event_id"],)
    assert report.docs is not None
    (page,) = report.docs.parent.glob("validations/**/*.html")
    html = page.read_text("utf-8")
    assert events[1]["event_id"] in html and events[2]["event_id"] in html and events[3]["event_id"] not in html


def test_an_event_whose_id_is_no_uuid_is_named_by_its_line(tmp_path: Path) -> None:
    events = [_event(1), _event(2, event_id=CANARY, outcome={"status": "DENIED"})]
    report = check_events(_write(tmp_path / "log.jsonl", events), docs=tmp_path / "docs")
    assert {outcome.rows for outcome in report.failed()} == {("line 2",)}
    for path in (path for path in (tmp_path / "docs").rglob("*") if path.is_file()):
        assert CANARY.encode() not in path.read_bytes()


def test_a_hundred_rows_are_named_and_all_are_counted(tmp_path: Path) -> None:
    (outcome,) = check_events(_write(tmp_path / "log.jsonl", [_event(n % 60, actor={}) for n in range(130)])).failed("critical")[
        1:2
    ]
    assert outcome.unexpected is not None and outcome.unexpected > len(outcome.rows) == MOST_ROWS


def test_a_link_that_was_cut_leads_to_the_event_after_the_cut(tmp_path: Path) -> None:
    write_events(tmp_path / "log", 60, seed=3)
    case = tamper_log(tmp_path / "log/events.jsonl", tmp_path / "cut.jsonl", "delete", seed=3)
    left = (tmp_path / "cut.jsonl").read_text("utf-8").splitlines()
    (outcome,) = (outcome for outcome in check_events(tmp_path / "cut.jsonl").failed() if outcome.column == "table")
    assert outcome.rows == (json.loads(left[case["line"] - 1])["event_id"],)


def test_a_clock_that_runs_behind_and_a_service_that_falls_silent_are_found_where_the_answer_key_has_them(tmp_path: Path) -> None:
    write_events(tmp_path / "log", 3000, seed=7)
    cases = json.loads((tmp_path / "log/answer_key.json").read_text("utf-8"))["cases"]
    planted = {case["scenario"]: case["event_ids"] for case in cases}
    events = {(event := json.loads(line))["event_id"]: event for line in (tmp_path / "log/events.jsonl").open(encoding="utf-8")}
    rows = {outcome.column: outcome.rows for outcome in check_events(tmp_path / "log/events.jsonl").failed()}
    assert set(rows["behind_seconds"]) == set(planted["clock_skew"])
    before, after = (events[event_id] for event_id in planted["log_gap"])
    (beat,) = (events[event_id] for event_id in rows["beat_gap"])
    assert beat["service"]["name"] == after["service"]["name"] and before["timestamp"] < after["timestamp"] <= beat["timestamp"]


def test_parquet_and_jsonl_of_one_log_are_judged_alike_but_for_the_chain(tmp_path: Path) -> None:
    write_events(tmp_path / "lines", 600, seed=5, chain=False)
    write_events(tmp_path / "table", 600, seed=5, format="parquet", chain=False)
    lines, table = check_events(tmp_path / "lines/events.jsonl"), check_events(tmp_path / "table/events.parquet")
    assert table.rows == 600 and table.outcomes == lines.outcomes


def test_what_is_no_parquet_is_refused_without_a_word_of_it(tmp_path: Path) -> None:
    (tmp_path / "log.parquet").write_text(f"PAR1 {CANARY}", "utf-8")
    with pytest.raises(InputError, match="Parquet") as caught:
        check_events(tmp_path / "log.parquet")
    assert CANARY not in str(caught.value)


def test_a_ledger_in_sqlite_is_checked_where_it_stands(tmp_path: Path) -> None:
    _holds_in_a_database(f"sqlite:///{tmp_path}/audit.db", "audit_event")
    with pytest.raises(InputError, match="no such file"):
        check_events(f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_ledger_in_postgresql_is_checked_where_it_stands(postgres: str) -> None:
    pytest.importorskip("psycopg")
    _holds_in_a_database(postgres, f"checked_{os.urandom(5).hex()}")


def _holds_in_a_database(url: str, table: str) -> None:
    pytest.importorskip("sqlalchemy")
    sink = SqlSink(url, table=table)
    bad = _event(5, schema_version="3.0", http={"route_template": "/patients/kw7741x9"})
    sink.append_many([*(_event(n, schema_version="3.0") for n in range(5)), bad])
    sink.close()
    report = check_events(url, table=table)
    assert report.rows == 6
    assert [(outcome.column, outcome.rows) for outcome in report.failed()] == [("route_template", (bad["event_id"],))]


def test_part_2_access_from_another_organization_without_a_basis_is_a_warning(tmp_path: Path) -> None:
    actor = {"subject_id": "usr-1", "subject_type": "human", "org_id": "org-a", "owner_org_id": "org-b"}
    resource = {"type": "Note", "id": "n", "patient_id": "p", "sensitivity": ["42CFRPart2"]}
    report = check_events(_write(tmp_path / "log.jsonl", [_event(1, actor=actor, resource=resource)]))
    assert [outcome.column for outcome in report.failed("warning")] == ["consent_basis"]


def test_the_gate_names_the_critical_expectation_that_fails(tmp_path: Path) -> None:
    report = check_events(_write(tmp_path / "log.jsonl", [_event(1), _event(1)]))
    with pytest.raises(GateError, match="expect_column_values_to_be_unique on event_id"):
        require_critical(report)


def test_a_corpus_that_leaks_a_family_into_the_test_split_does_not_pass_the_gate(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "text": "Sleeps well.", "flags": ["PF-003"], "c_ssrs_level": 0, "register": "journal", "group": "f1"},
        {"id": "b", "text": "Slept well.", "flags": [], "c_ssrs_level": 0, "register": "post", "group": "f1"},
    ]
    notes = _write(tmp_path / "notes.jsonl", rows)
    assert check_notes(notes, splits={"a": "train", "b": "train"}).failed("critical") == ()
    with pytest.raises(GateError, match="expect_groups_to_stay_in_one_split"):
        require_critical(check_notes(notes, splits={"a": "train", "b": "test"}))


def test_an_analysis_that_carries_its_text_is_critical(tmp_path: Path) -> None:
    sound = {
        "id": "a",
        "taxonomy_version": "1.0.0",
        "c_ssrs": {"ideation_level": 0, "triage": "none"},
        "summary": {"max_severity": None, "immediate_review": False},
        "status": {"pattern": "ok"},
    }
    assert check_predictions(_write(tmp_path / "sound.jsonl", [sound])).success
    report = check_predictions(_write(tmp_path / "told.jsonl", [sound | {"text": "secret"}]))
    assert [outcome.column for outcome in report.failed("critical")] == ["has_text"]


def test_an_empty_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no event"):
        check_events(_write(tmp_path / "log.jsonl", []))
