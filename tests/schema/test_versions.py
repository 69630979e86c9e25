"""Between versions: nothing invented, nothing lost in silence, nothing untrue."""

from __future__ import annotations

import pytest

from bh_lib.errors import SchemaError
from bh_lib.schema import VERSIONS, LossKind, convert_event, is_valid_event, negotiate
from bh_lib.schema.pointer import from_leaves, leaves

ALL = [(source, target) for source in VERSIONS for target in VERSIONS]


def covered(path, losses):
    return any(path == at or path.startswith(f"{at}/") or (at.endswith("/*") and path.startswith(at[:-1])) for at in losses)


@pytest.mark.parametrize(("source", "target"), ALL)
def test_a_conversion_is_valid_and_lists_every_difference(source, target, examples, mutants):
    events = [*examples(source, "valid").values(), *(e for e in mutants(source, 150, seed=5) if is_valid_event(e, source))]
    converted = 0
    for event in events:
        try:
            conversion = convert_event(event, target, agents="flatten")
        except SchemaError as refused:
            assert refused.place is not None
            continue
        converted += 1
        assert is_valid_event(conversion.event, target)
        before, after = leaves(event), leaves(conversion.event)
        listed = {loss.path for loss in conversion.losses} | {"/schema_version"}
        changed = {path for path in before | after if before.get(path, ...) != after.get(path, ...)}
        assert {path for path in changed if not covered(path, listed)} == set()
        # Each loss that says so is a difference; a field is never reported lost that is still there as it was.
        for loss in conversion.losses:
            if loss.kind in (LossKind.DROPPED, LossKind.CHANGED):
                assert any(covered(path, {loss.path}) for path in changed), loss
    assert converted > len(events) // 3


@pytest.mark.parametrize(("source", "target"), ALL)
def test_a_conversion_never_invents_a_value(source, target, examples):
    for event in examples(source, "valid").values():
        try:
            conversion = convert_event(event, target, agents="flatten")
        except SchemaError:
            continue
        said = {loss.path for loss in conversion.losses if loss.kind in (LossKind.CHANGED, LossKind.IMPLIED)}
        before = leaves(event)
        new = {path for path, value in leaves(conversion.event).items() if before.get(path, ...) != value}
        assert new <= said | {"/schema_version"}


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_down_and_up_again_loses_exactly_what_the_reports_say(version, examples):
    for event in examples("3.0", "valid").values():
        down = convert_event(event, version, agents="flatten")
        if "/outcome/status" in {loss.path for loss in down.losses} and "error_message" not in event["outcome"]:
            # A refusal without a message, once it is called a failure, lacks what later versions ask of a failure.
            with pytest.raises(SchemaError, match="without inventing"):
                convert_event(down.event, "3.0")
            continue
        up = convert_event(down.event, "3.0")
        before, after = leaves(event), leaves(up.event)
        listed = {loss.path for loss in (*down.losses, *up.losses)}
        differing = {path for path in before | after if before.get(path, ...) != after.get(path, ...)}
        assert {path for path in differing if not covered(path, listed)} == set()
        lost = [loss.path for loss in down.losses if loss.kind is LossKind.DROPPED and loss.path not in {x.path for x in up.losses}]
        assert all(any(covered(path, {at}) for path in differing) for at in lost)


def test_a_refusal_becomes_a_failure_under_1_0_and_says_so(examples):
    conversion = convert_event(examples("1.1", "valid")["denied_other_organization"], "1.0")
    assert conversion.event["outcome"]["status"] == "FAILURE"
    assert [(loss.path, loss.kind) for loss in conversion.losses if loss.path == "/outcome/status"] == [
        ("/outcome/status", "changed")
    ]


@pytest.mark.parametrize("name", ["agent_read", "sub_agent_read", "agent_denied_unattributed"])
@pytest.mark.parametrize("target", ["1.0", "1.1"])
def test_an_agents_event_needs_an_explicit_mode_under_1_x(name, target, examples):
    event = examples("2.1", "valid")[name]
    with pytest.raises(SchemaError, match="flatten"):
        convert_event(event, target)
    flat = convert_event(event, target, agents="flatten")
    assert flat.event["actor"]["subject_type"] == "service"
    assert {"/actor/subject_type"} <= {loss.path for loss in flat.losses}


def test_an_unattributed_agent_can_not_be_said_in_2_0(examples):
    with pytest.raises(SchemaError, match="an agent acted for nobody"):
        convert_event(examples("2.1", "valid")["agent_denied_unattributed"], "2.0")


@pytest.mark.parametrize("change", [{"outcome": {"status": "FAILURE"}}, {"event_id": "not a uuid but long"}])
def test_an_upgrade_that_would_have_to_invent_is_refused(change, examples):
    with pytest.raises(SchemaError, match="without inventing"):
        convert_event(examples("1.0", "valid")["read"] | change, "1.1")


def test_an_optional_field_that_a_stricter_version_refuses_is_dropped_and_listed(examples):
    event = examples("1.0", "valid")["read"] | {"correlation": {}, "metadata": {"nested": {"a": 1}, "plain": 1}}
    event["http"] = {"method": "FETCH", "client_ip": "somewhere", "status_code": 200}
    conversion = convert_event(event, "1.1")
    assert conversion.event["http"] == {"status_code": 200}
    assert conversion.event["metadata"] == {"plain": 1}
    assert {loss.path for loss in conversion.losses} == {"/correlation", "/metadata/*", "/http/method", "/http/client_ip"}


def test_a_hash_is_not_carried_to_another_form(examples):
    conversion = convert_event(examples("2.1", "valid")["export_with_integrity"], "3.0")
    assert "integrity" not in conversion.event
    assert "/integrity" in {loss.path for loss in conversion.losses}


def test_the_source_is_left_as_it_was(examples):
    event = examples("3.0", "valid")["disclose"]
    before = leaves(event)
    convert_event(event, "1.0")
    assert leaves(event) == before


def test_both_sides_agree_on_the_latest_that_they_share():
    assert negotiate(VERSIONS, ["2.0", "1.1"]) == "2.0"
    with pytest.raises(SchemaError, match="no version in common"):
        negotiate(VERSIONS, ["4.0"])


@pytest.mark.parametrize("bad", [{"agents": "whatever"}, {"to": "4.0"}])
def test_an_unknown_target_or_mode_is_refused(bad, examples):
    with pytest.raises(SchemaError, match="one of"):
        convert_event(examples("2.1", "valid")["read"], **({"to": "1.1"} | bad))


def test_leaves_build_the_event_again(examples):
    for event in examples("3.0", "valid").values():
        assert from_leaves(leaves(event).items()) == event
