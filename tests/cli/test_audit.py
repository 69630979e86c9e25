"""``bh audit``: sound, whole, signed, reviewed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def kept(bh, log):
    """A copy of the log with a checkpoint and the auditor's key beside it."""
    shutil.copy(log / "events.jsonl", "log.jsonl")
    assert bh("audit", "checkpoint", "log.jsonl", "--key", "auditor.key", "--out", "log.checkpoint").status == 0
    return Path("log.jsonl")


def test_a_log_without_an_anchor_is_consistent(bh, log):
    ran = bh("audit", "verify", log / "events.jsonl")
    assert ran.status == 0 and ran.out.startswith("CONSISTENT: 120 events")


def test_a_log_under_its_checkpoint_is_complete(bh, kept):
    ran = bh("audit", "verify", kept, "--anchor", "log.checkpoint", "--public-key", "auditor.key.pub", "--json")
    assert ran.status == 0 and json.loads(ran.out)["verdict"] == "COMPLETE"


def test_a_log_without_its_last_event_is_broken_under_its_checkpoint_alone(bh, kept):
    kept.write_bytes(b"".join(kept.read_bytes().splitlines(keepends=True)[:-1]))
    assert bh("audit", "verify", kept).out.startswith("CONSISTENT")
    ran = bh("audit", "verify", kept, "--anchor", "log.checkpoint")
    assert ran.status == 1 and ran.out.startswith("BROKEN") and "first fault" in ran.out


def test_a_changed_event_is_the_first_fault(bh, kept, canary):
    lines = kept.read_text("utf-8").splitlines()
    event = json.loads(lines[4])
    event["actor"]["subject_id"] = canary
    lines[4] = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    kept.write_text("\n".join(lines) + "\n", "utf-8")
    ran = bh("audit", "verify", kept)
    assert ran.status == 1 and "line 5" in ran.out and canary not in ran.shown


def test_an_empty_log_is_empty_and_found_wanting(bh):
    Path("empty.jsonl").touch()
    ran = bh("audit", "verify", "empty.jsonl")
    assert ran.status == 1 and ran.out.startswith("EMPTY")


def test_a_broken_log_is_not_signed_and_no_key_stays(bh, kept, tmp_path):
    kept.write_text("{\n", "utf-8")
    bh("audit", "checkpoint", kept, "--key", "new.key", "--out", "new.checkpoint").refused()
    assert list(tmp_path.glob("new.*")) == []


def test_a_key_that_was_there_stays_when_signing_fails(bh, kept):
    before = Path("auditor.key").read_bytes()
    kept.write_text("{\n", "utf-8")
    bh("audit", "checkpoint", kept, "--key", "auditor.key", "--out", "new.checkpoint").refused()
    assert Path("auditor.key").read_bytes() == before and Path("auditor.key.pub").exists()


def test_a_sound_log_holds_its_expectations(bh, log):
    ran = bh("audit", "check", log / "events.jsonl")
    assert ran.status == 0 and ran.out.startswith("120 events")


