"""The verdict: equal to the published schemas', told as path and rule, and never with a value."""

from __future__ import annotations

import hashlib
import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib._resources import schema_path
from bh_lib.errors import KnowledgeError, SchemaError
from bh_lib.schema import VERSIONS, detect_version, event_schema, is_valid_event, validate_event
from bh_lib.schema._compile import compile_schema

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
OPTIONAL_KEYS = (
    "correlation",
    "delegation",
    "attribution",
    "http",
    "integrity",
    "metadata",
    "consent",
    "emergency",
    "purpose_of_use",
)


def judge(schema):
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schema_is_a_json_schema_and_closed(version):
    schema = dict(event_schema(version))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["schema_version"]["const"] == version


@pytest.mark.parametrize("version", VERSIONS)
def test_every_valid_example_is_valid(version, examples):
    found = examples(version, "valid")
    assert len(found) >= (8 if version == "3.0" else 3)
    assert {name: validate_event(event, version) for name, event in found.items()} == {name: [] for name in found}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_invalid_example_breaks_the_rule_that_names_it(version, examples):
    found = examples(version, "invalid")
    expected = json.loads(schema_path("audit_event", "examples", version, "invalid.json").read_text("utf-8"))
    assert len(found) >= (30 if version == "3.0" else 8)
    assert set(found) == set(expected)
    for name, event in found.items():
        assert not is_valid_event(event, version)
        assert [{"path": p.path, "rule": p.rule} for p in validate_event(event, version)] == expected[name]
        assert expected[name]


def test_every_named_rule_of_3_0_has_an_example_that_breaks_it(examples):
    schema = event_schema("3.0")
    rules = {rule["title"] for rule in (*schema["allOf"], *schema["x-bh-rules"])}
    assert rules <= set(examples("3.0", "invalid"))


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_the_published_examples_get_their_published_verdict(version, references):
    for name, event, valid in references(version):
        assert is_valid_event(event, version) is valid, name
        assert (validate_event(event, version) == []) is valid, name


def test_there_are_28_valid_and_34_invalid_published_examples(references):
    verdicts = [valid for version in VERSIONS[:-1] for _, _, valid in references(version)]
    assert (verdicts.count(True), verdicts.count(False)) == (28, 34)


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_mutants_get_the_verdict_of_the_published_schema(version, mutants, shared):
    published = shared / "reference" / "bh_audit_schema" / "versions" / version / "audit_event.schema.json"
    other = judge(json.loads(published.read_text("utf-8")))
    verdicts = []
    for event in mutants(version, 400, seed=20):
        verdict = is_valid_event(event, version)
        assert verdict is other.is_valid(event), event
        assert verdict is (validate_event(event, version) == [])
        verdicts.append(verdict)
    assert 40 < sum(verdicts) < 360


@pytest.mark.parametrize("version", VERSIONS)
def test_mutants_get_the_verdict_of_our_own_schema_file(version, mutants):
    other = judge(dict(event_schema(version)))
    for event in mutants(version, 400, seed=21):
        ours = [p for p in validate_event(event, version) if p.path != "/consent" or "another organization" not in p.rule]
        assert (ours == []) is other.is_valid(event), event


@pytest.mark.parametrize("version", VERSIONS)
def test_the_compiled_check_and_the_explanation_agree(version, mutants):
    for event in mutants(version, 600, seed=22):
        assert is_valid_event(event, version) is (validate_event(event, version) == []), event


@settings(max_examples=300, deadline=None)
@given(event=ANY_JSON, version=st.sampled_from(VERSIONS))
def test_any_json_gets_a_verdict(event, version):
    assert is_valid_event(event, version) is False
    assert validate_event(event, version)


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from(OPTIONAL_KEYS), value=ANY_JSON, version=st.sampled_from(VERSIONS))
def test_any_json_in_a_field_gets_the_same_verdict_as_from_jsonschema(key, value, version):
    event = json.loads(schema_path("audit_event", "examples", version, "valid", "failure.json").read_text("utf-8"))
    event[key] = value
    assert is_valid_event(event, version) is judge(dict(event_schema(version))).is_valid(event)


@settings(max_examples=200, deadline=None)
@given(value=ANY_JSON, place=st.sampled_from(("actor", "metadata", "http", "timestamp", "schema_version", "delegation")))
def test_no_value_and_no_senders_name_is_ever_repeated(value, place):
    canary = "Jane-Doe-123-45-6789"
    event = {
        "schema_version": canary,
        canary: canary,
        "actor": {"subject_type": canary, canary: 1},
        "metadata": {canary: {canary: canary}},
    }
    event[place] = {"value": value, canary: canary}
    said = "".join(str(problem) for problem in validate_event(event))
    assert said
    assert canary not in said


def test_a_name_from_another_version_is_named(examples):
    event = examples("1.1", "valid")["login"] | {"delegation": {}}
    assert [str(p) for p in validate_event(event, "1.1")] == ["/delegation: is not defined here in this version"]


def test_access_across_organizations_to_part_2_records_needs_a_basis(examples):
    event = examples("3.0", "valid")["part2_with_consent"]
    del event["consent"]
    assert [p.path for p in validate_event(event)] == ["/consent"]
    event["actor"]["owner_org_id"] = event["actor"]["org_id"]
    assert validate_event(event) == []


def test_3_0_accepts_what_2_1_accepts(examples):
    for name, event in examples("2.1", "valid").items():
        assert is_valid_event(event | {"schema_version": "3.0"}), name


def test_an_unknown_version_is_refused_without_repeating_it():
    with pytest.raises(SchemaError, match=r"it is one of 1\.0, 1\.1") as refused:
        validate_event({}, "9.9-canary")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("event", [None, [], {}, {"schema_version": 3.0}, {"schema_version": ["3.0"]}, {"schema_version": "4.0"}])
def test_an_event_that_claims_no_version_is_refused(event):
    with pytest.raises(SchemaError, match="/schema_version"):
        detect_version(event)


def test_a_keyword_that_the_compiler_does_not_know_is_refused():
    with pytest.raises(KnowledgeError, match="patternProperties"):
        compile_schema({"type": "object", "patternProperties": {}}, "demo")


def test_a_schema_never_changes_once_it_is_published():
    frozen = json.loads(schema_path("audit_event", "digests.json").read_text("utf-8"))
    assert set(frozen) == set(VERSIONS)
    for version, digest in frozen.items():
        text = schema_path("audit_event", version, "audit_event.schema.json").read_bytes()
        assert hashlib.sha256(text).hexdigest() == digest, f"{version} is published: make a new version"
