"""OCSF and CloudEvents: they hold the others' schemas, and what has no place is listed."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.errors import SchemaError
from bh_lib.schema import TARGETS, VERSIONS, LossKind, convert_event, is_valid_event


@pytest.fixture(scope="session")
def ocsf(shared):
    return jsonschema.Draft202012Validator(
        json.loads((shared / "reference/ocsf/api_activity-1.6.0.schema.json").read_text("utf-8"))
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_event_as_ocsf_holds_the_ocsf_schema(version, examples, mutants, ocsf):
    events = [*examples(version, "valid").values(), *(e for e in mutants(version, 500, seed=3) if is_valid_event(e, version))]
    held = 0
    for event in events:
        try:
            conversion = convert_event(event, "ocsf")
        except SchemaError:
            continue
        assert [error.message for error in ocsf.iter_errors(json.loads(json.dumps(conversion.event)))] == []
        held += 1
    assert held > 10


def test_the_chain_goes_with_the_ocsf_event(examples):
    event = examples("3.0", "valid")["read_with_purpose_and_chain"]
    converted = convert_event(event, "ocsf").event
    assert converted["raw_data_hash"] == {"algorithm_id": 3, "algorithm": "SHA-256", "value": event["integrity"]["event_hash"]}
    assert (converted["metadata"]["sequence"], converted["metadata"]["log_name"]) == (41, "intake-api/1")
    assert converted["time"] == 1795532645000


@pytest.mark.parametrize("digest", ["2.0", "zz", "ab\n", "١", "x" * 128])
def test_a_hash_that_ocsf_can_not_hold_is_unmapped_and_listed(digest, examples, ocsf):
    event = examples("3.0", "valid")["read_with_purpose_and_chain"]
    event["integrity"]["event_hash"] = digest
    conversion = convert_event(event, "ocsf")
    assert ocsf.is_valid(json.loads(json.dumps(conversion.event)))
    assert conversion.event["unmapped"]["/integrity/event_hash"] == digest
    assert {"/integrity/event_hash", "/integrity/hash_alg"} <= {loss.path for loss in conversion.losses}


def test_a_refusal_is_not_an_ocsf_failure(examples):
    found = examples("3.0", "valid")
    said = {
        name: convert_event(found[name], "ocsf").event["status_id"] for name in ("read", "failure", "denied_other_organization")
    }
    assert said == {"read": 1, "failure": 2, "denied_other_organization": 99}


def test_what_ocsf_has_no_attribute_for_is_under_unmapped_and_listed(examples):
    conversion = convert_event(examples("3.0", "valid")["disclose"], "ocsf")
    moved = {loss.path for loss in conversion.losses if loss.kind is LossKind.MOVED}
    assert moved == set(conversion.event["unmapped"])
    assert "/disclosure/recipient/id" in moved


def test_digits_beyond_microseconds_are_no_obstacle(examples):
    event = examples("3.0", "valid")["read"] | {"timestamp": "2026-11-24T15:04:05.123456789+00:00"}
    assert convert_event(event, "ocsf").event["time"] == 1795532645123


@pytest.mark.parametrize("version", VERSIONS)
def test_an_envelope_gives_the_same_event_back(version, examples):
    for event in examples(version, "valid").values():
        envelope = convert_event(event, "cloudevents").event
        assert envelope["specversion"] == "1.0"
        assert convert_event(envelope, version).event == event


def test_an_envelope_names_no_actor_and_no_patient(examples):
    envelope = convert_event(examples("3.0", "valid")["disclose"], "cloudevents").event
    outside = json.dumps({key: value for key, value in envelope.items() if key != "data"})
    assert "user-17" not in outside
    assert "pat-9" not in outside


@settings(max_examples=300, deadline=None)
@given(
    event=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["3.0", "1.0", "AuditEvent"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["schema_version", "resourceType", "specversion", "data", "actor", "x"]), inner, max_size=4
            )
        ),
        max_leaves=10,
    ),
    target=st.sampled_from(TARGETS),
)
def test_any_json_is_converted_or_refused(event, target):
    with pytest.raises(SchemaError):
        convert_event(event, target)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_nested_without_end_is_refused(target, examples):
    tree: list[object] = []
    for _ in range(5000):
        tree = [tree]
    for event in (examples("1.0", "valid")["read"] | {"metadata": {"tree": tree}}, {"resourceType": "AuditEvent", "entity": tree}):
        with pytest.raises(SchemaError):
            convert_event(event, target)
