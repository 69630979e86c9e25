"""Pruned ledgers under attack, and prunings that are stopped, killed, or run while others write."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bh_lib.emitters import (
    JsonlSink,
    Verdict,
    ledger_files,
    make_checkpoint,
    verify,
)
from bh_lib.emitters import _removal as removal_module
from bh_lib.emitters.chain import link, new_chain, parse_line
from bh_lib.emitters.prune import prune
from bh_lib.emitters.pruned import record_path
from tests.emitters.days import OTHER, PUBLIC, SECRET, day, ids, write


@pytest.mark.parametrize("change", ["peaks", "heads", "size", "proofs", "gone", "junk", "cut", "signature"])
def test_a_changed_record_is_broken(tmp_path, change):
    path = tmp_path / "audit.jsonl"
    write(path, range(10))
    older = make_checkpoint(path, SECRET)
    write(path, range(10, 30))
    anchor = make_checkpoint(path, SECRET)
    prune(path, day(21), anchor=older, key=SECRET)
    assert verify(path, [older, anchor], key=PUBLIC).verdict is Verdict.COMPLETE
    target = record_path(path)
    document = json.loads(target.read_bytes())
    record = document["records"][0]
    other = "ab" * 32
    if change == "peaks":
        record["peaks"][1] = other
        record["note"] = ""
    elif change == "heads":
        record["heads"][0]["event_hash"] = other
    elif change == "size":
        record["size"] += 1
    elif change == "proofs":
        record["proofs"]["10"][0] = other
    elif change == "signature":
        record["note"] = record["note"].replace("audit.jsonl", "other.jsonl", 1)
    target.write_text(json.dumps(document), "utf-8")
    if change == "gone":
        target.unlink()
    elif change == "junk":
        target.write_bytes(b"\xff\x00")
    elif change == "cut":
        target.write_bytes(target.read_bytes()[:-9])
    rule = {
        "peaks": "anchor-root",
        "heads": "broken-link",
        "proofs": "anchor-root",
        "gone": "cut-head",
        "signature": "pruned-signature",
    }.get(change, "pruned-record")
    found = verify(path, [anchor, older], key=PUBLIC)
    assert (found.verdict, found.faults[0].rule) == (Verdict.BROKEN, rule)


def test_a_forged_pruning_is_broken_under_an_anchor_and_never_complete_without(tmp_path):
    """An intruder removes the head, and forges the record that an honest pruning would have left."""
    path = tmp_path / "audit.jsonl"
    write(path, range(10))
    early = make_checkpoint(path, SECRET)
    write(path, range(10, 30))
    late = make_checkpoint(path, SECRET)
    events = [parse_line(line) for line in path.read_bytes().splitlines()]
    head, lines = new_chain(), []
    for event in events[:4] + events[6:]:
        del event["integrity"]
        line, head = link(event, head)
        lines.append(line)
    path.write_bytes(b"".join(lines))
    prune(path, day(25), key=OTHER)
    assert verify(path).verdict is Verdict.CONSISTENT
    for anchor in (early, late):
        for key in (None, PUBLIC):
            assert verify(path, anchor, key=key).verdict is Verdict.BROKEN


@pytest.mark.parametrize("attack", ["edit", "drop first", "drop", "cut tail", "empty"])
def test_what_is_done_to_a_pruned_ledger_shows(tmp_path, attack):
    path = tmp_path / "audit.jsonl"
    write(path, range(30))
    anchor = make_checkpoint(path, SECRET)
    prune(path, day(20))
    lines = path.read_bytes().splitlines(keepends=True)
    lines = {
        "edit": [lines[0].replace(b"e020", b"e021"), *lines[1:]],
        "drop first": lines[1:],
        "drop": [*lines[:3], *lines[4:]],
        "cut tail": lines[:-2],
        "empty": [],
    }[attack]
    path.write_bytes(b"".join(lines))
    rule, line = {"edit": ("edited", 1), "drop first": ("gap", 1), "drop": ("gap", 4)}.get(attack, ("anchor-size", len(lines) + 1))
    found = verify(path, anchor)
    assert (found.verdict, found.faults[0].rule, found.faults[0].line) == (Verdict.BROKEN, rule, line)
    if rule == "anchor-size":
        assert verify(path).verdict in (Verdict.CONSISTENT, Verdict.EMPTY)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(12))
def test_stopped_at_any_step_the_ledger_verifies_and_the_next_pruning_ends_it(kept, step, monkeypatch):
    path, anchors = kept
    prune(path, day(4), anchor=anchors[2])
    steps = []

    def stopping(real):
        def call(*args, **kwargs):
            steps.append(real)
            if len(steps) > step:
                raise Killed
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", stopping(os.fsync))
        patch.setattr(Path, "replace", stopping(Path.replace))
        # What a killed process leaves is left, also by the clean-up.
        patch.setattr(Path, "unlink", stopping(Path.unlink))
        patch.setattr(removal_module, "write_records", stopping(removal_module.write_records))
        with contextlib.suppress(Killed):
            prune(path, day(25), anchor=anchors[15])
    for size in (2, 4, 25, 40):
        assert verify(path, anchors[size]).verdict is Verdict.COMPLETE, (size, step)
    write(path, [40])
    done = prune(path, day(25), anchor=anchors[15] if verify(path).pruned == 4 else None)
    assert done.pruned == 25
    assert ids(path) == [f"e{number:03}" for number in range(25, 41)]
    for size in (2, 4, 15, 25, 40):
        assert verify(path, anchors[size]).verdict is Verdict.COMPLETE, (size, step)


HELD = """
import os, sys, time
from bh_lib.emitters import _removal, pruned, prune
name = sys.argv[3]
def hold(*_):
    print("go", flush=True)
    time.sleep(600)
