"""The event of version 3.0 as frozen, typed values, for code that would rather not spell dictionaries."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Final, Literal

from bh_lib.errors import SchemaError
from bh_lib.schema.validate import CURRENT, validate_event

__all__ = [
    "Action",
    "Actor",
    "Agent",
    "Attribution",
    "Auth",
    "Consent",
    "Correlation",
    "Delegation",
    "Disclosure",
    "Emergency",
    "Event",
    "Http",
    "Identity",
    "Integrity",
    "Outcome",
    "Recipient",
    "Resource",
    "Service",
]

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Service:
    """The program that recorded the event."""

    name: str
    environment: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Auth:
    """How the actor authenticated."""

    method: str | None = None
    mfa: bool | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever's credentials were presented; `owner_org_id` is the organization that owns the resource."""

    subject_id: str
    subject_type: Literal["human", "service", "agent"] = "human"
    org_id: str | None = None
    owner_org_id: str | None = None
    roles: tuple[str, ...] | None = None
    auth: Auth | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """What an AI agent is; never its prompt or its output."""

    interface: Literal["ui_driving", "api", "mcp", "cli", "sdk"]
    vendor: str | None = None
    model_family: str | None = None
    model_version: str | None = None
    harness: str | None = None
    harness_version: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """The acting agent (with `agent`) or the authorizing person (with `org_id`) of a delegation."""

    subject_id: str
    subject_type: Literal["human", "agent"]
    org_id: str | None = None
    agent: Agent | None = None


@dataclass(frozen=True, slots=True)
class Delegation:
    """An agent acted, for whom, and who watched."""

    acting: Identity
    authorizing: Identity
    delegation_type: Literal["supervised", "autonomous", "scheduled"]
    agent_session_id: str
    chain_depth: int | None = None
    parent_agent_session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """How the delegation is known, weakest first: unattributed, asserted, bound, verified."""

    level: Literal["unattributed", "asserted", "bound", "verified"]
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """What was done."""

    type: str
    name: str | None = None
    phi_touched: bool | None = None
    data_classification: Literal["PHI", "PII", "NONE", "UNKNOWN"] | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """What it was done to; `sensitivity` holds labels such as ``42CFRPart2``."""

    type: str
    id: str | None = None
    patient_id: str | None = None
    sensitivity: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """SUCCESS; FAILURE: the system could not; DENIED: the system worked, and refused."""

    status: Literal["SUCCESS", "FAILURE", "DENIED"] = "SUCCESS"
    error_type: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class Correlation:
    """Ids that tie events together; at least one."""

    request_id: str | None = None
    trace_id: str | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Http:
    """The request behind the action: the route's template, never the path that was asked for."""

    method: str | None = None
    route_template: str | None = None
    status_code: int | None = None
    client_ip: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """On what legal basis; 42 CFR part 2 names the bases, see ``schema/README.md``."""

    basis: str
    id: str | None = None
    signed_at: str | None = None
    expires_at: str | None = None
    revoked_at: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom information went."""

    id: str
    type: str


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Information left the organization: to whom, and what went with it."""

    recipient: Recipient
    description_code: str | None = None
    notice_sent: bool | None = None
    consent_copy_sent: bool | None = None
    via_ehr: bool | None = None


@dataclass(frozen=True, slots=True)
class Emergency:
    """Why ordinary rules were set aside."""

    nature_code: str
    approved_by: str | None = None
    review_due_at: str | None = None


@dataclass(frozen=True, slots=True)
class Integrity:
    """Links that make tampering show; written by the emitter."""

    event_hash: str | None = None
    prev_event_hash: str | None = None
    hash_alg: str | None = None
    chain_id: str | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One audit event of version 3.0.

    Examples
    --------
    >>> event = Event(
    ...     event_id="6d3f0f6b-0c1a-4b9f-9d6f-9f6f7f5b2b0a",
    ...     timestamp="2026-11-24T20:15:00Z",
    ...     service=Service("intake-api"),
    ...     actor=Actor("u1", roles=("nurse",)),
    ...     action=Action("READ", phi_touched=True),
    ...     resource=Resource("Patient", patient_id="p1"),
    ...     outcome=Outcome(),
    ...     purpose_of_use="TREAT",
    ... )
    >>> event.to_dict()["actor"]
    {'subject_id': 'u1', 'subject_type': 'human', 'roles': ['nurse']}
    >>> Event.parse(event.to_dict()) == event
    True
    """

    event_id: str
    timestamp: str
    service: Service
    actor: Actor
    action: Action
    resource: Resource
    outcome: Outcome
    purpose_of_use: str | None = None
    correlation: Correlation | None = None
    attribution: Attribution | None = None
    delegation: Delegation | None = None
    consent: Consent | None = None
    disclosure: Disclosure | None = None
    emergency: Emergency | None = None
    http: Http | None = None
    integrity: Integrity | None = None
    metadata: Mapping[str, Scalar] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON; what is None is left out. Not validated: `parse` and `validate_event` do that."""
        row: dict[str, Any] = {"schema_version": CURRENT}
        row.update(_dump(self))
        return row

    @classmethod
    def parse(cls, row: Any) -> Event:
        """Read a valid event of version 3.0.

        Raises
        ------
        SchemaError
            If it is not valid; the message names path and rule, never the value.
        """
        problems = validate_event(row)
        if problems:
            raise SchemaError(problems[0].rule, place=problems[0].path or "/")
        return typing.cast(Event, _load(cls, row))


def _dump(value: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in fields(value):
        inner = getattr(value, field.name)
        if inner is not None:
            plain = _dump(inner) if is_dataclass(inner) else dict(inner) if isinstance(inner, Mapping) else inner
            row[field.name] = list(plain) if isinstance(plain, tuple) else plain
    return row


_UNIONS: Final = (UnionType, typing.Union)


@cache
def _types(kind: type) -> dict[str, type | None]:
    """For each field, the dataclass that it holds, if any."""
    held: dict[str, type | None] = {}
    for name, hint in typing.get_type_hints(kind).items():
        options = typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else (hint,)
        held[name] = next((option for option in options if isinstance(option, type) and is_dataclass(option)), None)
    return held


def _load(kind: type, row: Mapping[str, Any]) -> Any:
    values: dict[str, Any] = {}
    for name, inner in _types(kind).items():
        if name in row:
            value = row[name]
            values[name] = _load(inner, value) if inner else tuple(value) if isinstance(value, list) else value
    return kind(**values)
