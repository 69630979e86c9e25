"""``bh sentinel``: analyses and metrics hold their schemas, and none of what is written holds a text."""

from __future__ import annotations

import csv
import json
from itertools import islice
from pathlib import Path

import jsonschema
import pytest

REAL = {"cssrs_posts_dev": (), "rallypoint_dev": ("--field", "any_signal=suicidal")}


def _checker(root, name):
    schema = json.loads((root / "schema" / name / "1.0" / f"{name}.schema.json").read_text("utf-8"))
    return jsonschema.Draft202012Validator(schema)


def _places(checker, value):
    # Where, never what: a value may be a text.
    return [(error.json_path, error.validator) for error in checker.iter_errors(value)]


def _analyze_and_evaluate(bh, source, fields=()):
    assert bh("sentinel", "analyze", source, "out/analyses.jsonl").status == 0
    assert bh("sentinel", "evaluate", source, "--out", "out/evaluation", *fields).status == 0
    return {path.name: path.read_text("utf-8") for path in Path("out").rglob("*") if path.is_file()}


def _hold(root, rows, source, written):
    analyses, texts = rows("out/analyses.jsonl"), [row["text"] for row in rows(source)]
    assert len(analyses) == len(texts)
    assert [_places(_checker(root, "analysis"), row) for row in analyses if _places(_checker(root, "analysis"), row)] == []
    assert _places(_checker(root, "metrics"), json.loads(written["metrics.json"])) == []
    assert set(written) == {"analyses.jsonl", "metrics.json", "errors.jsonl", "report.html"}
    # Thirty characters in a row are nobody's label.
    pieces = [text[at : at + 30] for text in texts for at in range(0, len(text) - 29, 30) if "\n" not in text[at : at + 30]]
    leaks = sum(piece in content for piece in pieces for content in written.values())
    assert pieces and leaks == 0


def test_analyses_and_metrics_of_synthetic_notes_hold_their_schemas_and_no_text(bh, notes, rows, root):
    source = notes / "notes.jsonl"
    _hold(root, rows, source, _analyze_and_evaluate(bh, source))


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_analyses_and_metrics_of_real_posts_hold_their_schemas_and_no_text(bh, shared, rows, root, name):
    source = Path("given.jsonl")
    with (shared / "data" / f"{name}.jsonl").open(encoding="utf-8") as lines:
        source.write_text("".join(islice(lines, 50)), "utf-8")
    _hold(root, rows, source, _analyze_and_evaluate(bh, source, REAL[name]))
    assert json.loads(Path("out/evaluation/metrics.json").read_text("utf-8"))["n"] == 50


def test_analyses_keep_the_order_and_the_ids_of_the_texts(bh, notes, rows):
    bh("sentinel", "analyze", notes / "notes.jsonl", "out.jsonl")
    assert [row["id"] for row in rows("out.jsonl")] == [row["id"] for row in rows(notes / "notes.jsonl")]


@pytest.mark.parametrize("length", [0, 1_000_000])
def test_a_note_of_any_length_up_to_a_million_is_analyzed_and_evaluated(bh, rows, length):
    text = ("Slept badly, works nights. " * (length // 27 + 1))[:length]
    Path("given.jsonl").write_text(json.dumps({"id": "n1", "text": text, "flags": []}) + "\n", "utf-8")
    assert bh("sentinel", "analyze", "given.jsonl", "out.jsonl").status == 0
    assert bh("sentinel", "evaluate", "given.jsonl", "--out", "out").status == 0
    assert len(rows("out.jsonl")) == 1


def test_each_analysis_leaves_an_event_without_its_text(bh, rows, canary):
    Path("given.jsonl").write_text(json.dumps({"id": "n1", "text": f"Slept badly. {canary}"}) + "\n", "utf-8")
    ran = bh("sentinel", "analyze", "given.jsonl", "out.jsonl", "--audit", "audit.jsonl")
    assert ran.status == 0 and canary not in ran.shown
    (event,) = rows("audit.jsonl")
    assert event["resource"]["id"] == "n1" and canary not in Path("audit.jsonl").read_text("utf-8")
    assert bh("audit", "verify", "audit.jsonl").status == 0


def test_the_fields_of_a_foreign_file_are_mapped(bh):
    Path("given.jsonl").write_text(json.dumps({"post": "Wants to die.", "label": 1}) + "\n", "utf-8")
    ran = bh("sentinel", "evaluate", "given.jsonl", "--out", "out", "--field", "text=post", "--field", "any_signal=label", "--json")
    assert ran.status == 0 and json.loads(ran.out)["n"] == 1 and "any_signal" in json.loads(ran.out)


def test_the_knowledge_of_this_release_holds(bh):
    ran = bh("sentinel", "check", "--json")
    assert (ran.status, json.loads(ran.out)) == (0, [])


def test_a_spreadsheet_is_evaluated_as_its_jsonl_with_robustness_and_a_prevalence_of_ones_own(bh, notes, rows):
    source = rows(notes / "notes.jsonl")
    with Path("given.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["id", "text", "flags"], *([row["id"], row["text"], ";".join(row["flags"])] for row in source)])
    ran = bh("sentinel", "evaluate", "given.csv", "--out", "out", "--robustness", "--prevalence", "0.03", "--json")
    plain = bh("sentinel", "evaluate", notes / "notes.jsonl", "--out", "plain", "--json")
    table, lines = json.loads(ran.out), json.loads(plain.out)
    counted = [{flag: score["support"] for flag, score in each["per_flag"].items()} for each in (table, lines)]
    assert (ran.status, counted[0], table["micro"]["f1"]) == (0, counted[1], lines["micro"]["f1"])
    assert [each["prevalence"] for each in table["prevalence"]["any_signal"]["at"]] == [0.03]
    changed = sum(row["text"] != row["text"].lower() for row in source)
    assert table["robustness"]["lower case"]["n"] == changed > 10 and "robustness" not in lines


@pytest.mark.parametrize("share", ["0", "1.5", "-1"])
def test_a_prevalence_that_is_none_is_refused_before_anything_is_read(bh, notes, share):
    assert "--prevalence" in bh("sentinel", "evaluate", notes / "notes.jsonl", "--out", "out", "--prevalence", share).refused()
    assert not Path("out").exists()


def test_a_column_that_a_table_lacks_is_named(bh):
    Path("given.csv").write_text("text,flags\nSlept well.,\n", "utf-8")
    assert "text=note" in bh("sentinel", "evaluate", "given.csv", "--out", "out", "--field", "text=note").refused()
