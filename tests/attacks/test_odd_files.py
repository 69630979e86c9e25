"""Ledgers as editors, disks, tools and busy writers leave them: a verdict or one clear error, never a traceback."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import random
import tracemalloc
from pathlib import Path

import pytest

from bh_lib.emitters import JsonlSink, Verdict, ledger_files, make_checkpoint, verify
from bh_lib.emitters.chain import parse_line
from bh_lib.emitters.checkpoint import generate_keys
from bh_lib.emitters.faults import LONGEST
from bh_lib.errors import BhError, InputError

SECRET, PUBLIC = generate_keys("auditor")
CANARY = b"CANARY-51c0"


@pytest.fixture
def ledger(tmp_path) -> Path:
    sink = JsonlSink(tmp_path / "audit.jsonl")
    for number in range(8):
        sink.append({"event_id": f"e{number}", "note": "é" * number})
    sink.close()
    return sink.path


def test_line_ends_of_another_system_change_nothing(ledger):
    anchor = make_checkpoint(ledger, SECRET)
    ledger.write_bytes(ledger.read_bytes().replace(b"\n", b"\r\n"))
    assert verify(ledger, anchor).verdict is Verdict.COMPLETE


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"", "empty-line"),
        (b"  \t", "empty-line"),
        (b"\r", "empty-line"),
        (b"\xef\xbb\xbf{}", "byte-order-mark"),
        (b"\0" * 4096, "nul-byte"),
        (b'{"a":"\0"}', "nul-byte"),
        (b'{"a":"\xff' + CANARY + b'"}', "not-utf8"),
        (b'{"a":"\xed\xa0\x80"}', "not-utf8"),
        (b"{" + CANARY, "not-json"),
        (b'{"a":1}{"a":1}', "not-json"),
        (b'{"a":NaN}', "not-json"),
        (b'{"a":1,"a":2}', "not-json"),
        (b"[" * 200_000, "not-json"),
        (b'{"a":' * 100_000, "not-json"),
        (b'"text"', "not-json"),
        (b"null", "not-json"),
        (b'{"a":' + b"9" * 10_000 + b"}", "not-json"),
        (b'{"integrity":[]}', "no-integrity"),
        (b'{"integrity":"' + CANARY + b'"}', "no-integrity"),
        (b'{"integrity":{"chain_id":"","seq":0,"event_hash":"00","hash_alg":"sha256"}}', "incomplete-integrity"),
        (b'{"integrity":{"chain_id":1,"seq":0,"event_hash":"00","hash_alg":"sha256"}}', "incomplete-integrity"),
        (b'{"integrity":{"event_hash":"00","hash_alg":"sha256","prev_event_hash":7}}', "incomplete-integrity"),
        (b'{"integrity":{"event_hash":"00","hash_alg":["sha256"]}}', "incomplete-integrity"),
        (b'{"integrity":{"event_hash":"zz","hash_alg":"sha256"}}', "incomplete-integrity"),
        (b'{"integrity":{"chain_id":"c","seq":0,"event_hash":"00","hash_alg":"sha256"},"a":1e400}', "incomplete-integrity"),
        (b'{"integrity":{"chain_id":"\\ud800","seq":0,"event_hash":"00","hash_alg":"sha256"}}', "incomplete-integrity"),
    ],
    ids=range(26),
)
@pytest.mark.parametrize("at", [0, 3, 8])
def test_an_odd_line_is_named_with_its_rule_and_nothing_of_it_is_shown(ledger, line, rule, at):
    lines = ledger.read_bytes().splitlines(keepends=True)
    lines.insert(at, line + b"\n")
    ledger.write_bytes(b"".join(lines))
    outcome = verify(ledger)
    assert (outcome.verdict, outcome.faults[0].line, outcome.faults[0].rule) == (Verdict.BROKEN, at + 1, rule)
    assert CANARY.decode() not in repr(outcome)
    with pytest.raises(BhError, match=rule) as caught:
        make_checkpoint(ledger, SECRET)
    assert CANARY.decode() not in str(caught.value)


def test_a_byte_order_mark_before_the_first_event_is_named(ledger):
    ledger.write_bytes(b"\xef\xbb\xbf" + ledger.read_bytes())
    assert (verify(ledger).faults[0].line, verify(ledger).faults[0].rule) == (1, "byte-order-mark")


def test_a_file_in_utf_16_is_broken_at_its_first_line(ledger):
    ledger.write_bytes(ledger.read_text("utf-8").encode("utf-16"))
    assert (verify(ledger).faults[0].line, verify(ledger).faults[0].rule) == (1, "nul-byte")
    assert verify(ledger, workers=2) == verify(ledger)


def test_faults_are_counted_no_further_than_a_hundred(ledger):
    ledger.write_bytes(b"\n" * 5000)
    assert len(verify(ledger).faults) == 100


@pytest.mark.parametrize("length", [LONGEST - 20, LONGEST + 1, 3 * LONGEST])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_huge_line_is_named_without_being_held_in_memory(ledger, length, end):
    lines = ledger.read_bytes().splitlines(keepends=True)
    with open(ledger, "wb") as file:
        file.writelines(lines[:3])
        for _ in range(0, length, 1 << 20):
            file.write(b"x" * min(1 << 20, length))
        file.write(end)
        file.writelines(lines[3:] if end else [])
    tracemalloc.start()
    outcome = verify(ledger)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * LONGEST
    if length < LONGEST and not end:
        assert outcome.verdict is Verdict.CONSISTENT and outcome.torn_bytes > length - (1 << 20)
    else:
        assert (outcome.faults[0].line, outcome.faults[0].rule) == (4, "line-too-long" if length > LONGEST else "not-json")
    if end and length > 2 * LONGEST:
        assert verify(ledger, workers=2) == outcome


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_tail_is_no_fault_but_never_complete(ledger, cut):
    anchor = make_checkpoint(ledger, SECRET)
    ledger.write_bytes(ledger.read_bytes()[:-cut])
    outcome = verify(ledger)
    # Without its line break alone, the event is whole.
    assert (outcome.verdict, outcome.events) == (Verdict.CONSISTENT, 8 if cut == 1 else 7)
    assert (outcome.torn_bytes > 0) is (cut > 1)
    assert verify(ledger, anchor).verdict is (Verdict.COMPLETE if cut == 1 else Verdict.BROKEN)


@pytest.mark.parametrize("damage", range(60))
def test_random_bytes_anywhere_give_a_verdict_and_no_traceback(ledger, damage):
    chance = random.Random(damage)
    anchor = make_checkpoint(ledger, SECRET)
    data = bytearray(ledger.read_bytes())
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data))
        data[at : at + chance.randrange(6)] = chance.randbytes(chance.randrange(6))
    if bytes(data) == ledger.read_bytes():
        pytest.skip("nothing was changed")
    ledger.write_bytes(data)
    assert verify(ledger).verdict in (Verdict.BROKEN, Verdict.CONSISTENT)
    assert verify(ledger, anchor).verdict in (Verdict.BROKEN, Verdict.COMPLETE)


@pytest.mark.parametrize("kind", ["gzip", "folder", "missing", "pipe", "none"])
def test_what_is_no_ledger_is_refused_with_its_name_and_what_to_do(tmp_path, kind):
    path = tmp_path / "audit.jsonl"
    if kind == "gzip":
        path.write_bytes(gzip.compress(b'{"a":1}\n'))
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    says = {
        "gzip": "unpack it",
        "folder": "is a folder",
        "missing": "no such file",
        "pipe": "is not a file",
        "none": "at least one",
    }
    with pytest.raises(InputError, match=says[kind]) as caught:
        verify([] if kind == "none" else path)
    assert kind == "none" or "audit.jsonl" in str(caught.value)


def test_an_empty_file_between_others_is_no_fault(ledger, tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert verify([empty, ledger, empty]).verdict is Verdict.CONSISTENT
    assert verify([empty, empty]).verdict is Verdict.EMPTY


def _write(path: Path, count: int, rotate: int | None) -> None:
    sink = JsonlSink(path, rotate_bytes=rotate)
    for number in range(count):
        sink.append({"event_id": f"{os.getpid()}-{number}", "note": "x" * 200})
    sink.close()


@pytest.mark.parametrize("rotate", [None, 50_000])
def test_a_ledger_that_is_being_written_verifies_at_every_moment(tmp_path, rotate):
    path = tmp_path / "audit.jsonl"
    _write(path, 20, rotate)
    anchor = make_checkpoint(path, SECRET)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, 800, rotate)) for _ in range(2)]
    for writer in writers:
        writer.start()
    seen = []
    while any(writer.is_alive() for writer in writers):
        outcome = verify(path, anchor, workers=2 if len(seen) == 3 else 1)
        assert outcome.verdict is Verdict.COMPLETE, outcome
        seen.append(outcome.events)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert seen == sorted(seen)
    assert verify(path, anchor).events == 1620
    assert len({parse_line(line)["event_id"] for file in ledger_files(path) for line in file.read_bytes().splitlines()}) == 1620


def test_a_file_that_is_moved_on_between_two_looks_is_looked_for_again(ledger, tmp_path, monkeypatch):
    from bh_lib.emitters import _source

    looks = [[tmp_path / "moved-on.jsonl"], [ledger], [ledger]]
    monkeypatch.setattr(_source, "ledger_files", lambda _: looks.pop(0))
    assert [source.path for source in _source.sources(ledger)] == [ledger]


def test_a_file_that_is_not_there_is_told_by_its_path(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        verify(tmp_path / "nothing.jsonl")


def test_a_file_that_is_rotated_while_it_is_read_is_found_under_its_new_name(ledger, tmp_path, monkeypatch):
    from bh_lib.emitters import _parts, _source

    listed = _source.sources(ledger)
    ledger.rename(tmp_path / "audit.000000000007.jsonl")
    _write(ledger, 3, None)
    walk = _parts.Walk(many_chains=False, roots_at=set())
    _parts.walk_files(walk, listed)
    assert (walk.events, walk.faults) == (8, [])
    assert json.loads(listed[0].first_line(1000))["event_id"] == "e0"
