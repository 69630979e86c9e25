"""RFC 8785, by its vectors, by its rules, and by two independent ways to the same bytes."""

from __future__ import annotations

import json
import os
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.emitters.canonical import canonical, canonical_exact
from bh_lib.errors import InputError

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcz_-0", max_size=5), inner, max_size=4),
    max_leaves=20,
)


@pytest.fixture(params=["orjson", "standard library"])
def writer(request, monkeypatch):
    """Both fast ways, whichever is installed."""
    if request.param == "orjson":
        pytest.importorskip("orjson")
    else:
        monkeypatch.setattr("bh_lib.emitters.canonical._orjson", None)
    return canonical


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_the_published_vectors_hold(shared, writer, name):
    folder = shared / "reference" / "rfc8785"
    value = json.loads((folder / "input" / f"{name}.json").read_text("utf-8"))
    assert writer(value) == (folder / "output" / f"{name}.json").read_bytes()


# RFC 8785, appendix B: a double's bits, and how ECMAScript writes it.
@pytest.mark.parametrize(
    ("bits", "written"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
    ],
)
def test_a_number_is_written_as_ecmascript_writes_it(writer, bits, written):
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert writer([value]).decode() == f"[{written}]"


@settings(max_examples=400, deadline=None)
@given(values)
def test_the_fast_way_and_the_exact_way_give_the_same_bytes(value):
    assert canonical(value) == canonical_exact(value)


@settings(max_examples=400, deadline=None)
@given(plain)
def test_with_and_without_orjson_the_bytes_are_the_same(value):
    import bh_lib.emitters.canonical as module

    fast, kept = canonical(value), module._orjson
    module._orjson = None
    try:
        assert canonical(value) == fast == canonical_exact(value)
    finally:
        module._orjson = kept


@settings(max_examples=200, deadline=None)
@given(values)
def test_reading_back_and_writing_again_changes_nothing(value):
    written = canonical(value)
    assert canonical(json.loads(written)) == written


def test_keys_are_ordered_by_utf_16_code_units(writer):
    # U+FB33 is a smaller code point than U+1F602, but a larger code unit than its first surrogate.
    assert writer({"\ufb33": 1, "\U0001f602": 2}).decode() == '{"\U0001f602":2,"\ufb33":1}'


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1: 2}, {"a": b"x"}, {"a": {1, 2}}, "\ud800", {"\ud800": 1}, 2**53 + 1, 10**30 + 1, object()],
)
def test_what_json_cannot_hold_is_refused_without_being_shown(writer, value):
    with pytest.raises(InputError) as caught:
        writer({"outer": value})
    assert repr(value) not in str(caught.value)


def test_a_large_integer_passes_only_where_its_digits_stay(writer):
    assert writer([1152921504606847000]) == writer([float(2**60)]) == b"[1152921504606847000]"
    with pytest.raises(InputError, match="send it as a string"):
        writer([2**60])


def test_a_value_that_holds_itself_is_refused(writer):
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(InputError):
        writer(loop)


#: 100,000 take about half a minute: BH_CANONICAL_EVENTS=100000 pytest tests/emitters/test_canonical.py -k reference
EVENTS = int(os.environ.get("BH_CANONICAL_EVENTS", "3000"))
ALPHABET = [*map(chr, range(0x80)), *"éßñ中日\u2028\u2029\ufeff\uffff\x80\xa0\U0001f602\U00010000\ufb33"]


def some_text(chance: random.Random, most: int) -> str:
    return "".join(chance.choices(ALPHABET, k=chance.randrange(most)))


def some_value(chance: random.Random, depth: int, numbers: bool):
    kind = chance.randrange(10 if depth else 7)
    if kind < 3:
        return some_text(chance, 20)
    if kind == 3:
        return chance.choice([None, True, False])
    if kind == 4:
        return chance.choice([0, 1, -1, 2**53 - 1, 1 - 2**53, chance.randrange(-(2**40), 2**40)])
    if kind == 5 and numbers:
        (value,) = struct.unpack(">d", chance.randbytes(8))
        return value if value == value and abs(value) != float("inf") else 0.5
    if kind < 7:
        return f"{chance.randrange(10**6)}"
    if kind == 7:
        return [some_value(chance, depth - 1, numbers) for _ in range(chance.randrange(4))]
    key = (lambda: some_text(chance, 8)) if numbers else (lambda: "".join(chance.choices('abcz_-0\\"', k=chance.randrange(9))))
    return {key(): some_value(chance, depth - 1, numbers) for _ in range(chance.randrange(5))}


def some_event(number: int):
    """An event with the fields of the standard, whose values are anything; every third one is beyond the restricted form."""
    chance = random.Random(number)
    event = {
        "schema_version": "3.0",
        "event_id": f"{chance.getrandbits(128):032x}",
        "actor": {"subject_id": some_text(chance, 12), "roles": [some_text(chance, 6) for _ in range(chance.randrange(3))]},
        "resource": {"type": "Note", "id": some_text(chance, 12)},
        "integrity": {"chain_id": f"{number:x}", "seq": number, "prev_event_hash": "0" * 64, "hash_alg": "sha256"},
    }
    for name in chance.sample(["action", "http", "metadata", "consent", "outcome", "delegation", "correlation"], 3):
        event[name] = some_value(chance, 3, number % 3 == 0)
    return event


def test_events_are_written_as_the_reference_implementation_writes_them(writer):
    reference = pytest.importorskip("rfc8785")
    for number in range(EVENTS):
        event = some_event(number)
        written = reference.dumps(event)
        assert writer(event) == written, number
        assert canonical_exact(event) == written, number
