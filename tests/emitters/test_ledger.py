"""One event is proved without showing any other."""

from __future__ import annotations

import pytest

from bh_lib.emitters import JsonlSink, generate_keys, ledger_files, make_checkpoint, read_ledger
from bh_lib.emitters.ledger import check_event, prove_event
from bh_lib.errors import InputError, IntegrityError


@pytest.fixture
def ledger(tmp_path):
    sink = JsonlSink(tmp_path / "audit.jsonl")
    for number in range(13):
        sink.append({"event_id": f"e{number}", "action": {"type": "READ"}})
    return sink


def test_every_event_is_proved_under_the_checkpoint_also_after_the_ledger_grew(ledger):
    checkpoint = make_checkpoint(ledger.path, generate_keys("k")[0])
    ledger.append({"event_id": "later"})
    for event in list(read_ledger(ledger.path))[:13]:
        check_event(event, prove_event(ledger.path, event["event_id"], checkpoint.size), checkpoint)
    with pytest.raises(InputError, match="no such event"):
        prove_event(ledger.path, "later", checkpoint.size)


def test_another_event_or_an_edited_one_or_another_size_is_refused(ledger):
    checkpoint = make_checkpoint(ledger.path, generate_keys("k")[0])
    events = list(read_ledger(ledger.path))
    proof = prove_event(ledger.path, "e4", checkpoint.size)
    with pytest.raises(IntegrityError, match="root"):
        check_event(events[5], proof, checkpoint)
    with pytest.raises(IntegrityError, match="hash"):
        check_event({**events[4], "action": {"type": "EDIT"}}, proof, checkpoint)
    with pytest.raises(IntegrityError, match="size"):
        check_event(events[4], prove_event(ledger.path, "e4", 9), checkpoint)
    with pytest.raises(IntegrityError, match="integrity"):
        check_event({"event_id": "e4"}, proof, checkpoint)


def test_events_of_a_rotated_and_pruned_trail_are_proved_under_checkpoints_from_before_and_after(tmp_path):
    from bh_lib.emitters import prune

    sink = JsonlSink(tmp_path / "audit.jsonl", rotate_bytes=900)
    for number in range(30):
        sink.append({"event_id": f"e{number}", "timestamp": f"2021-03-{number + 1:02}T08:00:00Z"})
    before = make_checkpoint(sink.path, generate_keys("k")[0])
    prune(sink.path, "2021-03-14")
    for number in range(30, 37):
        sink.append({"event_id": f"e{number}", "timestamp": "2021-05-01T08:00:00Z"})
    sink.close()
    after = make_checkpoint(sink.path, generate_keys("k")[0])
    events = list(read_ledger(sink.path))
    assert [event["event_id"] for event in events] == [f"e{number}" for number in range(13, 37)]
    for number, event in enumerate(events, 13):
        for checkpoint in (before, after) if number < 30 else (after,):
            proof = prove_event(sink.path, event["event_id"], checkpoint.size)
            assert (proof.index, proof.size) == (number, checkpoint.size)
            check_event(event, proof, checkpoint)
    for gone in ("e12", "e0"):
        with pytest.raises(InputError, match="no such event"):
            prove_event(sink.path, gone)


def names(ledger):
    return [event["event_id"] for event in read_ledger(ledger)]


def test_a_path_stands_for_all_files_of_its_trail_and_a_list_of_files_for_itself(tmp_path):
    sink = JsonlSink(tmp_path / "audit.jsonl", rotate_bytes=900)
    for number in range(30):
        sink.append({"event_id": f"e{number}"})
    sink.close()
    files = ledger_files(sink.path)
    assert len(files) > 3
    assert names(sink.path) == names(files) == [f"e{number}" for number in range(30)]
    assert names(files[0]) + names(files[1:]) == names(files)


def test_a_file_that_a_stopped_pruning_left_is_no_part_of_the_ledger(tmp_path):
    from bh_lib.emitters import prune, verify

    sink = JsonlSink(tmp_path / "audit.jsonl", rotate_bytes=900)
    for number in range(30):
        sink.append({"event_id": f"e{number}", "timestamp": f"2021-03-{number + 1:02}T08:00:00Z"})
    sink.close()
    first = ledger_files(sink.path)[0]
    content = first.read_bytes()
    prune(sink.path, "2021-03-14")
    first.write_bytes(content)
    assert names(sink.path) == [f"e{number}" for number in range(13, 30)]
    assert len(names(sink.path)) == verify(sink.path).events


def test_a_line_that_is_being_written_is_left_for_the_next_time_and_any_other_is_named(ledger):
    with open(ledger.path, "ab") as out:
        out.write(b'{"event_id":"e13","act')
    assert names(ledger.path) == [f"e{number}" for number in range(13)]
    with open(ledger.path, "ab") as out:
        out.write(b"\n")
    with pytest.raises(InputError, match=r"audit\.jsonl, line 14: is not valid JSON"):
        names(ledger.path)
    with pytest.raises(InputError, match="no such file"):
        names(ledger.path.with_name("other.jsonl"))
