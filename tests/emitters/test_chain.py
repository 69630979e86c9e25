"""Linking: laws that hold for any event, and the layout that lets a verifier skip parsing."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.emitters.canonical import canonical_exact
from bh_lib.emitters.chain import Head, event_hash, head_of, link, new_chain, parse_line
from bh_lib.emitters.event import event_id, timestamp
from bh_lib.errors import InputError, IntegrityError

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text
events = st.dictionaries(
    text.filter(lambda key: key != "integrity"), values | st.dictionaries(text, values, max_size=3), max_size=5
)


@settings(max_examples=300, deadline=None)
@given(events)
def test_a_line_is_canonical_and_its_hash_is_over_itself_without_the_hash(event):
    line, head = link(event, Head("c", 6, "ab" * 32))
    read = parse_line(line)
    assert line == canonical_exact(read) + b"\n"
    assert head_of(read) == head == Head("c", 7, event_hash(read))
    assert read["integrity"]["prev_event_hash"] == "ab" * 32
    del read["integrity"]["event_hash"]
    assert hashlib.sha256(canonical_exact(read)).hexdigest() == head.event_hash


def test_an_event_that_looks_like_its_own_integrity_block_is_linked_right():
    """A value, and a nested block, that repeat the very bytes that the fast way looks for."""
    head = Head("c", -1, "0" * 64)
    trick = ',"integrity":{"chain_id":"c","hash_alg":"sha256"'
    for event in ({"a": trick}, {"a": {"b": 1, "integrity": {"chain_id": "c", "x": 1}}}, {trick: 1}):
        line, after = link(event, head)
        assert event_hash(parse_line(line)) == after.event_hash
        assert line == canonical_exact(parse_line(line)) + b"\n"


@pytest.mark.parametrize("chain_id", ["main", 'a"b', "é\\", "x" * 5000])
@pytest.mark.parametrize("previous", ["0" * 64, 'a"b', "é", ""])
@pytest.mark.parametrize(
    "event", [{"metadata": {"a": 1, "integrity": None}}, {"a": '"integrity":null'}, {"z": {"integrity": None}}, {}]
)
def test_no_name_of_a_chain_and_no_place_in_an_event_leads_the_fast_way_astray(event, previous, chain_id):
    line, head = link(event, Head(chain_id, 4, previous))
    read = parse_line(line)
    assert line == canonical_exact(read) + b"\n"
    assert head == Head(chain_id, 5, event_hash(read))
    assert read["integrity"] | {"event_hash": ""} == {
        "chain_id": chain_id,
        "event_hash": "",
        "hash_alg": "sha256",
        "prev_event_hash": previous,
        "seq": 5,
    }


def test_an_event_is_linked_once():
    with pytest.raises(InputError, match="integrity"):
        link({"integrity": {}}, new_chain())


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"", "not valid JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":{"b":1,"b":1}}', "repeats a key"),
        (b"\xff{}", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_a_line_is_read_strictly(line, rule):
    with pytest.raises(IntegrityError, match=rule):
        parse_line(line)


@pytest.mark.parametrize(
    "block", [None, {}, {"chain_id": "c", "seq": True, "event_hash": "x"}, {"chain_id": "c", "seq": -1, "event_hash": "x"}]
)
def test_an_incomplete_place_is_refused(block):
    with pytest.raises(IntegrityError):
        head_of({"integrity": block})


def test_ids_are_unique_valid_and_sorted_by_time():
    import uuid

    made = [event_id(number) for number in range(1000)]
    assert made == sorted(set(made))
    assert all((uuid.UUID(one).version, uuid.UUID(one).variant) == (7, uuid.RFC_4122) for one in made)


def test_times_are_in_utc_and_milliseconds():
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
