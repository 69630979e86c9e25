"""Pruning: what is left proves what it can, and says no more than that."""

from __future__ import annotations

import json
import os

import pytest

from bh_lib.emitters import (
    AuditConfig,
    AuditLogger,
    Checkpoint,
    JsonlSink,
    MemorySink,
    Verdict,
    check_note,
    ledger_files,
    make_checkpoint,
    verify,
)
from bh_lib.emitters.prune import prune
from bh_lib.emitters.pruned import read_records, record_path
from bh_lib.errors import BhError, ConfigError, IntegrityError
from tests.emitters.days import OTHER_PUBLIC, PUBLIC, SECRET, day, ids, write


def test_old_events_go_and_every_later_anchor_still_holds(kept):
    path, anchors = kept
    done = prune(path, day(25))
    assert (done.removed, done.pruned, done.kept, done.record) == (25, 25, 15, record_path(path))
    assert ids(path) == [f"e{number:03}" for number in range(25, 40)]
    found = verify(path)
    assert (found.verdict, found.events, found.pruned) == (Verdict.CONSISTENT, 15, 25)
    for size in range(25, 41):
        found = verify(path, anchors[size], key=PUBLIC)
        assert (found.verdict, found.anchored) == (Verdict.COMPLETE, size)
    assert verify(path, anchors[40], workers=2) == verify(path, anchors[40])


def test_a_pruned_ledger_goes_on_and_new_checkpoints_continue_the_old_ones(kept):
    path, anchors = kept
    prune(path, day(25))
    write(path, range(40, 45))
    newer = make_checkpoint(path, SECRET)
    assert newer.size == 45
    assert verify(path, [anchors[30], newer], key=PUBLIC).verdict is Verdict.COMPLETE


def test_anchors_that_are_named_can_be_held_against_the_pruned_part(kept):
    path, anchors = kept
    prune(path, day(25), anchor=[anchors[3], anchors[16], anchors[24]], anchor_key=PUBLIC)
    for size in (3, 16, 24):
        assert verify(path, anchors[size], key=PUBLIC).verdict is Verdict.COMPLETE
        forged = Checkpoint("audit.jsonl", size, bytes(32))
        assert verify(path, forged).faults[0].rule == "anchor-root"


def test_an_anchor_inside_the_pruned_part_whose_proof_was_not_kept_is_never_complete(kept):
    path, anchors = kept
    prune(path, day(25))
    found = verify(path, anchors[10], key=PUBLIC)
    assert (found.verdict, found.faults[0].rule) == (Verdict.BROKEN, "anchor-pruned")


def test_where_the_anchors_own_key_signed_the_pruning_it_is_consistent_and_no_more(kept):
    path, anchors = kept
    prune(path, day(25), key=SECRET)
    assert check_note(read_records(path)[-1].note, PUBLIC).splitlines()[:2] == ["audit.jsonl", "25"]
    found = verify(path, anchors[10], key=PUBLIC)
    assert (found.verdict, found.anchored, found.faults) == (Verdict.CONSISTENT, 0, ())
    # Not so for an anchor that is not asked to be signed, or signed by somebody else.
    assert verify(path, anchors[10]).faults[0].rule == "anchor-pruned"
    assert verify(path, anchors[10], key=OTHER_PUBLIC).verdict is Verdict.BROKEN
    assert verify(path, [anchors[10], anchors[30]], key=PUBLIC).verdict is Verdict.CONSISTENT
    assert verify(path, anchors[30], key=PUBLIC).verdict is Verdict.COMPLETE


def test_pruning_again_carries_the_proofs_on(kept):
    path, anchors = kept
    prune(path, day(9), anchor=anchors[5])
    prune(path, day(20), anchor=[anchors[5], anchors[12]])
    done = prune(path, day(33))
    assert (done.removed, done.pruned, done.kept) == (13, 33, 7)
    for size in (5, 9, 12, 20, 33, 40):
        assert verify(path, anchors[size], key=PUBLIC).verdict is Verdict.COMPLETE, size
    for size in (1, 10, 21):
        assert verify(path, anchors[size]).verdict is Verdict.BROKEN, size
    for size in (5, 12):
        assert verify(path, Checkpoint("x", size, bytes(32))).faults[0].rule == "anchor-root"


def test_the_last_event_stays_so_that_the_next_one_follows_it(kept):
    path, anchors = kept
    done = prune(path, "2022-01-01")
    assert (done.removed, done.kept) == (39, 1)
    write(path, [40])
    assert verify(path, anchors[40]).verdict is Verdict.COMPLETE
    assert ids(path) == ["e039", "e040"]


