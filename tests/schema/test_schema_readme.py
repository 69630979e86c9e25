"""What schema/README.md tells an engineer of another language is so."""

from __future__ import annotations

import json
import re

import pytest

from bh_lib._resources import schema_path
from bh_lib.errors import SchemaError
from bh_lib.schema import TARGETS, VERSIONS, convert_event, event_schema, is_valid_event, validate_event


@pytest.fixture(scope="module")
def readme():
    return schema_path("README.md").read_text("utf-8")


def table(readme, head):
    rows = readme.split(head, 1)[1].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("|") and "---" not in row]


def test_the_example_is_a_valid_event(readme):
    (example,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    assert validate_event(json.loads(example)) == []


def test_the_required_fields_are_those_of_the_schema(readme):
    listed = re.search(r"Required: (.*?)\. Everything", readme, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", listed[1])) == set(event_schema("3.0")["required"])


def test_each_field_is_there_since_the_version_that_is_told(readme):
    rows = table(readme, "| field | since | meaning |\n")
    told = {name.strip("`"): since for name, since, _ in rows}
    for version in VERSIONS:
        expected = {name for name, since in told.items() if since <= version}
        assert expected == set(event_schema(version)["properties"]) - {"schema_version"}


def test_every_rule_is_explained_and_every_explained_rule_exists(readme):
    schema = event_schema("3.0")
    told = set()
    for names, _ in table(readme, "| rule | says |\n"):
        first, *others = names.split(", ")
        told |= {first} | {first.split("-", 1)[0] + name if name.startswith("-") else name for name in others}
    assert told == {rule["title"] for rule in (*schema["allOf"], *schema["x-bh-rules"])}


@pytest.mark.parametrize(
    "name", ["audit_event/digests.json", "controls.toml", "labelled_note", "analysis", "metrics", "flags.toml"]
)
def test_what_is_listed_is_there(readme, name):
    assert name in readme
    assert schema_path(*name.split("/")).exists()


def test_the_corners_are_as_told(examples):
    first = examples("1.0", "valid")["read"]
    loose = {"event_id": "z" * 16, "metadata": {"tree": [{"a": []}]}, "http": {"client_ip": "anything"}}
    assert is_valid_event(first | loose, "1.0")
    assert not is_valid_event(first | {"event_id": "z" * 15}, "1.0")
    for version in VERSIONS:
        event = next(iter(examples(version, "valid").values()))
        for when in ("2026-11-24t15:04:05z", "2026-11-24T15:04:05Z\n", "2026-11-24T15:04:05+05:30"):
            assert is_valid_event(event | {"timestamp": when}, version), (version, when)
        assert not is_valid_event(event | {"timestamp": "0000-11-24T15:04:05Z"}, version)
    assert is_valid_event(examples("3.0", "valid")["read"] | {"event_id": "6d3f0f6b-0c1a-4b9f-9d6f-9f6f7f5b2_0a"})


@pytest.mark.parametrize(
    ("action", "becomes"),
    [
        ("QUERY", "READ"),
        ("REVIEW", "READ"),
        ("GRANT", "OTHER"),
        ("REVOKE", "OTHER"),
        ("CONFIGURE", "OTHER"),
        ("DISCLOSE", "EXPORT"),
    ],
)
def test_a_downgrade_changes_actions_as_told(readme, examples, action, becomes):
    assert re.search(rf"\b{action}\b[A-Z, and]*→ {becomes}", readme)
    event = next(event for event in examples("3.0", "valid").values() if event["action"]["type"] == action)
    assert convert_event(event, "2.1").event["action"]["type"] == becomes


def test_agents_are_refused_under_1_1_unless_flattened(examples):
    event = examples("2.0", "valid")["agent_read"]
    with pytest.raises(SchemaError, match="flatten"):
        convert_event(event, "1.1")
    assert convert_event(event, "1.1", agents="flatten").losses


def test_every_export_is_named(readme):
    named = {"fhir-r4": "`fhir-r4`", "balp-r4": "`balp-r4`", "fhir-r5": "FHIR R5", "ocsf": "OCSF", "cloudevents": "CloudEvents"}
    assert set(named) == set(TARGETS) - set(VERSIONS)
    assert all(words in readme for words in named.values())
