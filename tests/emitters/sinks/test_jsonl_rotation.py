"""One trail in several files: closed by whoever comes first, in order by name, and one chain throughout."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bh_lib.emitters import JsonlSink, Verdict, ledger_files, read_ledger, verify
from bh_lib.errors import ConfigError, InputError

WRITER = """
import sys, threading
from bh_lib.emitters import JsonlSink
sys.setswitchinterval(1e-6)
sink = JsonlSink(sys.argv[1], rotate_bytes=4000)
def write(thread):
    for number in range(int(sys.argv[3])):
        sink.append({"event_id": f"{sys.argv[2]}-{thread}-{number}"})
threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def ids(path):
    return [event["event_id"] for event in read_ledger(path)]


def filled(path, count, **limits):
    sink = JsonlSink(path, **limits)
    for number in range(count):
        sink.append({"event_id": f"e{number}"})
    sink.close()
    return [file.name for file in ledger_files(path)]


def test_a_full_file_is_closed_under_the_place_of_its_last_event(tmp_path):
    path = tmp_path / "audit.jsonl"
    assert filled(path, 5, rotate_bytes=300) == ["audit.000000000001.jsonl", "audit.000000000003.jsonl", "audit.jsonl"]
    found = verify(ledger_files(path))
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 5, 1)
    assert ids(path) == [f"e{number}" for number in range(5)]
    assert all(file.stat().st_mode & 0o077 == 0 for file in ledger_files(path))


def test_the_files_of_a_trail_are_listed_oldest_first_and_no_others(tmp_path):
    path = tmp_path / "audit.jsonl"
    assert ledger_files(path) == [path]
    for name in ("audit.jsonl", "audit.000000000007.jsonl", "audit.1000000000000.jsonl", "audit.000000000010.jsonl"):
        (tmp_path / name).touch()
    for name in ("audit.jsonl.1", "audit.7.jsonl", "audit2.jsonl", "my-audit.000000000001.jsonl", "audit.000000000001.jsonl.gz"):
        (tmp_path / name).touch()
    listed = [file.name for file in ledger_files(path)]
    assert listed == ["audit.000000000007.jsonl", "audit.000000000010.jsonl", "audit.1000000000000.jsonl", "audit.jsonl"]
    path.unlink()
    assert [file.name for file in ledger_files(str(path))] == listed[:-1]


def test_a_file_is_closed_at_the_first_event_of_a_new_day(tmp_path):
    path = tmp_path / "audit.jsonl"
    filled(path, 2, rotate_seconds=86_400)
    sink = JsonlSink(path, rotate_seconds=86_400)
    sink.append({"event_id": "e2"})
    os.utime(path, (0, path.stat().st_mtime - 86_400))
    sink.append({"event_id": "e3"})
    sink.append({"event_id": "e4"})
    assert [file.name for file in ledger_files(path)] == ["audit.000000000002.jsonl", "audit.jsonl"]
    assert ids(path) == ["e0", "e1", "e2", "e3", "e4"]
    # A clock that was set back closes nothing.
    os.utime(path, (0, path.stat().st_mtime + 3 * 86_400))
    sink.append({"event_id": "e5"})
    assert len(ledger_files(path)) == 2
    assert verify(ledger_files(path)).verdict is Verdict.CONSISTENT


def test_an_empty_file_is_not_closed(tmp_path):
    path = tmp_path / "audit.jsonl"
    sink = JsonlSink(path, rotate_seconds=60, rotate_bytes=1)
    os.utime(path, (0, 0))
    sink.append({"event_id": "e0"})
    assert ledger_files(path) == [path]


def test_a_writer_that_died_between_closing_and_beginning_is_followed_on_the_same_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    filled(path, 3)
    path.rename(tmp_path / "audit.000000000002.jsonl")
    assert JsonlSink(path).append({"event_id": "e3"}).seq == 3
    path.write_bytes(b"")
    assert JsonlSink(path, rotate_bytes=1).append({"event_id": "e3"}).seq == 3
    assert verify(ledger_files(path)).verdict is Verdict.CONSISTENT