def test_nothing_old_enough_changes_nothing(kept):
    path, _ = kept
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    assert prune(path, "2020-12-31").removed == 0
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_an_older_event_behind_a_newer_one_stays(tmp_path):
    path = tmp_path / "audit.jsonl"
    write(path, [1, 2, 9, 3, 10])
    assert prune(path, day(5)).removed == 2
    assert ids(path) == ["e009", "e003", "e010"]


def test_an_event_without_a_time_ends_what_is_removed(tmp_path):
    path = tmp_path / "audit.jsonl"
    sink = JsonlSink(path)
    for event in ({"timestamp": day(1)}, {}, {"timestamp": day(2)}):
        sink.append({"event_id": "e", **event})
    sink.close()
    assert prune(path, day(20)).removed == 1


def test_a_broken_ledger_or_a_wrong_anchor_is_not_pruned(kept):
    path, anchors = kept
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    for anchor, key in ((Checkpoint("x", 10, bytes(32)), None), (Checkpoint("x", 99, bytes(32)), None), (anchors[9], OTHER_PUBLIC)):
        with pytest.raises(IntegrityError, match="nothing is removed"):
            prune(path, day(25), anchor=anchor, anchor_key=key)
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before
    last = ledger_files(path)[-1]
    last.write_bytes(last.read_bytes().replace(b"e039", b"e999"))
    with pytest.raises(IntegrityError, match="edited"):
        prune(path, day(25))
    assert ids(path)[0] == "e000"
    assert not record_path(path).exists()


@pytest.mark.parametrize("before", ["yesterday", "2021-13-01", "2021-01-01T00:00:00", "9999-01-01"])
def test_a_time_that_is_none_is_refused(tmp_path, before):
    with pytest.raises(ConfigError, match="before"):
        prune(tmp_path / "audit.jsonl", before)


def test_the_pruning_is_itself_an_audit_event(tmp_path):
    path, sink = tmp_path / "audit.jsonl", MemorySink()
    write(path, range(5))
    with AuditLogger(AuditConfig(service="retention"), sink=sink) as audit:
        prune(path, day(3), audit=audit, actor={"subject_id": "u-1", "subject_type": "human"})
        path.write_bytes(path.read_bytes().replace(b"e004", b"e005"))
        with pytest.raises(BhError):
            prune(path, day(4), audit=audit)
    done, refused = sink.events
    assert (done["action"]["type"], done["resource"], done["outcome"]["status"]) == (
        "DELETE",
        {"type": "AuditLog", "id": "audit.jsonl"},
        "SUCCESS",
    )
    assert done["actor"]["subject_id"] == "u-1"
    assert (refused["outcome"]["status"], refused["outcome"]["error_type"]) == ("FAILURE", "IntegrityError")
    assert refused["actor"]["subject_id"] == "bh-audit-prune"


def test_the_event_may_go_to_the_pruned_ledger_itself(tmp_path):
    path = tmp_path / "audit.jsonl"
    write(path, range(5))
    with AuditLogger(AuditConfig(service="retention"), sink=JsonlSink(path)) as audit:
        assert prune(path, day(3), audit=audit).removed == 3
    found = verify(path)
    assert (found.verdict, found.events) == (Verdict.CONSISTENT, 3)


def test_a_published_ledger_and_one_of_many_chains_are_pruned_too(tmp_path):
    import hashlib

    path, previous, lines = tmp_path / "log.jsonl", None, []
    for number in range(12):
        event = {"event_id": f"e{number}", "timestamp": day(number)}
        body = json.dumps(event, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha512((previous or "").encode() + body).hexdigest()
        block = {"event_hash": digest, "hash_alg": "sha512"} | ({"prev_event_hash": previous} if previous else {})
        lines.append(json.dumps({**event, "integrity": block}).encode() + b"\n")
        previous = digest
    path.write_bytes(b"".join(lines))
    anchor = make_checkpoint(path, SECRET)
    assert prune(path, day(7)).removed == 7
    assert verify(path, anchor, key=PUBLIC).verdict is Verdict.COMPLETE

    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    write(one, range(0, 20, 2))
    write(two, range(1, 20, 2))
    both = zip(one.read_bytes().splitlines(keepends=True), two.read_bytes().splitlines(keepends=True), strict=True)
    one.write_bytes(b"".join(line for pair in both for line in pair))
    anchor = make_checkpoint(one, SECRET)
    assert prune(one, day(13), many_chains=True).removed == 13
    found = verify(one, anchor, many_chains=True)
    assert (found.verdict, found.chains, found.events) == (Verdict.COMPLETE, 2, 7)


def test_what_stays_keeps_its_rights_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "audit.jsonl"
    write(path, range(9))
    path.chmod(0o640)
    os.utime(path, (1_600_000_000, 1_600_000_000))
    prune(path, day(4))
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_mtime == 1_600_000_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["audit.jsonl", "audit.jsonl.pruned"]
