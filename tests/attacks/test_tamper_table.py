"""The tamper table, cell by cell, over one file, a rotated trail, and every form of the published chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bh_lib.emitters import Checkpoint, JsonlSink, Verdict, generate_keys, ledger_files, make_checkpoint, verify
from bh_lib.emitters.chain import Head, head_of, link, new_chain, parse_line

EVENTS = 14
SECRET, PUBLIC = generate_keys("auditor.example/clinic")
FORMS = [
    "one file",
    "rotated",
    *(f"published {version} {name}" for version in ("1.1", "2.0", "2.1") for name in ("256", "384", "512")),
]
Line = tuple[int, bytes]
"""A line, and the number of the file that it stands in."""


def event(number: int, version: str, subject: str = "u-7") -> dict[str, Any]:
    return {
        "schema_version": version,
        "event_id": f"00000000-0000-4000-8000-{number:012}",
        "timestamp": f"2026-03-01T08:{number:02}:00.000Z",
        "service": {"name": "clinic", "environment": "test"},
        "actor": {"subject_id": subject, "subject_type": "human"},
        "action": {"type": "READ", "data_classification": "PHI"},
        "resource": {"type": "Note", "id": f"n-{number}"},
        "outcome": {"status": "SUCCESS"},
    }


@dataclass
class Trail:
    form: str
    path: Path

    @property
    def published(self) -> bool:
        return self.form.startswith("published")

    @property
    def version(self) -> str:
        return self.form.split()[1] if self.published else "3.0"

    def linked(self, events: list[dict[str, Any]], after: dict[str, Any] | None = None) -> list[bytes]:
        """Lines of these events, each linked to the one before; the first one to `after`."""
        lines = []
        if not self.published:
            head = head_of(after) if after is not None else new_chain()
            for each in events:
                line, head = link(each, head)
                lines.append(line)
            return lines
        previous = after["integrity"]["event_hash"] if after is not None else None
        name = "sha" + self.form.split()[2]
        for each in events:
            body = json.dumps(each, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            digest = hashlib.new(name, (previous or "").encode() + body).hexdigest()
            block = {"event_hash": digest, "hash_alg": name} | ({"prev_event_hash": previous} if previous else {})
            lines.append(json.dumps({**each, "integrity": block}).encode() + b"\n")
            previous = digest
        return lines

    def append(self, numbers: range) -> None:
        events = [event(number, self.version) for number in numbers]
        if self.published:
            there = self.path.read_bytes().splitlines() if self.path.exists() else []
            with open(self.path, "ab") as file:
                file.write(b"".join(self.linked(events, parse_line(there[-1]) if there else None)))
            return
        sink = JsonlSink(self.path, rotate_bytes=2500) if self.form == "rotated" else JsonlSink(self.path)
        for each in events:
            sink.append(each)
        sink.close()

    @property
    def lines(self) -> list[Line]:
        files = enumerate(ledger_files(self.path))
        return [(number, line) for number, file in files for line in file.read_bytes().splitlines(keepends=True)]

    def put(self, lines: list[Line]) -> None:
        for number, file in enumerate(ledger_files(self.path)):
            file.write_bytes(b"".join(line for where, line in lines if where == number))

    def place(self, at: int) -> tuple[int, str]:
        """Line and file of the line at this index, as a fault names them."""
        lines, files = self.lines, ledger_files(self.path)
        number = lines[at][0]
        first = next(index for index, (where, _) in enumerate(lines) if where == number)
        return at - first + 1, files[number].name if len(files) > 1 else ""


@pytest.fixture(params=FORMS)
def kept(request, tmp_path) -> tuple[Trail, Checkpoint, Checkpoint]:
    trail = Trail(request.param, tmp_path / "audit.jsonl")
    trail.append(range(6))
    older = make_checkpoint(trail.path, SECRET)
    trail.append(range(6, EVENTS))
    anchor = make_checkpoint(trail.path, SECRET)
    assert len(ledger_files(trail.path)) > (2 if request.param == "rotated" else 0)
    return trail, older, anchor


def changed(line: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    read = parse_line(line)
    change(read)
    return json.dumps(read, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def bare(line: bytes) -> dict[str, Any]:
    read = parse_line(line)
    read.pop("integrity")
    return read


def edit(trail, lines, at):
    where, line = lines[at]
    lines[at] = where, changed(line, lambda each: each["actor"].update(subject_id="u-8"))
    return at, {"edited"}


def edit_and_hash_again(trail, lines, at):
    where, _ = lines[at]
    before = parse_line(lines[at - 1][1])
    lines[at] = where, trail.linked([event(at, trail.version, "u-8")], before)[0]
    return at + 1, {"broken-link"}


def insert(trail, lines, at):
    before = parse_line(lines[at - 1][1])
    lines.insert(at, (lines[at][0], trail.linked([event(99, trail.version)], before)[0]))
    return at + 1, {"broken-link"} if trail.published else {"fork"}


def insert_a_copy(trail, lines, at):
    lines.insert(at, (lines[at][0], lines[at - 3][1]))
    return at, {"broken-link"} if trail.published else {"out-of-order"}


def delete(trail, lines, at):
    del lines[at]
    return at, {"broken-link"} if trail.published else {"gap"}


def delete_the_head(trail, lines, at):
    del lines[0]
    return 0, {"cut-head"}


def reorder(trail, lines, at):
    (here, one), (there, two) = lines[at], lines[at + 1]
    lines[at], lines[at + 1] = (here, two), (there, one)
    return at, {"broken-link"} if trail.published else {"gap"}


def strip_one(trail, lines, at):
    where, line = lines[at]
    lines[at] = where, changed(line, lambda each: each.pop("integrity"))
    return at, {"no-integrity"}


def strip_all(trail, lines, at):
    lines[:] = [(where, changed(line, lambda each: each.pop("integrity"))) for where, line in lines]
    return 0, {"no-integrity"}


def fork(trail, lines, at):
    """Two writers went on from one head, and their lines lie one after the other."""
    before = parse_line(lines[at - 1][1])
    others = trail.linked([event(90, trail.version), event(91, trail.version)], before)
    lines[at + 1 : at + 1] = [(lines[at][0], line) for line in others]
    return at + 1, {"broken-link"} if trail.published else {"fork"}


INSIDE = [edit, edit_and_hash_again, insert, insert_a_copy, delete, delete_the_head, reorder, strip_one, strip_all, fork]


def tail_cut(trail, lines):
    del lines[-3:]


def tail_cut_within_a_line(trail, lines):
    where, line = lines[-1]
    lines[-1] = where, line[: len(line) // 2]


def emptied(trail, lines):
    lines.clear()


def rebuilt_from_scratch(trail, lines):
    kept = lines[:4] + lines[5:]
    again = trail.linked([bare(line) for _, line in kept])
    lines[:] = [(where, line) for (where, _), line in zip(kept, again, strict=True)]


def rewritten_to_the_same_length(trail, lines):
    events = [bare(line) for _, line in lines]
    events[4]["actor"]["subject_id"] = "u-8"
    first = parse_line(lines[0][1])["integrity"]
    if trail.published:
        again = trail.linked(events)
    else:
        head, again = Head(first["chain_id"], -1, "0" * 64), []
        for each in events:
            line, head = link(each, head)
            again.append(line)
    assert [len(line) for line in again] == [len(line) for _, line in lines]
    lines[:] = [(where, line) for (where, _), line in zip(lines, again, strict=True)]


def rolled_back(trail, lines):
    del lines[6:]


WHOLE = [tail_cut, tail_cut_within_a_line, emptied, rebuilt_from_scratch, rewritten_to_the_same_length, rolled_back]


@pytest.mark.parametrize("at", [4, 8, 12])
@pytest.mark.parametrize("attack", INSIDE)
def test_what_is_done_inside_is_broken_with_and_without_an_anchor(kept, attack, at):
    trail, _, anchor = kept
    lines = trail.lines
    first, rules = attack(trail, lines, at)
    trail.put(lines)
    found = verify(trail.path)
    assert found.verdict is Verdict.BROKEN
    assert (found.faults[0].line, found.faults[0].file) == trail.place(first)
    assert found.faults[0].rule in rules
    for key in (None, PUBLIC):
        assert verify(trail.path, anchor, key=key).verdict is Verdict.BROKEN
    assert verify(trail.path, many_chains=True).verdict is Verdict.BROKEN


@pytest.mark.parametrize("attack", WHOLE)
def test_what_is_done_to_the_whole_is_never_complete_and_broken_with_an_anchor(kept, attack):
    trail, older, anchor = kept
    lines = trail.lines
    attack(trail, lines)
    trail.put(lines)
    assert verify(trail.path).verdict is (Verdict.EMPTY if attack is emptied else Verdict.CONSISTENT)
    for key in (None, PUBLIC):
        found = verify(trail.path, anchor, key=key)
        assert (found.verdict, found.faults[0].rule) == (
            Verdict.BROKEN,
            "anchor-root" if attack is rewritten_to_the_same_length else "anchor-size",
        )
    if attack is rolled_back:
        # The checkpoint that lay beside it was put back too, and agrees: only the one that was kept elsewhere shows it.
        assert verify(trail.path, older, key=PUBLIC).verdict is Verdict.COMPLETE
        assert verify(trail.path, [older, anchor], key=PUBLIC).verdict is Verdict.BROKEN


def test_untouched_it_is_consistent_and_complete(kept):
    trail, older, anchor = kept
    assert verify(trail.path).verdict is Verdict.CONSISTENT
    found = verify(trail.path, [older, anchor], key=PUBLIC)
    assert (found.verdict, found.events, found.anchored) == (Verdict.COMPLETE, EVENTS, EVENTS)


@pytest.mark.parametrize("kept", ["rotated"], indirect=True)
def test_a_file_removed_from_a_rotated_trail_is_named(kept):
    trail, _, _ = kept
    files = ledger_files(trail.path)
    files[1].unlink()
    found = verify(trail.path)
    assert (found.verdict, found.faults[0].rule, found.faults[0].line, found.faults[0].file) == (
        Verdict.BROKEN,
        "gap",
        1,
        files[2].name,
    )
