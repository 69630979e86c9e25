"""Logs with the published chain verify, and their tampering shows where that chain can show it."""

from __future__ import annotations

import hashlib
import json

import pytest

from bh_lib.emitters import Verdict, generate_keys, make_checkpoint, read_ledger, verify
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
