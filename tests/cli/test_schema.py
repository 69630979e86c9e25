"""``bh schema``: problems by place and rule, conversion with its losses, controls with their evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_a_sound_log_holds_the_schema(bh, log):
    ran = bh("schema", "validate", log / "events.jsonl", "--version", "3.0")
    assert (ran.status, ran.out) == (0, "120 events hold the schema\n")


def test_a_wrong_value_is_told_by_place_and_rule_and_never_shown(bh, log, rows, canary):
    event = rows(log / "events.jsonl")[0]
    event["action"]["type"] = canary
    Path("wrong.jsonl").write_text(json.dumps(event), "utf-8")
    ran = bh("schema", "validate", "wrong.jsonl")
    assert ran.status == 1 and "wrong.jsonl, line 1: /action/type" in ran.out and canary not in ran.shown
    (problem,) = json.loads(bh("schema", "validate", "wrong.jsonl", "--json").out)
    assert (problem["line"], problem["path"]) == (1, "/action/type") and problem["rule"]


@pytest.mark.parametrize("to", ["1.0", "1.1", "2.0", "2.1", "3.0", "balp-r4", "fhir-r5", "ocsf"])
def test_a_log_is_converted_and_nothing_is_left_out_in_silence(bh, log, rows, to):
    ran = bh("schema", "convert", log / "events.jsonl", "out.jsonl", "--to", to, "--json")
    report = json.loads(ran.out)
    assert ran.status == (1 if report["refused"] else 0)
    assert report["read"] == 120 == report["written"] + sum(row["events"] for row in report["refused"])
    assert len(rows("out.jsonl")) == report["written"] > 0


def test_a_converted_log_holds_its_version(bh, log):
    bh("schema", "convert", log / "events.jsonl", "old.jsonl", "--to", "2.1")
    assert bh("schema", "validate", "old.jsonl", "--version", "2.1").status == 0


@pytest.mark.parametrize("framework", ["hipaa", "soc2", "part2"])
def test_controls_of_a_framework_and_their_evidence_are_listed(bh, log, framework):
    known = json.loads(bh("schema", "controls", "--framework", framework, "--json").out)
    found = json.loads(bh("schema", "controls", "--framework", framework, "--events", log / "events.jsonl", "--json").out)
    assert len(known) == len(found) > 0


def test_evidence_can_be_a_page(bh, log):
    assert bh("schema", "controls", "--events", log / "events.jsonl", "--html", "controls.html").status == 0
    assert Path("controls.html").read_text("utf-8").startswith("<!")
