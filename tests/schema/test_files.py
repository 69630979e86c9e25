"""Whole logs: one line in memory, every fault with its line, the target whole or not at all."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from bh_lib.errors import InputError, SchemaError
from bh_lib.schema import convert_file, validate_file


def write(path, *rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


@pytest.mark.parametrize("fast", [True, False])
def test_each_fault_is_named_by_its_line(tmp_path, examples, monkeypatch, fast):
    if not fast:
        monkeypatch.setattr("bh_lib.schema.files.optional", lambda name: None)
    good, bad = examples("2.1", "valid")["read"], examples("3.0", "invalid")["denied-has-a-reason"]
    big = good | {"metadata": {"n": 10**30}}
    log = write(
        tmp_path / "log.jsonl",
        good,
        "",
        bad,
        "{",
        '{"a": NaN}',
        "[1]",
        {"schema_version": "8"},
        big,
        '{"a": "\\ud800"}',
        "[" * 100000,
    )
    found = [(line, str(problem)) for line, problem in validate_file(log)]
    version = "/schema_version: must be one of 1.0, 1.1, 2.0, 2.1, 3.0"
    assert found == [
        (3, "/outcome/error_type: DENIED needs error_type"),
        (4, "(event): is not valid JSON"),
        (5, "(event): is not valid JSON"),
        (6, "(event): must be of type object"),
        (7, version),
        (9, version),
        (10, "(event): is nested more than 200 levels deep"),
    ]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(("levels", "refused"), [(197, False), (199, True), (990, True), (1010, True), (5000, True)])
def test_depth_has_one_limit_whichever_parser_reads(tmp_path, examples, monkeypatch, fast, levels, refused):
    if not fast:
        monkeypatch.setattr("bh_lib.schema.files.optional", lambda name: None)
    shallow = json.dumps(examples("1.0", "valid")["read"] | {"metadata": {"tree": 0}})
    log = write(tmp_path / "log.jsonl", shallow.replace('"tree": 0', '"tree": ' + "[" * levels + "]" * levels))
    rule = "is nested more than 200 levels deep"
    assert [problem.rule for _, problem in validate_file(log)] == [rule] * refused
    report = convert_file(log, tmp_path / "out.jsonl", "1.0")
    assert (report.written, [problem.rule for problem in report.refused]) == (int(not refused), [rule] * refused)


def test_a_number_beyond_what_json_readers_hold_is_never_written_as_infinity(tmp_path, examples):
    text = json.dumps(examples("2.1", "valid")["read"] | {"metadata": {"n": 0}}).replace('"n": 0', '"n": 1e999')
    report = convert_file(write(tmp_path / "log.jsonl", text), tmp_path / "out.jsonl", "3.0")
    assert [problem.rule for problem in report.refused] == ["holds a number that is beyond what can be written again"]
    assert (tmp_path / "out.jsonl").read_text("utf-8") == ""


def test_events_are_counted_with_or_without_a_last_line_feed_and_blank_lines_are_not(tmp_path, examples):
    row, seen = json.dumps(examples("3.0", "valid")["read"]), []
    log = tmp_path / "log.jsonl"
    log.write_text(f"{row}\n\n{{\n{row}", "utf-8")
    assert [line for line, _ in validate_file(log, on_event=lambda: seen.append(1))] == [3]
    assert len(seen) == 3


def test_a_version_that_is_asked_for_is_asked_of_each(tmp_path, examples):
    log = write(tmp_path / "log.jsonl", examples("2.1", "valid")["read"])
    assert [str(problem) for _, problem in validate_file(log, "3.0")] == ["/schema_version: must be 3.0"]


def test_memory_does_not_grow_with_the_log(tmp_path, examples):
    row = json.dumps(examples("3.0", "valid")["disclose"])
    peaks = []
    for lines in (300, 3000):
        log = write(tmp_path / f"{lines}.jsonl", *[row] * lines)
        tracemalloc.start()
        assert list(validate_file(log)) == []
        convert_file(log, tmp_path / "out.jsonl", "2.1")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 200_000


def test_a_converted_log_comes_with_its_report(tmp_path, examples):
    found = examples("3.0", "valid")
    log = write(tmp_path / "log.jsonl", found["read"], found["failure"], found["disclose"])
    report = convert_file(log, tmp_path / "out.ndjson", "balp-r4")
    assert (report.read, report.written, report.first_refused) == (3, 2, 2)
    assert sorted(problem.path for problem in report.refused) == ["/action/type"]
    assert all(json.loads(line)["meta"] for line in (tmp_path / "out.ndjson").read_text("utf-8").splitlines())
    as_json = report.to_dict()
    assert sum(row["events"] for row in as_json["refused"]) == 1
    assert {"path", "kind", "why", "events"} == set(as_json["losses"][0])


def test_a_log_with_a_broken_line_is_not_half_converted(tmp_path, examples):
    log = write(tmp_path / "log.jsonl", examples("3.0", "valid")["read"], "{")
    with pytest.raises(InputError, match="line 2: is not valid JSON"):
        convert_file(log, tmp_path / "out.ndjson", "balp-r4")
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_a_lone_surrogate_is_carried_as_its_escape(tmp_path, examples):
    event = examples("2.1", "valid")["read"]
    event["metadata"] = {"odd": "\ud800"}
    convert_file(write(tmp_path / "log.jsonl", event), tmp_path / "out.jsonl", "3.0")
    assert json.loads((tmp_path / "out.jsonl").read_text("utf-8"))["metadata"] == {"odd": "\ud800"}


def test_nothing_is_written_where_the_source_is_missing_or_the_target_unknown(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        convert_file(tmp_path / "none", tmp_path / "out", "3.0")
    with pytest.raises(SchemaError, match="one of"):
        convert_file(tmp_path / "none", tmp_path / "out", "xml")
    with pytest.raises(SchemaError, match="agents"):
        convert_file(tmp_path / "none", tmp_path / "out", "1.0", agents="maybe")
    with pytest.raises(InputError, match="folder"):
        list(validate_file(tmp_path))
    assert list(tmp_path.iterdir()) == []
