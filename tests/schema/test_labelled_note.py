"""The labelled note's schema and its reader say the same."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib._resources import schema_path
from bh_lib.errors import InputError
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.note import parse_note
from bh_lib.schema.taxonomy import load_taxonomy

SCHEMA = json.loads(schema_path("labelled_note", "1.0", "labelled_note.schema.json").read_text("utf-8"))
JUDGE = jsonschema.Draft202012Validator(SCHEMA)
FLAG = st.sampled_from([*load_taxonomy().ids[:3], "SH-999", 1])
SPAN = st.fixed_dictionaries(
    {"flag_id": FLAG, "start": st.sampled_from([0, 1, -1, "0"]), "end": st.sampled_from([2, 3, 1.5])},
    optional={
        "assertion": st.sampled_from([*Assertion, "certain"]),
        "temporality": st.sampled_from([*Temporality, 1]),
        "experiencer": st.sampled_from([*Experiencer, None]),
        "cue": st.just("x"),
    },
)
NOTE = st.fixed_dictionaries(
    {"id": st.sampled_from(["n1", "", 1]), "text": st.sampled_from(["abcd", 5])},
    optional={
        "flags": st.lists(FLAG, max_size=2) | st.none() | st.just("SH-001"),
        "spans": st.lists(SPAN, max_size=2) | st.none(),
        "c_ssrs_level": st.sampled_from([0, 6, 7, -1, True, None, "2"]),
        "any_signal": st.sampled_from([True, False, "yes"]),
        "register": st.sampled_from(["intake_note", 3]),
        "group": st.sampled_from(["g", []]),
        "label": st.just(1),
    },
)


def test_the_schema_is_a_json_schema_and_lists_the_flags_of_the_taxonomy():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert tuple(SCHEMA["$defs"]["flag_id"]["enum"]) == load_taxonomy().ids


@pytest.mark.parametrize(("name", "kind"), [("assertion", Assertion), ("temporality", Temporality), ("experiencer", Experiencer)])
def test_the_schema_lists_the_values_of_the_enum(name, kind):
    assert SCHEMA["properties"]["spans"]["items"]["properties"][name]["enum"] == [value.value for value in kind]


@settings(max_examples=600, deadline=None)
@given(row=NOTE)
def test_the_reader_and_the_schema_give_the_same_verdict(row):
    try:
        note = parse_note(row)
    except InputError:
        assert not JUDGE.is_valid(row), row
    else:
        assert JUDGE.is_valid(row), row
        assert JUDGE.is_valid(note.to_dict())


def test_a_span_beyond_the_text_is_the_readers_to_refuse():
    row = {"id": "n1", "text": "abc", "spans": [{"flag_id": "SH-001", "start": 0, "end": 4}]}
    assert JUDGE.is_valid(row)
    with pytest.raises(InputError, match="length of the text"):
        parse_note(row)
