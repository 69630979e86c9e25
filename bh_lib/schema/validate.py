"""Is this event valid? If not, why not: as path and rule, never the value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from bh_lib._resources import schema_path
from bh_lib.errors import KnowledgeError, SchemaError
from bh_lib.schema._compile import compile_schema
from bh_lib.schema._explain import Problem, explain

__all__ = ["CURRENT", "VERSIONS", "Problem", "detect_version", "event_checker", "event_schema", "is_valid_event", "validate_event"]

VERSIONS: Final = ("1.0", "1.1", "2.0", "2.1", "3.0")
"""Every version of the audit event, oldest first."""

CURRENT: Final = "3.0"


def _known(version: str) -> str:
    if version not in VERSIONS:
        raise SchemaError(f"unknown version of the audit event: it is one of {', '.join(VERSIONS)}")
    return version


@cache
def event_schema(version: str = CURRENT) -> Mapping[str, Any]:
    """The JSON Schema of one version, as in ``schema/audit_event``.

    Raises
    ------
    SchemaError
        If there is no such version.

    Examples
    --------
    >>> event_schema("2.1")["properties"]["schema_version"]["const"]
    '2.1'
    """
    path = schema_path("audit_event", _known(version), "audit_event.schema.json")
    try:
        return MappingProxyType(json.loads(path.read_text("utf-8")))
    except ValueError:
        raise KnowledgeError("is not valid JSON", path=f"audit_event/{version}/audit_event.schema.json") from None


@cache
def event_checker(version: str = CURRENT) -> Callable[[Any], bool]:
    """The compiled check of one version: what `is_valid_event` calls. Keep it where every microsecond counts.

    Examples
    --------
    >>> event_checker("3.0")({"schema_version": "3.0"})
    False
    """
    return compile_schema(event_schema(version), f"audit_event {version}")


def is_valid_event(event: Any, version: str = CURRENT) -> bool:
    """Whether an event holds its schema; the fastest way to know.

    Parameters
    ----------
    event : object
        Whatever JSON can hold: a dict for an event that has a chance.
    version : str
        One of `VERSIONS`.

    Raises
    ------
    SchemaError
        If there is no such version.

    Examples
    --------
    >>> is_valid_event({"schema_version": "3.0"})
    False
    """
    return event_checker(version)(event)


@cache
def _names() -> frozenset[str]:
    def walk(schema: Any) -> Iterator[str]:
        if isinstance(schema, dict):
            yield from schema.get("properties", {})
            for inner in schema.values():
                yield from walk(inner)
        elif isinstance(schema, list):
            for inner in schema:
                yield from walk(inner)

    return frozenset(name for version in VERSIONS for name in walk(dict(event_schema(version))))


def validate_event(event: Any, version: str = CURRENT) -> list[Problem]:
    """What is wrong with an event; an empty list where nothing is.

    Parameters
    ----------
    event : object
        Whatever JSON can hold.
    version : str
        One of `VERSIONS`; `detect_version` tells which one an event claims.

    Returns
    -------
    list of Problem
        In the order of the schema, without duplicates.

    Raises
    ------
    SchemaError
        If there is no such version.

    Examples
    --------
    >>> event = {
    ...     "schema_version": "3.0",
    ...     "event_id": "6d3f0f6b-0c1a-4b9f-9d6f-9f6f7f5b2b0a",
    ...     "timestamp": "2026-11-24T20:15:00Z",
    ...     "service": {"name": "intake-api"},
    ...     "actor": {"subject_id": "u1", "subject_type": "human"},
    ...     "action": {"type": "READ"},
    ...     "resource": {"type": "Patient", "patient_id": "p1"},
    ...     "outcome": {"status": "SUCCESS"},
    ... }
    >>> validate_event(event)
    []
    >>> for problem in validate_event(event | {"outcome": {"status": "DENIED"}, "purpose_of_use": "BTG"}):
    ...     print(problem)
    /outcome/error_type: DENIED needs error_type
    /emergency: purpose_of_use BTG or ETREAT needs emergency
    """
    if event_checker(version)(event):
        return []
    return list(dict.fromkeys(explain(event_schema(version), event, "", _names())))


def detect_version(event: Any) -> str:
    """The version that an event claims.

    Raises
    ------
    SchemaError
        If it is not an object, or claims none of `VERSIONS`.

    Examples
    --------
    >>> detect_version({"schema_version": "2.1"})
    '2.1'
    """
    claimed = event.get("schema_version") if isinstance(event, dict) else None
    if not isinstance(claimed, str) or claimed not in VERSIONS:
        raise SchemaError(f"must be one of {', '.join(VERSIONS)}", place="/schema_version")
    return str(claimed)
