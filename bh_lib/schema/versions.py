"""Between versions of the event: what is carried, what is lost, and where the answer is no.

Two promises. An upgrade never invents a fact: where the later version demands one that the event does not hold, it is
refused. A downgrade never lies: each field that is lost and each meaning that changes is listed, and an event that would
say something untrue in the older version is refused unless the caller chooses a mode for it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from bh_lib.errors import SchemaError
from bh_lib.schema.pointer import take
from bh_lib.schema.validate import VERSIONS, Problem, detect_version, event_schema, validate_event

__all__ = ["Agents", "Conversion", "Loss", "LossKind", "change_version", "fit", "negotiate"]


class LossKind(StrEnum):
    """What became of a field."""

    DROPPED = "dropped"
    """It is gone."""
    CHANGED = "changed"
    """It has another value, which means something else."""
    IMPLIED = "implied"
    """The result says, or is read as saying, what the source left open."""
    MOVED = "moved"
    """It is still there, outside the elements that the target format has for such facts."""


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """One difference between what an event said and what its conversion says; a path and words, never a value."""

    path: str
    why: str
    kind: LossKind = LossKind.DROPPED

    def to_dict(self) -> dict[str, str]:
        """As JSON."""
        return {"path": self.path, "kind": self.kind.value, "why": self.why}


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted event, and all that the conversion cost.

    Attributes
    ----------
    event : dict
        In the target's form; nothing in it is shared with the source.
    losses : tuple of Loss
    """

    event: dict[str, Any]
    losses: tuple[Loss, ...] = ()


class Agents(StrEnum):
    """What to do with an agent's event where the target version has no agents."""

    REFUSE = "refuse"
    """Raise: without its delegation the event would say that a person or a program acted."""
    FLATTEN = "flatten"
    """Turn an agent actor into a service, drop delegation and attribution, and list all of it."""


_HASH: Final = "the hash covers the event as it was first written, not this form of it"
_LATER: Final = {
    "3.0": ("/purpose_of_use", "/consent", "/disclosure", "/emergency", "/resource/sensitivity", "/actor/auth"),
    "1.1": ("/actor/owner_org_id",),
}
# An action that 2.1 lacks, and the widest one there that is still true.
_WIDER: Final = {"QUERY": "READ", "REVIEW": "READ", "DISCLOSE": "EXPORT", "GRANT": "OTHER", "REVOKE": "OTHER", "CONFIGURE": "OTHER"}

_Step = Callable[[dict[str, Any], list[Loss], Agents], None]


def _drop(event: dict[str, Any], losses: list[Loss], paths: Iterable[str], why: str) -> None:
    losses.extend(Loss(path, why) for path in paths if take(event, path))


def _to_2_1(event: dict[str, Any], losses: list[Loss], _agents: Agents) -> None:
    _drop(event, losses, _LATER["3.0"], "3.0 has it, 2.1 has no place for it")
    action = event["action"]["type"]
    if action in _WIDER:
        event["action"]["type"] = _WIDER[action]
        losses.append(Loss("/action/type", f"2.1 has no {action}; the widest that is true is {_WIDER[action]}", LossKind.CHANGED))


def _to_2_0(event: dict[str, Any], losses: list[Loss], agents: Agents) -> None:
    if event.get("attribution", {}).get("level") == "unattributed":
        _flatten_or_refuse(event, losses, agents, "2.0 can't say that an agent acted for nobody who could be named")
    _drop(event, losses, ["/attribution"], "2.0 can't say how a delegation is known")


def _to_1_1(event: dict[str, Any], losses: list[Loss], agents: Agents) -> None:
    if "delegation" in event or event["actor"]["subject_type"] == "agent":
        _flatten_or_refuse(event, losses, agents, "1.1 has no agents, and would say that a person or a program acted alone")
    if event["action"]["type"] == "OVERRIDE":
        event["action"]["type"] = "OTHER"
        losses.append(Loss("/action/type", "1.1 has no OVERRIDE", LossKind.CHANGED))


def _to_1_0(event: dict[str, Any], losses: list[Loss], _agents: Agents) -> None:
    _drop(event, losses, _LATER["1.1"], "1.0 can't name the organization that owns a resource")
    if event["outcome"]["status"] == "DENIED":
        event["outcome"]["status"] = "FAILURE"
        losses.append(Loss("/outcome/status", "1.0 can't tell a refusal from a failure: DENIED becomes FAILURE", LossKind.CHANGED))


def _flatten_or_refuse(event: dict[str, Any], losses: list[Loss], agents: Agents, why: str) -> None:
    if agents is not Agents.FLATTEN:
        raise SchemaError(f"{why}: choose the mode flatten if that is what you want", place="/delegation")
    _drop(event, losses, ("/delegation", "/attribution"), why)
    if event["actor"]["subject_type"] == "agent":
        event["actor"]["subject_type"] = "service"
        losses.append(Loss("/actor/subject_type", "an agent is shown as a service", LossKind.CHANGED))


