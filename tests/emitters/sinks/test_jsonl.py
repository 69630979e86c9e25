"""The ledger file: resumed, repaired, and never left half-written."""

from __future__ import annotations

import os

import pytest

from bh_lib.emitters import JsonlSink, Verdict, verify
from bh_lib.errors import ConfigError, InputError


def numbered(start, count):
    return [{"action": {"type": "READ"}, "event_id": f"e{number}"} for number in range(start, start + count)]


def filled(path, count=3):
    sink = JsonlSink(path)
    for event in numbered(0, count):
        sink.append(event)
    sink.close()
    return sink


def test_a_reopened_ledger_goes_on_where_it_stood(tmp_path):
    path = tmp_path / "a.jsonl"
    filled(path)
    again = JsonlSink(path)
    assert again.append({"event_id": "e3"}).seq == 3
    assert (verify(path).verdict, verify(path).chains) == (Verdict.CONSISTENT, 1)


def test_a_ledger_is_readable_by_its_owner_only(tmp_path):
    assert filled(tmp_path / "a.jsonl").path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kept", [1, 30, 200])
def test_a_torn_tail_is_repaired_on_reopen(tmp_path, kept):
    path = tmp_path / "a.jsonl"
    filled(path)
    whole = path.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    path.write_bytes(whole[: -len(last)] + last[:kept])
    torn = verify(path)
    assert (torn.verdict, torn.events, torn.torn_bytes) == (Verdict.CONSISTENT, 2, kept)
    assert JsonlSink(path).append({"event_id": "e2"}).seq == 2
    assert (verify(path).verdict, verify(path).events) == (Verdict.CONSISTENT, 3)


def test_a_torn_first_line_leaves_an_empty_ledger(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"event_id":')
    assert JsonlSink(path).append({"event_id": "e0"}).seq == 0


def test_a_last_line_longer_than_one_read_is_found(tmp_path):
    path = tmp_path / "a.jsonl"
    sink = JsonlSink(path)
    sink.append({"event_id": "e0"})
    sink.append({"event_id": "e1", "metadata": {"text": "x" * 200_000}})
    sink.close()
    assert JsonlSink(path).append({"event_id": "e2"}).seq == 2


def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"Ann Example, born 1990-01-02\n")
    with pytest.raises(InputError, match=r"notes\.txt") as caught:
        JsonlSink(path)
    assert "Ann" not in str(caught.value)
    assert path.read_bytes() == b"Ann Example, born 1990-01-02\n"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="FileNotFoundError"):
        JsonlSink(tmp_path / "nowhere" / "a.jsonl")


def test_a_write_cut_short_by_a_full_disk_leaves_no_trace_and_the_head_where_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    filled(path)
    sink, before, real = JsonlSink(path), path.read_bytes(), os.write
    calls = iter([40, OSError(28, "No space left on device")])

    def full(fd, data):
        step = next(calls)
        if isinstance(step, OSError):
            raise step
        return real(fd, data[:step])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        sink.append({"event_id": "e3"})
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert sink.append({"event_id": "e3"}).seq == 3
    assert verify(path).verdict is Verdict.CONSISTENT


def test_two_sinks_on_one_file_take_turns_on_one_chain(tmp_path):
    path = tmp_path / "a.jsonl"
    one, two = JsonlSink(path), JsonlSink(path)
    places = [sink.append(event).seq for sink, event in zip([one, two, two, one, two], numbered(0, 5), strict=True)]
    assert places == [0, 1, 2, 3, 4]
    assert verify(path).verdict is Verdict.CONSISTENT


def test_a_batch_is_one_piece_and_continues_the_chain(tmp_path):
    sink = JsonlSink(tmp_path / "a.jsonl")
    sink.append({"event_id": "e0"})
    assert sink.append_many(numbered(1, 20)) == 20
    assert sink.append_many([]) == 0
    assert verify(sink.path).events == 21
    assert sink.holds(["e3", "e20", "e21"]) == {"e3", "e20"}


def test_a_ledger_moved_away_is_followed_by_a_new_file_that_goes_on_with_the_chain(tmp_path):
    path = tmp_path / "a.jsonl"
    sink = JsonlSink(path)
    sink.append({"event_id": "e0"})
    path.rename(tmp_path / "moved.jsonl")
    sink.append({"event_id": "e1"})
    sink.append({"event_id": "e2"})
    moved = tmp_path / "moved.jsonl"
    assert (verify(moved).events, verify(path).events) == (1, 2)
    assert (verify([moved, path]).verdict, verify([moved, path]).events, verify([moved, path]).chains) == (Verdict.CONSISTENT, 3, 1)
    assert str(verify([path, moved]).faults[0]).startswith("a.jsonl, line 1: cut-head")
    assert str(verify([moved, moved]).faults[0]).startswith("moved.jsonl, line 1: fork")
    with pytest.raises(InputError):
        verify([])


def test_writers_that_rotate_together_do_not_fork(tmp_path):
    path = tmp_path / "a.jsonl"
    sinks = [JsonlSink(path) for _ in range(3)]
    files = []
    for turn in range(4):
        for number, sink in enumerate(sinks):
            sink.append({"event_id": f"{turn}-{number}"})
        files.append(path.rename(tmp_path / f"{turn}.jsonl"))
    sinks[2].append({"event_id": "last"})
    found = verify([*files, path])
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 13, 1)


def test_a_ledger_that_is_emptied_or_removed_under_its_writer_shows(tmp_path):
    path = tmp_path / "a.jsonl"
    for attack in (lambda: os.truncate(path, 0), path.unlink):
        sink = JsonlSink(path)
        sink.append({"event_id": "e0"})
        attack()
        sink.append({"event_id": "e1"})
        assert verify(path).faults[0].rule == "cut-head"
        path.unlink()


def test_only_the_events_own_id_counts_as_held(tmp_path):
    sink = JsonlSink(tmp_path / "a.jsonl")
    sink.append({"event_id": "e0", "metadata": {"event_id": "e1"}})
    assert sink.holds(["e0", "e1"]) == {"e0"}


def test_without_file_locks_the_sink_says_what_to_use_instead(tmp_path, monkeypatch):
    monkeypatch.setattr("bh_lib.emitters.sinks._file._fcntl", None)
    with pytest.raises(ConfigError, match="use the SQL sink"):
        JsonlSink(tmp_path / "a.jsonl")
    assert list(tmp_path.iterdir()) == []