if name == "copy":
    _removal.Removal._append = hold
else:
    pruned.os.fsync = lambda fd: hold() if "pruned" in os.readlink(f"/proc/self/fd/{fd}") else None
prune(sys.argv[1], sys.argv[2])
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads a file's name from /proc")
@pytest.mark.parametrize("where", ["copy", "record"])
def test_what_a_killed_pruning_left_goes_with_the_next_one_and_nothing_else_does(kept, where):
    path, anchors = kept
    # Neither is ours: somebody's own file, and an export that is at work.
    others = [path.with_name(f".{path.name}.prune-mine.part"), path.with_name(f".{path.name}.abcd1234.part")]
    for other in others:
        other.touch()

    def parts():
        return sorted(file for file in path.parent.glob(".*.part") if file not in others)

    child = subprocess.Popen([sys.executable, "-c", HELD, str(path), day(5), where], stdout=subprocess.PIPE)
    if not child.stdout.readline():
        child.wait()
        pytest.skip("cut between two files: there is nothing to copy")
    left = parts()
    assert left
    if where == "copy":
        prune(path, day(0))
        assert parts() == left  # its maker lives
    child.kill()
    child.communicate()
    assert parts() == left
    prune(path, day(0))
    assert parts() == []
    assert all(other.exists() for other in others)
    assert verify(path, anchors[40]).verdict is Verdict.COMPLETE


PRUNE = """
import sys
from bh_lib.emitters import prune
print("go", flush=True)
prune(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_a_random_instant_the_ledger_verifies(tmp_path, seed):
    chance = random.Random(seed)
    path = tmp_path / "audit.jsonl"
    sink = JsonlSink(path, rotate_bytes=chance.choice([None, 40_000]))
    for number in range(0, 300, 50):
        sink.append_many([{"event_id": f"e{each}", "timestamp": day(each)} for each in range(number, number + 50)])
    sink.close()
    anchors = [make_checkpoint(path, SECRET)]
    job = subprocess.Popen([sys.executable, "-c", PRUNE, path, day(220)], stdout=subprocess.PIPE)
    with job:
        assert job.stdout.readline() == b"go\n"
        time.sleep(chance.random() * 0.04)
        job.kill()
    found = verify(path, anchors)
    assert (found.verdict, found.events + found.pruned) == (Verdict.COMPLETE, 300)
    assert prune(path, day(220)).pruned == 220
    assert verify(path, anchors).verdict is Verdict.COMPLETE
    assert [file for file in ledger_files(path) if file.stat().st_size] and ids(path)[0] == "e220"


def _write_on(path: Path, count: int, go) -> None:
    sink = JsonlSink(path, rotate_bytes=20_000)
    go.wait()
    for number in range(count):
        sink.append({"event_id": f"{os.getpid()}-{number}", "timestamp": day(100)})
    sink.close()


def test_writers_of_other_processes_lose_nothing_while_it_is_pruned(tmp_path):
    path = tmp_path / "audit.jsonl"
    write(path, range(80), rotate_bytes=20_000)
    anchor = make_checkpoint(path, SECRET)
    context = multiprocessing.get_context("spawn")
    go = context.Event()
    writers = [context.Process(target=_write_on, args=(path, 400, go)) for _ in range(3)]
    for writer in writers:
        writer.start()
    go.set()
    removed = 0
    while any(writer.is_alive() for writer in writers) or removed < 80:
        for number in range(10, 81, 10):
            removed += prune(path, day(number) if number < 80 else day(99)).removed
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    found = verify(path, anchor)
    assert (found.verdict, found.pruned, found.events) == (Verdict.COMPLETE, 80, 1200)
    assert len(set(ids(path))) == 1200