_DOWN: Final[dict[str, _Step]] = {"2.1": _to_2_1, "2.0": _to_2_0, "1.1": _to_1_1, "1.0": _to_1_0}


def _up(event: dict[str, Any], losses: list[Loss], version: str) -> None:
    if version == "1.1":
        nested = [key for key, value in event.get("metadata", {}).items() if isinstance(value, (dict, list))]
        for key in nested:
            del event["metadata"][key]
        losses.extend([Loss("/metadata/*", "1.1 takes single values only")] * bool(nested))
    elif version == "2.0":
        losses.append(
            Loss("/delegation", "1.x can't say whether an agent took part; its absence is now read as none", LossKind.IMPLIED)
        )
    elif version == "2.1" and "delegation" in event:
        event["attribution"] = {"level": "asserted"}
        why = "2.0 does not say how a delegation is known; that it is there at all claims this much and no more"
        losses.append(Loss("/attribution/level", why, LossKind.IMPLIED))


def fit(event: dict[str, Any], losses: list[Loss], version: str) -> None:
    """Set an event's version in place; drop, and list, optional fields that the version refuses.

    Raises
    ------
    SchemaError
        If a required field does not fit, or is missing.
    """
    event["schema_version"] = version
    while problems := validate_event(event, version):
        place = next((path for problem in problems if (path := _optional(event, problem, version))), None)
        if place is None:
            raise SchemaError(f"can't become {version} without inventing: {problems[0].rule}", place=problems[0].path)
        rule = next(problem.rule for problem in problems if problem.path.startswith(place))
        take(event, place)
        losses.append(Loss(place, f"{version} is stricter here: {rule}"))


def _optional(event: Mapping[str, Any], problem: Problem, version: str) -> str | None:
    """The deepest field at or above a problem that may be left out and that is there."""
    schema: Mapping[str, Any] = event_schema(version)
    at: Any = event
    found, path = None, ""
    for key in problem.path[1:].split("/"):
        if not isinstance(at, dict) or key not in at:
            break
        path += f"/{key}"
        if key not in schema.get("required", ()) and key in schema.get("properties", {}):
            found = path
        at, schema = at[key], schema.get("properties", {}).get(key, {})
    return found


def change_version(event: Any, to: str, *, agents: Agents | str = Agents.REFUSE) -> Conversion:
    """Say an event in another version of the standard.

    Parameters
    ----------
    event : dict
        A valid event of the version that it claims.
    to : str
        One of `VERSIONS`.
    agents : Agents or str
        What to do with an agent's event where the target has no agents.

    Returns
    -------
    Conversion
        Its event is valid under `to`. ``integrity`` is dropped, since a hash does not cover another form.

    Raises
    ------
    SchemaError
        If the event is not valid, `to` is no version, the target demands a fact that the event does not hold, or the
        result would lie.

    Examples
    --------
    >>> denied = {
    ...     "schema_version": "1.1", "event_id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890", "timestamp": "2026-11-24T19:10:33Z",
    ...     "service": {"name": "intake-api"}, "actor": {"subject_id": "u5", "subject_type": "human"},
    ...     "action": {"type": "READ"}, "resource": {"type": "Note"}, "outcome": {"status": "DENIED", "error_type": "RoleDenied"},
    ... }
    >>> converted = change_version(denied, "1.0")
    >>> converted.event["outcome"]["status"], converted.losses[0].path
    ('FAILURE', '/outcome/status')
    """
    source = detect_version(event)
    if to not in VERSIONS:
        raise SchemaError(f"unknown version of the audit event: it is one of {', '.join(VERSIONS)}")
    problems = validate_event(event, source)
    if problems:
        raise SchemaError(f"the event is not valid {source}: {problems[0].rule}", place=problems[0].path)
    try:
        result: dict[str, Any] = copy.deepcopy(event)
    except RecursionError:
        raise SchemaError("is nested too deep to be converted") from None
    losses: list[Loss] = []
    if source == to:
        return Conversion(result)
    try:
        mode = Agents(agents)
    except ValueError:
        raise SchemaError(f"agents: one of {', '.join(Agents)}") from None
    _drop(result, losses, ["/integrity"], _HASH)
    here, there = VERSIONS.index(source), VERSIONS.index(to)
    for version in VERSIONS[here + 1 : there + 1]:
        _up(result, losses, version)
        fit(result, losses, version)
    for version in reversed(VERSIONS[there:here]):
        _DOWN[version](result, losses, mode)
        fit(result, losses, version)
    return Conversion(result, tuple(losses))


def negotiate(ours: Iterable[str], theirs: Iterable[str]) -> str:
    """The latest version that both sides speak.

    Raises
    ------
    SchemaError
        If there is none.

    Examples
    --------
    >>> negotiate(VERSIONS, ["1.1", "2.1", "4.0"])
    '2.1'
    """
    common = set(ours) & set(theirs)
    for version in reversed(VERSIONS):
        if version in common:
            return version
    raise SchemaError(f"no version in common: this library speaks {', '.join(VERSIONS)}")
