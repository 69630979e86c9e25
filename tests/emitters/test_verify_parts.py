"""A ledger walked in parts, on several cores, is judged as one walk from end to end judges it."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.emitters import Checkpoint, JsonlSink, Verdict, ledger_files, make_checkpoint, verify
from bh_lib.emitters import _parts as parts_module
from bh_lib.emitters._part import accept, answer
from bh_lib.emitters._source import sources
from bh_lib.emitters._walk import Walk
from bh_lib.emitters.checkpoint import generate_keys
from bh_lib.errors import ConfigError

SECRET, PUBLIC = generate_keys("auditor")


def written(path: Path, count: int, **options) -> list[Path]:
    sink = JsonlSink(path, **options)
    sink.append_many([{"event_id": f"e{number}", "note": "ü" * (number % 7)} for number in range(count)])
    sink.close()
    return ledger_files(path)


def published(path: Path, count: int) -> None:
    previous, lines = None, []
    for number in range(count):
        event = {"event_id": f"e{number}", "action": {"type": "READ"}}
        body = json.dumps(event, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256((previous or "").encode() + body).hexdigest()
        block = {"event_hash": digest, "hash_alg": "sha256"} | ({"prev_event_hash": previous} if previous else {})
        lines.append(json.dumps({**event, "integrity": block}).encode() + b"\n")
        previous = digest
    path.write_bytes(b"".join(lines))


def in_parts(path, size: int, roots_at: set[int], *, many_chains: bool = False) -> tuple[Walk, Walk]:
    """One walk, and one by parts of `size` bytes, all in this process."""
    files = sources(path)
    whole = Walk(many_chains=many_chains, roots_at=roots_at)
    parts_module.walk_files(whole, files)
    walk, last = Walk(many_chains=many_chains, roots_at=roots_at), None
    kept, parts_module._PART = parts_module._PART, size
    try:
        base = 0 if many_chains or parts_module._is_published(files) else None
        for part in list(parts_module._parts(files, base)):
            if part.source is not last:
                walk.begin(part.source.path.name if len(files) > 1 else "")
                last = part.source
            told = answer(part, many_chains=many_chains, roots_at=roots_at)
            # Through JSON, as it comes from another process.
            told = None if told is None else json.loads(json.dumps(told))
            if told is None or not accept(walk, told, many_chains=many_chains):
                with part.source.open() as file:
                    file.seek(part.start)
                    walk.read(file, part.end - part.start)
    finally:
        parts_module._PART = kept
    return whole, walk


def told(walk: Walk):
    tree = (walk.tree.roots, walk.tree.root()) if walk.tree.wanted else ()
    return (walk.faults, walk.events, walk.lines, walk.torn_bytes, walk.heads, walk.previous, tree)


def tampered(lines: list[bytes], random: random.Random) -> list[bytes]:
    lines = list(lines)
    for _ in range(random.randrange(3)):
        at, kind = random.randrange(len(lines)), random.choice(["edit", "drop", "swap", "repeat", "strip", "junk", "bytes", "cut"])
        if kind == "edit":
            lines[at] = lines[at].replace(b'"event_id":"e', b'"event_id":"f')
        elif kind == "drop":
            del lines[at]
        elif kind == "swap":
            other = random.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == "repeat":
            lines.insert(at, lines[random.randrange(len(lines))])
        elif kind == "strip":
            lines[at] = b'{"event_id":"x"}\n'
        elif kind == "junk":
            lines[at] = random.choice([b"\n", b"{\n", b"\xff\n", b"\0\n", b"\xef\xbb\xbf{}\n"])
        elif kind == "bytes":
            where = random.randrange(len(lines[at]))
            lines[at] = lines[at][:where] + bytes([random.randrange(256)]) + lines[at][where + 1 :]
        else:
            lines[-1] = lines[-1][: random.randrange(len(lines[-1]))]
        lines = lines or [b"\n"]
    return lines


@pytest.mark.parametrize("kind", ["ours", "rotated", "published", "many chains"])
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 9000), count=st.integers(1, 60))
def test_parts_of_any_size_give_the_outcome_of_one_walk(kind, seed, size, count):
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        if kind == "published":
            published(path, count)
        elif kind == "rotated":
            sink = JsonlSink(path, rotate_bytes=chance.randrange(200, 4000))
            for number in range(count):
                sink.append({"event_id": f"e{number}"})
            sink.close()
        else:
            written(path, count)
        if kind == "many chains":
            written(Path(folder) / "other.jsonl", count)
            mine = path.read_bytes().splitlines(keepends=True)
            theirs = (Path(folder) / "other.jsonl").read_bytes().splitlines(keepends=True)
            order = [mine] * len(mine) + [theirs] * len(theirs)
            chance.shuffle(order)
            path.write_bytes(b"".join(chain.pop(0) for chain in order))
        for file in ledger_files(path):
            lines = file.read_bytes().splitlines(keepends=True)
            file.write_bytes(b"".join(tampered(lines, chance)) if lines else b"")
        roots_at = {chance.randrange(count + 3) for _ in range(chance.randrange(3))}
        whole, walk = in_parts(path, size, roots_at, many_chains=kind == "many chains")
        assert told(walk) == told(whole)


@pytest.mark.parametrize("size", [1, 300, 1000, 5000, 1 << 20])
def test_a_good_ledger_is_taken_in_parts_and_not_walked_again(tmp_path, size, monkeypatch):
    path = tmp_path / "audit.jsonl"
    written(path, 50)
    walked = []
    monkeypatch.setattr(Walk, "read", lambda self, *args, real=Walk.read: (walked.append(self._trusting), real(self, *args))[1])
    whole, walk = in_parts(path, size, {0, 7, 32, 50})
    assert told(walk) == told(whole) and not walk.faults
    # One walk as a whole, all others on trust.
    longest = max(map(len, path.read_bytes().splitlines())) + 1
    assert walked.count(False) == 1
    assert walked.count(True) >= path.stat().st_size // (size + longest)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts_module, "_PART", 2000)


def test_workers_give_the_same_verification(tmp_path, small_parts):
    path = tmp_path / "audit.jsonl"
    sink = JsonlSink(path, rotate_bytes=9000)
    for number in range(200):
        sink.append({"event_id": f"e{number}"})
    sink.close()
    anchor = make_checkpoint(path, SECRET)
    assert make_checkpoint(path, SECRET, workers=2) == anchor
    for wanted in (None, anchor, Checkpoint("x", 100, bytes(32)), Checkpoint("x", 1000, bytes(32))):
        assert verify(path, wanted, workers=2) == verify(path, wanted)
    assert verify(path, anchor, key=PUBLIC, workers=2).verdict is Verdict.COMPLETE
    lines = ledger_files(path)[2].read_bytes().splitlines(keepends=True)
    ledger_files(path)[2].write_bytes(b"".join([*lines[:3], *lines[4:]]))
    found = verify(path, anchor, workers=2)
    assert found == verify(path, anchor)
    assert (found.faults[0].rule, found.faults[0].line, found.faults[0].file) == ("gap", 4, ledger_files(path)[2].name)


def test_a_worker_that_cannot_be_had_costs_time_and_nothing_else(tmp_path, small_parts, monkeypatch):
    path = tmp_path / "audit.jsonl"
    written(path, 60)
    monkeypatch.setattr("sys.executable", str(tmp_path / "no-python"))
    assert verify(path, workers=2) == verify(path)
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert verify(path, workers=2) == verify(path)


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "2"])
def test_a_number_of_workers_that_is_none_is_refused(tmp_path, workers):
    with pytest.raises(ConfigError, match="workers"):
        verify(written(tmp_path / "audit.jsonl", 1), workers=workers)


def test_small_ledgers_are_worth_no_worker(tmp_path):
    path = tmp_path / "audit.jsonl"
    written(path, 3)
    assert parts_module.cores_for(sources(path)) == 1
    assert verify(path, workers=None).verdict is Verdict.CONSISTENT
