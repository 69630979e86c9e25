"""The typed event: the same thing as the dictionary, and as strict."""

from __future__ import annotations

import dataclasses

import pytest

from bh_lib.errors import SchemaError
from bh_lib.schema import (
    Actor,
    Agent,
    Attribution,
    Delegation,
    Disclosure,
    Event,
    Identity,
    Recipient,
    event_schema,
    validate_event,
)


def test_every_example_survives_the_typed_form(examples):
    for name, event in examples("3.0", "valid").items():
        assert Event.parse(event).to_dict() == event, name


def test_every_field_of_the_schema_has_a_typed_home():
    def compare(kind, schema):
        names = {field.name: field for field in dataclasses.fields(kind)}
        assert set(names) == set(schema["properties"]) - {"schema_version"}, kind

    compare(Event, event_schema())
    for kind, name in ((Actor, "actor"), (Delegation, "delegation"), (Attribution, "attribution"), (Disclosure, "disclosure")):
        compare(kind, event_schema()["properties"][name])


def test_building_blocks_make_a_valid_agent_event(examples):
    event = Event.parse(examples("3.0", "valid")["read"])
    acting = Identity("agent-3", "agent", agent=Agent("mcp", vendor="vendor-a"))
    delegation = Delegation(acting, Identity("user-17", "human"), "supervised", "session-8")
    agent = dataclasses.replace(event, actor=Actor("cred-1", "agent"), delegation=delegation, attribution=Attribution("verified"))
    assert validate_event(agent.to_dict()) == []


def test_a_typed_event_can_not_be_changed(examples):
    event = Event.parse(examples("3.0", "valid")["disclose"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.disclosure = Disclosure(Recipient("x", "other"))


def test_a_wrong_event_is_refused_by_path_and_rule(examples):
    with pytest.raises(SchemaError, match="/emergency: purpose_of_use BTG or ETREAT needs emergency"):
        Event.parse(examples("3.0", "invalid")["emergency-is-documented"])
