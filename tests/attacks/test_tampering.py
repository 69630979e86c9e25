"""Attacks inside a ledger, in more shapes than the tamper table has cells; `test_tamper_table` goes through those."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bh_lib.emitters import JsonlSink, Verdict, verify
from bh_lib.emitters.chain import Head, event_hash, head_of, link, parse_line
from bh_lib.errors import IntegrityError

Attack = Callable[[Any], None]
INSIDE: dict[str, tuple[Attack, int, str]] = {}


def inside(line: int, rule: str) -> Callable[[Attack], Attack]:
    def register(attack: Attack) -> Attack:
        INSIDE[attack.__name__] = (attack, line, rule)
        return attack

    return register


def rewritten(line: bytes, change: Callable[[dict[str, Any]], None], *, rehash: bool = False) -> bytes:
    event = parse_line(line)
    change(event)
    if rehash:
        event["integrity"]["event_hash"] = event_hash(event)
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def other_actor(event: dict[str, Any]) -> None:
    event["actor"]["subject_id"] = "u-8"


@inside(4, "edited")
def one_value_edited(trail):
    lines = trail.lines
    lines[3] = lines[3].replace(b'"subject_id":"u-7"', b'"subject_id":"u-8"')
    trail.put(lines)


@inside(1, "edited")
def first_event_edited(trail):
    lines = trail.lines
    lines[0] = rewritten(lines[0], other_actor)
    trail.put(lines)


@inside(12, "edited")
def last_event_edited(trail):
    lines = trail.lines
    lines[-1] = rewritten(lines[-1], other_actor)
    trail.put(lines)


@inside(5, "broken-link")
def one_event_edited_and_hashed_again(trail):
    lines = trail.lines
    lines[3] = rewritten(lines[3], other_actor, rehash=True)
    trail.put(lines)


@inside(4, "edited")
def a_field_added(trail):
    lines = trail.lines
    lines[3] = rewritten(lines[3], lambda event: event.update(purpose_of_use="TREAT"))
    trail.put(lines)


@inside(4, "edited")
def a_field_removed(trail):
    lines = trail.lines
    lines[3] = rewritten(lines[3], lambda event: event["action"].pop("phi_touched"))
    trail.put(lines)


@inside(4, "edited")
def a_time_moved(trail):
    lines = trail.lines
    lines[3] = rewritten(lines[3], lambda event: event.update(timestamp="2001-01-01T00:00:00.000Z"))
    trail.put(lines)


@inside(4, "not-json")
def a_key_repeated_so_that_readers_differ(trail):
    lines = trail.lines
    lines[3] = lines[3].replace(b'{"action"', b'{"outcome":{"status":"DENIED"},"action"', 1)
    trail.put(lines)


@inside(4, "not-json")
def the_hash_moved_into_another_block(trail):
    lines = trail.lines
    event = parse_line(lines[3])
    piece = b'"event_hash":"' + event["integrity"]["event_hash"].encode() + b'",'
    lines[3] = lines[3].replace(piece, b"").replace(b'"resource":{', b'"resource":{' + piece).replace(b"}\n", b"\n")
    trail.put(lines)


@inside(5, "gap")
def one_event_deleted(trail):
    lines = trail.lines
    trail.put(lines[:4] + lines[5:])


@inside(1, "cut-head")
def the_head_deleted(trail):
    trail.put(trail.lines[3:])


@inside(4, "empty-line")
def one_line_blanked(trail):
    lines = trail.lines
    lines[3] = b"\n"
    trail.put(lines)


@inside(5, "out-of-order")
def one_event_repeated(trail):
    lines = trail.lines
    trail.put([*lines[:4], lines[1], *lines[4:]])


@inside(5, "fork")
def the_last_event_repeated_at_once(trail):
    lines = trail.lines
    trail.put([*lines[:4], lines[3], *lines[4:]])


@inside(3, "gap")
def two_events_swapped(trail):
    lines = trail.lines
    lines[2], lines[3] = lines[3], lines[2]
    trail.put(lines)


@inside(5, "fork")
def a_forged_event_inserted_in_place(trail):
    lines = trail.lines
    event = parse_line(lines[3])
    del event["integrity"]
    other_actor(event)
    forged, _ = link(event, head_of(parse_line(lines[2])))
    trail.put([*lines[:4], forged, *lines[4:]])


@inside(5, "second-chain")
def a_chain_of_its_own_inserted(trail):
    lines = trail.lines
    event = parse_line(lines[3])
    del event["integrity"]
    forged, _ = link(event, Head("elsewhere", -1, "0" * 64))
    trail.put([*lines[:4], forged, *lines[4:]])


@inside(4, "no-integrity")
def integrity_stripped_from_one(trail):
    lines = trail.lines
    lines[3] = rewritten(lines[3], lambda event: event.pop("integrity"))
    trail.put(lines)


@inside(1, "no-integrity")
def integrity_stripped_from_all(trail):
    trail.put([rewritten(line, lambda event: event.pop("integrity")) for line in trail.lines])


@inside(4, "incomplete-integrity")
def only_the_hash_stripped(trail):
    lines = trail.lines
    lines[3] = rewritten(lines[3], lambda event: event["integrity"].pop("event_hash"))
    trail.put(lines)


@inside(4, "incomplete-integrity")
def an_unknown_hash_named(trail):
    lines = trail.lines
    lines[3] = rewritten(lines[3], lambda event: event["integrity"].update(hash_alg="md5"))
    trail.put(lines)


@inside(9, "fork")
def two_writers_forked_the_chain(trail):
    lines = trail.lines
    head = head_of(parse_line(lines[6]))
    forked = []
    for line in lines[7:9]:
        event = parse_line(line)
        del event["integrity"]
        other_actor(event)
        line, head = link(event, head)
        forked.append(line)
    trail.put([*lines[:8], *forked, *lines[8:]])


@pytest.mark.parametrize("attack", INSIDE)
def test_what_is_done_inside_is_broken_and_its_first_place_is_named(trail, attack):
    act, line, rule = INSIDE[attack]
    act(trail)
    found = verify(trail.path)
    assert (found.verdict, found.faults[0].line, found.faults[0].rule) == (Verdict.BROKEN, line, rule)
    assert verify(trail.path, trail.anchor, key=trail.key).verdict is Verdict.BROKEN


def test_an_untouched_ledger_is_consistent_and_complete_under_its_anchor(trail):
    assert verify(trail.path).verdict is Verdict.CONSISTENT
    found = verify(trail.path, trail.anchor, key=trail.key)
    assert (found.verdict, found.anchored, found.signature, found.chains) == (Verdict.COMPLETE, 12, "checked", 1)


def test_a_ledger_that_grew_is_complete_under_every_older_anchor(trail, writer):
    writer(trail.path, 3, "u-9")
    found = verify(trail.path, [trail.older, trail.anchor], key=trail.key)
    assert (found.verdict, found.events, found.anchored) == (Verdict.COMPLETE, 15, 12)


def test_an_anchor_signed_by_another_key_breaks(trail):
    from bh_lib.emitters import generate_keys

    found = verify(trail.path, trail.anchor, key=generate_keys("auditor.example/clinic")[1])
    assert (found.verdict, found.faults[0].rule) == (Verdict.BROKEN, "anchor-signature")


def test_an_emptied_ledger_is_not_signed_and_a_broken_one_neither(trail):
    from bh_lib.emitters import generate_keys, make_checkpoint

    secret, _ = generate_keys("k")
    one_value_edited(trail)
    with pytest.raises(IntegrityError, match="line 4: edited"):
        make_checkpoint(trail.path, secret)
    trail.put([])
    with pytest.raises(IntegrityError, match="empty"):
        make_checkpoint(trail.path, secret)


def test_a_line_written_anew_with_the_same_content_holds(trail):
    """The hash is over the content, not over white space."""
    lines = trail.lines
    lines[3] = json.dumps(parse_line(lines[3])).encode() + b"\n"
    trail.put(lines)
    assert verify(trail.path, trail.anchor).verdict is Verdict.COMPLETE


def test_faults_never_show_what_stands_in_the_ledger(trail):
    one_value_edited(trail)
    assert "u-8" not in repr(verify(trail.path))


def test_several_chains_hold_only_where_they_are_expected(trail, tmp_path: Path):
    other = JsonlSink(tmp_path / "other.jsonl")
    other.append({"event_id": "x"})
    other.close()
    mine, theirs = trail.lines, (tmp_path / "other.jsonl").read_bytes()
    trail.put([mine[0], theirs, *mine[1:]])
    assert verify(trail.path).faults[0].rule == "second-chain"
    found = verify(trail.path, many_chains=True)
    assert (found.verdict, found.chains) == (Verdict.CONSISTENT, 2)