def test_an_expectation_that_fails_is_found_wanting_without_the_value(bh, log, rows, canary):
    events = rows(log / "events.jsonl")
    events[3]["action"]["type"] = canary
    Path("wrong.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    ran = bh("audit", "check", "wrong.jsonl")
    assert (ran.status, canary in ran.shown) == (1, False)


def test_a_review_is_itself_audited_and_written_as_a_page(bh, kept, rows):
    ran = bh("audit", "review", kept, "--denied", "--disclosures", "--html", "review.html", "--reviewer", "officer-1")
    assert ran.status == 0 and Path("review.html").exists()
    (event,) = rows("log.reviews.jsonl")
    assert event["actor"]["subject_id"] == "officer-1"
    assert bh("audit", "verify", "log.reviews.jsonl").status == 0


def test_a_review_of_one_patient_has_that_patients_accesses(bh, kept, rows):
    patient = next(row["resource"]["patient_id"] for row in rows(kept) if row.get("resource", {}).get("patient_id"))
    found = json.loads(bh("audit", "review", kept, "--patient", patient, "--json").out)
    section = next(each for each in found["sections"].values() if each["total"])
    assert patient in json.dumps(section["rows"])


@pytest.fixture
def old(bh):
    """A ledger of three old events and one of today, rotated, with a checkpoint of the first two."""
    from bh_lib.emitters import JsonlSink

    for number, year in enumerate((2001, 2002, 2003, 2026)):
        sink = JsonlSink("audit.jsonl", rotate_bytes=300)
        sink.append({"event_id": f"e{number}", "timestamp": f"{year}-05-05T08:00:00.000Z"})
        sink.close()
        if year == 2002:
            assert bh("audit", "checkpoint", "audit.jsonl", "--key", "k", "--out", "early.checkpoint").status == 0
    assert bh("audit", "checkpoint", "audit.jsonl", "--key", "k", "--out", "late.checkpoint").status == 0
    return Path("audit.jsonl")


def test_old_events_are_pruned_and_both_checkpoints_still_hold(bh, old, rows):
    ran = bh("audit", "prune", old, "--before", "2010-01-01", "--anchor", "early.checkpoint", "--key", "k", "--actor", "officer-1")
    assert ran.status == 0 and ran.out.startswith("3 events removed, 1 kept")
    (event,) = rows("audit.reviews.jsonl")
    assert (event["action"]["type"], event["actor"]["subject_id"]) == ("DELETE", "officer-1")
    anchors = ("--anchor", "early.checkpoint", "--anchor", "late.checkpoint")
    ran = bh("audit", "verify", old, *anchors, "--public-key", "k.pub")
    assert (
        ran.status == 0
        and ran.out.startswith("COMPLETE: 1 events, 1 chain(s), 4 under the anchor")
        and "3 events were pruned" in ran.out
    )
    assert json.loads(bh("audit", "prune", old, "--before", "2010-01-01", "--json").out)["removed"] == 0


def test_a_checkpoint_from_before_the_pruning_is_told_apart(bh, old):
    assert bh("audit", "prune", old, "--before", "2010-01-01").status == 0
    ran = bh("audit", "verify", old, "--anchor", "early.checkpoint")
    assert ran.status == 1 and "anchor-pruned" in ran.out


@pytest.mark.parametrize("before", ["soon", "2999-01-01", "2010-01-01T00:00"])
def test_a_time_that_is_none_prunes_nothing(bh, old, tmp_path, before):
    there = sorted(tmp_path.iterdir())
    assert "before" in bh("audit", "prune", old, "--before", before).refused()
    bh("audit", "prune", "none.jsonl", "--before", "2010-01-01").refused()
    assert sorted(tmp_path.iterdir()) == there


def test_a_broken_log_is_not_pruned_and_the_attempt_is_recorded(bh, old, rows):
    old.write_text("{\n", "utf-8")
    bh("audit", "prune", old, "--before", "2010-01-01").refused()
    assert rows("audit.reviews.jsonl")[0]["outcome"]["status"] == "FAILURE"


def test_a_compressed_log_is_refused_by_name(bh):
    import gzip

    Path("log.jsonl").write_bytes(gzip.compress(b"{}\n"))
    assert "unpack it" in bh("audit", "verify", "log.jsonl").refused()


def test_a_log_that_the_published_package_began_anew_is_verified_run_by_run_on_demand(bh):
    shutil.copy(Path(__file__).parent.parent / "cases" / "bh-audit-logger-2.0.0.jsonl", "old.jsonl")
    assert bh("audit", "verify", "old.jsonl").status == 1
    ran = bh("audit", "verify", "old.jsonl", "--restarts")
    assert ran.status == 0 and "the chain began anew 1 time(s)" in ran.out
    found = json.loads(bh("audit", "verify", "old.jsonl", "--restarts", "--json").out)
    assert (found["verdict"], found["restarts"], found["events"]) == ("CONSISTENT", 1, 6)
