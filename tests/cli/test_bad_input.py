"""Unusable input: one clear line, exit status 2, nothing written, and not a word of the data on the screen."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

GIVEN = "given.jsonl"
READERS = {
    "analyze": ("sentinel", "analyze", GIVEN, "target.jsonl"),
    "evaluate": ("sentinel", "evaluate", GIVEN, "--out", "target"),
    "validate": ("schema", "validate", GIVEN),
    "convert": ("schema", "convert", GIVEN, "target.jsonl", "--to", "2.1"),
    "controls": ("schema", "controls", "--events", GIVEN, "--html", "target.html"),
    "check": ("audit", "check", GIVEN, "--docs", "target"),
    "verify": ("audit", "verify", GIVEN),
    "checkpoint": ("audit", "checkpoint", GIVEN, "--key", "target.key", "--out", "target.checkpoint"),
    "review": ("audit", "review", GIVEN, "--html", "target.html"),
}
OF_NOTES = ("analyze", "evaluate")
WRITERS = ("analyze", "convert", "evaluate")
EVERY = pytest.mark.parametrize("command", READERS)

pytestmark = pytest.mark.usefixtures("unchanged")


def _sound_lines(command, log, notes):
    source = notes / "notes.jsonl" if command in OF_NOTES else log / "events.jsonl"
    return source.read_bytes().splitlines(keepends=True)[:2]


def _given(command, log, notes, third: bytes):
    first, second = _sound_lines(command, log, notes)
    Path(GIVEN).write_bytes(first + second + third + b"\n" + second)


def _note(text, **labels):
    lines = [{"id": "n1", "text": "Slept well."}, {"id": "n2", "text": text, **labels}]
    Path(GIVEN).write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


@EVERY
def test_a_missing_file_is_named(bh, command):
    assert GIVEN in bh(*READERS[command]).refused()


@EVERY
def test_a_folder_is_not_taken_for_a_file(bh, command):
    Path(GIVEN).mkdir()
    assert GIVEN in bh(*READERS[command]).refused()


@pytest.mark.parametrize("command", [name for name in READERS if name not in ("verify", "validate", "review")])
def test_broken_json_on_line_3_is_named_by_its_line(bh, command, log, notes, canary):
    _given(command, log, notes, f'{{"id": "n3", "text": "{canary}'.encode())
    assert "line 3" in bh(*READERS[command]).refused()


def test_a_review_of_broken_json_says_that_it_is_no_log(bh, log, notes, canary):
    _given("review", log, notes, f'{{"id": "n3", "text": "{canary}'.encode())
    assert GIVEN in bh(*READERS["review"]).refused()


def test_validate_lists_the_broken_line_and_goes_on(bh, log, notes, canary):
    _given("validate", log, notes, f'{{"id": "n3", "text": "{canary}'.encode())
    ran = bh(*READERS["validate"])
    assert (ran.status, canary in ran.shown) == (2, False)
    assert f"{GIVEN}, line 3: (event): is not valid JSON" in ran.out


def test_a_ledger_with_a_broken_line_is_broken(bh, log, notes, canary):
    _given("verify", log, notes, f'{{"id": "n3", "text": "{canary}'.encode())
    ran = bh(*READERS["verify"])
    assert (ran.status, canary in ran.shown, ran.err) == (1, False, "")
    assert ran.out.startswith("BROKEN") and "line 3" in ran.out


@pytest.mark.parametrize("command", [name for name in READERS if name not in ("verify", "validate")])
def test_bytes_that_are_not_utf_8_are_refused(bh, command, log, notes, canary):
    _given(command, log, notes, b'{"id": "n3", "text": "' + canary.encode() + b'\xff\xfe"}')
    bh(*READERS[command]).refused()


@pytest.mark.parametrize("command", OF_NOTES)
def test_a_line_that_is_no_object_is_refused(bh, command, log, notes, canary):
    _given(command, log, notes, f'["{canary}"]'.encode())
    assert "line 3" in bh(*READERS[command]).refused()


@pytest.mark.parametrize("command", OF_NOTES)
def test_a_note_of_one_character_too_many_is_refused(bh, command, canary):
    _note(canary.ljust(1_000_001, "x"))
    assert "1,000,000" in bh(*READERS[command]).refused()


@pytest.mark.parametrize("command", OF_NOTES)
def test_a_note_of_one_character_too_many_is_named_by_its_line(bh, command, canary):
    _note(canary.ljust(1_000_001, "x"))
    assert f"{GIVEN}, line 2" in bh(*READERS[command]).refused()


def test_an_unknown_flag_in_a_label_is_named_by_line_and_field(bh, canary):
    _note("Slept well.", flags=[canary])
    line = bh(*READERS["evaluate"]).refused()
    assert "line 2" in line and "/flags" in line


def test_an_unknown_field_of_a_label_is_refused_without_its_name(bh, canary):
    _note("Slept well.", **{canary: 1})
    assert "line 2: unknown field" in bh(*READERS["evaluate"]).refused()


@pytest.mark.parametrize("command", OF_NOTES)
def test_a_note_without_text_is_refused(bh, command, canary):
    Path(GIVEN).write_text(json.dumps({"id": canary}), "utf-8")
    assert "line 1: /" in bh(*READERS[command]).refused()


@pytest.mark.parametrize(("command", "ours"), [("analyze", "text"), ("analyze", "id"), ("evaluate", "any_signal")])
def test_a_field_that_no_row_has_is_refused(bh, command, ours, canary):
    _note(canary)
    assert f"{ours}=nowhere" in bh(*READERS[command], "--field", f"{ours}=nowhere").refused()


@pytest.mark.parametrize("command", OF_NOTES)
def test_a_field_that_nobody_reads_is_refused(bh, command, canary):
    _note(canary)
    assert "--field can map" in bh(*READERS[command], "--field", "mood=text").refused()


@pytest.mark.parametrize("command", OF_NOTES)
def test_half_a_field_is_refused(bh, command, canary):
    _note(canary)
    assert "OURS=THEIRS" in bh(*READERS[command], "--field", "text").refused()


@pytest.mark.parametrize("command", WRITERS)
def test_a_target_below_a_file_is_refused(bh, command, log, notes):
    Path(GIVEN).write_bytes(b"".join(_sound_lines(command, log, notes)))
    words = [str(word).replace("target", f"{GIVEN}/target") for word in READERS[command]]
    assert "can't be written" in bh(*words).refused()


@pytest.mark.parametrize("command", ["analyze", "convert"])
def test_a_target_that_is_a_folder_is_refused(bh, command, log, notes):
    Path(GIVEN).write_bytes(b"".join(_sound_lines(command, log, notes)))
    Path("given-folder").mkdir()
    words = ["given-folder" if word == "target.jsonl" else word for word in READERS[command]]
    assert "is a folder" in bh(*words).refused()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("command", WRITERS)
def test_a_target_without_permission_is_refused(bh, command, log, notes):
    Path(GIVEN).write_bytes(b"".join(_sound_lines(command, log, notes)))
    Path("given-folder").mkdir(mode=0o500)
    words = [str(word).replace("target", "given-folder/target") for word in READERS[command]]
    assert "can't be written" in bh(*words).refused()


def test_data_docs_do_not_go_where_a_file_is(bh, log):
    Path(GIVEN).write_text("kept", "utf-8")
    assert "is a file" in bh("audit", "check", log / "events.jsonl", "--docs", GIVEN).refused()
    assert Path(GIVEN).read_text("utf-8") == "kept"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("schema", "convert", GIVEN, "target.jsonl", "--to", "9.9"), "one of 1.0"),
        (("schema", "validate", GIVEN, "--version", "9.9"), "one of 1.0"),
        (("schema", "controls", "--framework", "gdpr"), "hipaa"),
        (("sentinel", "check", "nowhere.toml"), "nowhere.toml"),
        (("sentinel", "analyze", GIVEN, "target.jsonl", "--classifier", "nowhere"), "manifest.json"),
        (("synth", "notes", "target", "--seeds", "nowhere"), "nowhere"),
        (("synth", "notes", GIVEN), GIVEN),
        (("synth", "events", GIVEN), GIVEN),
        (("synth", "events", "target", "--events", "0"), "--events"),
        (("experiment", "run", "given-folder"), "config.toml"),
        (("experiment", "run", "nowhere"), "config.toml"),
        (("no-such-command",), "no-such-command"),
        (("sentinel", "analyze"), "IN.jsonl"),
    ],
)
def test_what_is_unknown_or_missing_is_told_in_one_line(bh, log, words, told):
    Path(GIVEN).write_bytes(b"".join(_sound_lines("convert", log, log)))
    Path("given-folder").mkdir()
    assert told in bh(*words).refused()


def test_an_unknown_key_of_an_experiment_is_named_and_nothing_runs(bh, canary):
    folder = Path("given-experiment")
    folder.mkdir()
    config = folder / "config.toml"
    config.write_text(f'name = "x"\nreason = "{canary}"\nmodel = "none"\nlearning_ratio = "{canary}"\n', "utf-8")
    line = bh("experiment", "run", folder, "--out", "target").refused()
    config.unlink()
    assert "config.toml, learning_ratio: unknown key" in line


@pytest.mark.parametrize("since", ["--since", "--until"])
def test_a_time_that_is_none_is_refused_without_repeating_it(bh, log, since, canary):
    assert since.strip("-") in bh("audit", "review", log / "events.jsonl", since, canary).refused()


def test_an_anchor_that_is_no_checkpoint_is_refused(bh, log, canary):
    Path("given.anchor").write_text(canary, "utf-8")
    assert "given.anchor" in bh("audit", "verify", log / "events.jsonl", "--anchor", "given.anchor").refused()


@pytest.mark.parametrize(
    ("room", "name", "command"),
    [
        ("bh_lib.lab.inference", "analyze_file", "analyze"),
        ("bh_lib.evaluate", "evaluate_file", "evaluate"),
        ("bh_lib.schema", "validate_file", "validate"),
        ("bh_lib.schema", "convert_file", "convert"),
        ("bh_lib.checks", "check_events", "check"),
        ("bh_lib.emitters", "verify", "verify"),
        ("bh_lib.review", "review_log", "review"),
    ],
)
def test_an_unforeseen_error_tells_type_and_place_alone(bh, monkeypatch, canary, room, name, command):
    def fail(*_, **__):
        raise ValueError(canary)

    monkeypatch.setattr(f"{room}.{name}", fail)
    ran = bh(*READERS[command])
    assert (ran.status, canary in ran.shown, "Traceback" in ran.shown) == (2, False, False)
    (line,) = ran.err.splitlines()
    assert line.startswith("bh: internal error: ValueError at test_bad_input.py:")
