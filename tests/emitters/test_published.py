"""Logs with the published chain verify, and their tampering shows where that chain can show it."""

from __future__ import annotations

import hashlib
import json

import pytest

from bh_lib.emitters import JsonlSink, Verdict, _parts, generate_keys, make_checkpoint, read_ledger, verify
from bh_lib.emitters.ledger import check_event, prove_event
from bh_lib.errors import IntegrityError


def published_log(path, algorithm, count=6):
    """Written from the published description alone: previous hash, then the event without integrity, sorted and compact."""
    previous, lines = None, []
    for number in range(count):
        event = {
            "schema_version": "2.1",
            "event_id": f"e{number}",
            "metadata": {"ratio": 0.5, "wort": "Grüße"},
            "action": {"type": "READ"},
        }
        body = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        digest = hashlib.new(algorithm, (previous or "").encode() + body).hexdigest()
        block = {"event_hash": digest, "hash_alg": algorithm} | ({"prev_event_hash": previous} if previous else {})
        lines.append(json.dumps({**event, "integrity": block}).encode() + b"\n")
        previous = digest
    path.write_bytes(b"".join(lines))
    return lines


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_published_log_is_consistent_and_complete_under_an_anchor(tmp_path, algorithm):
    path = tmp_path / "log.jsonl"
    published_log(path, algorithm)
    assert (verify(path).verdict, verify(path).events) == (Verdict.CONSISTENT, 6)
    secret, public = generate_keys("k")
    anchor = make_checkpoint(path, secret)
    assert verify(path, anchor, key=public).verdict is Verdict.COMPLETE


@pytest.mark.parametrize(
    ("change", "line", "rule"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"READ", b"EDIT"), *lines[2:]], 2, "edited"),
        (lambda lines: lines[:2] + lines[3:], 3, "broken-link"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1, "cut-head"),
        (lambda lines: lines[2:], 1, "cut-head"),
        (lambda lines: [*lines[:3], lines[1], *lines[3:]], 4, "broken-link"),
        (lambda lines: [*lines[:3], b'{"event_id":"x"}\n', *lines[3:]], 4, "no-integrity"),
    ],
)
def test_tampering_with_a_published_log_is_broken(tmp_path, change, line, rule):
    path = tmp_path / "log.jsonl"
    lines = published_log(path, "sha256")
    path.write_bytes(b"".join(change(lines)))
    found = verify(path)
    assert (found.verdict, found.faults[0].line, found.faults[0].rule) == (Verdict.BROKEN, line, rule)


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_an_event_of_a_published_log_is_proved_by_itself(tmp_path, algorithm):
    path = tmp_path / "log.jsonl"
    published_log(path, algorithm)
    checkpoint = make_checkpoint(path, generate_keys("k")[0])
    for event in read_ledger(path):
        proof = prove_event(path, event["event_id"])
        check_event(event, proof, checkpoint)
        for broken in ({**event, "action": {}}, {**event, "integrity": {"event_hash": event["integrity"]["event_hash"]}}):
            with pytest.raises(IntegrityError):
                check_event(broken, proof, checkpoint)


def restarted(path, *counts, algorithm="sha256"):
    """A log of a service that was started so many times, with so many events each."""
    runs = [published_log(path, algorithm, count) for count in counts]
    path.write_bytes(b"".join(line for run in runs for line in run))
    return runs


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_log_that_began_anew_is_broken_unless_restarts_are_allowed_and_then_they_are_counted(tmp_path, algorithm):
    path = tmp_path / "log.jsonl"
    restarted(path, 3, 1, 4, algorithm=algorithm)
    for allowed in ({}, {"many_chains": True}):
        assert (verify(path, **allowed).verdict, verify(path, **allowed).faults[0].rule) == (Verdict.BROKEN, "broken-link")
    found = verify(path, restarts=True)
    assert (found.verdict, found.restarts, found.events, found.faults) == (Verdict.CONSISTENT, 2, 8, ())


@pytest.mark.parametrize(
    ("change", "line", "rule"),
    [
        (lambda runs: [[runs[0][0], runs[0][2]], runs[1]], 2, "broken-link"),
        (lambda runs: [runs[0], [runs[1][1], runs[1][0], runs[1][2]]], 4, "broken-link"),
        (lambda runs: [runs[0], runs[1][1:]], 4, "broken-link"),
        (lambda runs: [runs[0][1:], runs[1]], 1, "cut-head"),
        (lambda runs: [runs[0], [runs[1][0].replace(b"READ", b"EDIT"), *runs[1][1:]]], 4, "edited"),
        (lambda runs: [runs[0], [b'{"event_id":"x"}\n'], runs[1]], 4, "no-integrity"),
    ],
    ids=["deleted", "reordered", "a beginning deleted", "the first beginning deleted", "edited", "stripped"],
)
def test_where_restarts_are_allowed_each_run_is_verified_all_the_same(tmp_path, change, line, rule):
    path = tmp_path / "log.jsonl"
    runs = restarted(path, 3, 3)
    path.write_bytes(b"".join(item for run in change(runs) for item in run))
    found = verify(path, restarts=True)
    assert (found.verdict, found.faults[0].line, found.faults[0].rule) == (Verdict.BROKEN, line, rule)


def test_a_forged_beginning_needs_its_hash_made_anew(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = published_log(path, "sha256", 4)
    event = json.loads(lines[2])
    del event["integrity"]["prev_event_hash"]
    path.write_bytes(b"".join([*lines[:2], json.dumps(event).encode() + b"\n", lines[3]]))
    assert verify(path, restarts=True).faults[0].rule == "edited"


def test_no_anchor_makes_a_log_complete_where_restarts_are_allowed_and_a_wrong_one_breaks_it(tmp_path):
    path = tmp_path / "log.jsonl"
    secret, public = generate_keys("k")
    first, _ = restarted(path, 3, 3)
    whole = path.read_bytes()
    path.write_bytes(b"".join(first))
    anchor = make_checkpoint(path, secret)
    assert verify(path, anchor, key=public).verdict is Verdict.COMPLETE
    assert verify(path, anchor, key=public, restarts=True).verdict is Verdict.CONSISTENT
    path.write_bytes(whole)
    assert verify(path, anchor, key=public, restarts=True).verdict is Verdict.CONSISTENT
    path.write_bytes(whole[len(first[0]) + len(first[1]) :])
    assert verify(path, anchor, key=public, restarts=True).verdict is Verdict.BROKEN
    path.write_bytes(b"")
    assert verify(path, restarts=True).verdict is Verdict.EMPTY


def test_a_ledger_of_ours_is_judged_as_ever_where_restarts_are_allowed(tmp_path):
    for name in ("one", "two"):
        sink = JsonlSink(tmp_path / name)
        for number in range(3):
            sink.append({"event_id": f"{name}{number}"})
        sink.close()
    both = tmp_path / "both"
    both.write_bytes((tmp_path / "one").read_bytes() + (tmp_path / "two").read_bytes())
    found = verify(both, restarts=True)
    assert (found.verdict, found.faults[0].rule, found.restarts) == (Verdict.BROKEN, "second-chain", 0)


def test_workers_count_the_same_restarts(tmp_path, monkeypatch):
    monkeypatch.setattr(_parts, "_PART", 700)
    path = tmp_path / "log.jsonl"
    restarted(path, 5, 1, 7, 2, 9)
    assert verify(path, restarts=True, workers=2) == verify(path, restarts=True)
    assert verify(path, restarts=True).restarts == 4