def test_a_writer_that_slept_over_several_rotations_does_not_fork(tmp_path):
    path = tmp_path / "audit.jsonl"
    sleeper, other = JsonlSink(path), JsonlSink(path, rotate_bytes=1)
    sleeper.append({"event_id": "e0"})
    for number in range(1, 5):
        other.append({"event_id": f"e{number}"})
    # The other died after it had closed the last file and before it wrote to the new one.
    path.rename(tmp_path / "audit.000000000004.jsonl")
    assert sleeper.append({"event_id": "e5"}).seq == 5
    assert verify(ledger_files(path)).verdict is Verdict.CONSISTENT


@pytest.mark.parametrize("name", ["a.jsonl", "a[1].jsonl", "a*"])
def test_a_writer_that_slept_while_logrotate_ran_twice_does_not_fork(tmp_path, name):
    path, first, second = tmp_path / name, tmp_path / f"{name}.1", tmp_path / f"{name}.2"
    (tmp_path / f"{name}.dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / f"{name}.folder").mkdir()
    sleeper, other = JsonlSink(path), JsonlSink(path)
    sleeper.append({"event_id": "e0"})
    path.rename(first)
    other.append({"event_id": "e1"})
    first.rename(second)
    path.rename(first)
    assert sleeper.append({"event_id": "e2"}).seq == 2
    assert verify([second, first, path]).verdict is Verdict.CONSISTENT


def test_a_closed_file_is_never_overwritten(tmp_path, caplog):
    path = tmp_path / "audit.jsonl"
    filled(path, 1)
    taken = tmp_path / "audit.000000000000.jsonl"
    taken.write_bytes(b"kept\n")
    sink = JsonlSink(path, rotate_bytes=1)
    sink.append({"event_id": "e1"})
    assert taken.read_bytes() == b"kept\n"
    assert "can't be rotated (FileExistsError)" in caplog.text
    assert verify(path).events == 2


def test_a_trail_whose_last_closed_file_is_no_ledger_is_not_begun_anew(tmp_path):
    (tmp_path / "audit.000000000002.jsonl").write_bytes(b"Ann Example\n")
    with pytest.raises(InputError, match=r"audit\.000000000002\.jsonl: can't be continued") as caught:
        JsonlSink(tmp_path / "audit.jsonl")
    assert "Ann" not in str(caught.value)


def test_what_a_closed_file_holds_is_found(tmp_path):
    path = tmp_path / "audit.jsonl"
    filled(path, 6, rotate_bytes=1)
    assert JsonlSink(path).holds(["e0", "e4", "e6"]) == {"e0", "e4"}


def test_files_closed_long_before_an_id_was_made_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "audit.jsonl"
    filled(path, 2, rotate_bytes=1)
    old = tmp_path / "audit.000000000000.jsonl"
    os.utime(old, (0, 1_000_000_000))
    old.chmod(0)
    looked = []
    monkeypatch.setattr("bh_lib.emitters.sinks.jsonl._found_in", lambda file, wanted: looked.append(file.name) or set())
    JsonlSink(path).holds(["019aaaaa-0000-7000-8000-000000000000"])
    assert looked == ["audit.jsonl"]
    JsonlSink(path).holds(["an id of another making"])
    assert looked == ["audit.jsonl", "audit.jsonl", "audit.000000000000.jsonl"]


def test_many_threads_and_processes_that_rotate_neither_fork_nor_lose(tmp_path):
    path = tmp_path / "audit.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(number), "60"]) for number in range(4)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0, 0]
    found = verify(ledger_files(path))
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 960, 1)
    assert sorted(ids(path)) == sorted(f"{w}-{t}-{n}" for w in range(4) for t in range(4) for n in range(60))
    files = ledger_files(path)
    assert len(files) > 40
    # Exactly one closes a file: none is short, as it would be if two had.
    assert all(4000 <= file.stat().st_size < 4300 for file in files[:-1])


@pytest.mark.parametrize("limits", [{"rotate_bytes": 0}, {"rotate_bytes": 1e6}, {"rotate_seconds": -1}, {"rotate_seconds": True}])
def test_a_limit_that_is_none_is_refused(tmp_path, limits):
    with pytest.raises(ConfigError, match="rotate_"):
        JsonlSink(tmp_path / "audit.jsonl", **limits)
