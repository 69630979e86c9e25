"""FHIR R4 and R5 AuditEvents read back into events of version 3.0, as far as that is faithful.

Our own exports come back as they were. Of others' events, what has no place here is listed, and an event that names its
actor only by a person's display name is refused: a subject id is never a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bh_lib.errors import SchemaError
from bh_lib.schema import fhir_parts as parts
from bh_lib.schema.fhir_others import completed
from bh_lib.schema.fhir_shape import as_r4, codes_of, dicts, plain_dict, text_of, who_of
from bh_lib.schema.pointer import from_leaves, leaves
from bh_lib.schema.validate import CURRENT, validate_event
from bh_lib.schema.versions import Conversion, Loss

__all__ = ["read_elements", "read_fhir"]

_INTERACTIONS: Final = {
    **dict.fromkeys(("read", "vread", "history", "history-instance", "history-type"), "READ"),
    **dict.fromkeys(("update", "patch"), "UPDATE"),
    **dict.fromkeys(("search", "search-type", "search-system"), "QUERY"),
    "create": "CREATE",
    "delete": "DELETE",
    "disclose": "DISCLOSE",
}
_LETTERS: Final = {"C": "CREATE", "R": "READ", "U": "UPDATE", "D": "DELETE"}
_STATUS: Final = {"0": "SUCCESS", "4": "FAILURE", "8": "DENIED", "12": "FAILURE"}
_KNOWN: Final = {
    "resourceType",
    "id",
    "meta",
    "type",
    "subtype",
    "action",
    "recorded",
    "outcome",
    "outcomeDesc",
    "agent",
    "source",
    "entity",
}


@dataclass
class Reading:
    """What the elements of a resource say, and where the reader found no use for one."""

    event: dict[str, Any]
    unused: list[str] = field(default_factory=list)


def _pairs(resource: Mapping[str, Any], unused: list[str]) -> Iterator[tuple[str, Any]]:
    yield "/event_id", text_of(resource.get("id"))
    yield "/timestamp", text_of(resource.get("recorded"))
    observer = plain_dict(plain_dict(resource.get("source")).get("observer"))
    yield "/service/name", who_of(observer) or text_of(observer.get("display"))
    codes = {code for subtype in dicts(resource.get("subtype")) for code in codes_of(subtype)}
    disclosed = "disclose" in codes
    yield "/action/type", _action(resource, codes)
    yield "/outcome/status", _STATUS.get(text_of(resource.get("outcome")) or "")
    yield "/outcome/error_message", text_of(resource.get("outcomeDesc"))
    for place, agent in enumerate(dicts(resource.get("agent"))):
        pairs = list(_agent(agent, disclosed))
        yield from pairs
        unused.extend(f"/agent/{place}/{key}" for key in ("altId", "name", "location", "policy", "media") if key in agent)
        if not pairs:
            unused.append(f"/agent/{place}")
    for place, entity in enumerate(dicts(resource.get("entity"))):
        pairs = list(_entity(entity))
        yield from pairs
        if not pairs:
            unused.append(f"/entity/{place}")
    unused.extend(f"/{key}" for key in resource if key not in _KNOWN)


def _action(resource: Mapping[str, Any], codes: set[str]) -> str:
    own = [
        code
        for item in dicts(resource.get("subtype"))
        if item.get("system") == parts.OWN + "action" and (code := text_of(item.get("code")))
    ]
    if own:
        return own[0]
    for code in sorted(codes):
        if code in _INTERACTIONS:
            return _INTERACTIONS[code]
    return _LETTERS.get(text_of(resource.get("action")) or "", "OTHER") if "rest" in codes_of(resource.get("type")) else "OTHER"


def _agent(agent: Mapping[str, Any], disclosed: bool) -> Iterator[tuple[str, Any]]:
    codes, who = codes_of(agent.get("type")), who_of(agent.get("who"))
    network = plain_dict(agent.get("network"))
    if agent.get("requestor") is True:
        yield "/actor/subject_id", who
        yield "/actor/subject_type", "human"
        for place, role in enumerate(dicts(agent.get("role"))):
            yield f"/actor/roles/{place}", text_of(role.get("text")) or next(iter(sorted(codes_of(role))), None)
        for purpose in dicts(agent.get("purposeOfUse"))[:1]:
            yield "/purpose_of_use", next(iter(sorted(codes_of(purpose))), None)
    elif "PROV" in codes:
        yield "/actor/org_id", who
    elif "DEV" in codes:
        yield "/delegation/acting/subject_id", who
    elif "RESP" in codes:
        yield "/delegation/authorizing/subject_id", who
    elif disclosed and "110152" in codes:
        yield "/disclosure/recipient/id", who
    elif network.get("type") == "2":
        yield "/http/client_ip", text_of(network.get("address"))
    elif codes & {"110150", "110152", "110153", "custodian", "authserver"}:
        # The two ends of the wire: the event names the service, and has no field for the other end's name.
        yield "/service", None


def _entity(entity: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    kinds, roles = codes_of(entity.get("type")), codes_of(entity.get("role"))
    what, identifier = who_of(entity.get("what")), plain_dict(plain_dict(entity.get("what")).get("identifier"))
    if identifier.get("system") == parts.EVENT:
        yield "/event_id", text_of(identifier.get("value"))
    elif "1" in kinds and "1" in roles:
        yield "/resource/patient_id", what
    elif "XrequestId" in kinds:
        yield "/correlation/request_id", what
    elif "Consent" in kinds:
        yield "/consent/id", what
    elif "24" in roles:
        yield "/resource", None
        yield from _labels(entity)
    elif "2" in kinds or "4" in roles:
        system = text_of(identifier.get("system")) or ""
        kind = system.removeprefix(parts.OWN + "resource:")
        if kind != system:
            yield from (("/resource/type", kind), ("/resource/id", what))
        elif what and "/" in what:
            yield from (("/resource/type", what.split("/")[0]), ("/resource/id", what.split("/", 1)[1]))
        else:
            yield "/resource/id", what
        yield from _labels(entity)


def _labels(entity: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for place, label in enumerate(dicts(entity.get("securityLabel"))):
        yield f"/resource/sensitivity/{place}", next(iter(sorted(codes_of(label))), None)


def read_elements(resource: Mapping[str, Any]) -> Reading:
    """What FHIR's own elements of an R4 AuditEvent say; incomplete by nature, and not validated."""
    unused: list[str] = []
    said = {path: value for path, value in _pairs(resource, unused) if value is not None}
    # A list must count from 0 without a gap; a role without a usable text leaves one, and the list ends there.
    kept = {
        path: value
        for path, value in said.items()
        if not (tail := path.rsplit("/", 1)[1]).isdecimal() or tail == "0" or f"{path[: -len(tail)]}{int(tail) - 1}" in said
    }
    return Reading(from_leaves(kept.items()), unused)


def read_fhir(resource: Any, *, keep_names: bool = False) -> Conversion:
    """Read a FHIR R4 or R5 AuditEvent.

    Parameters
    ----------
    resource : dict
    keep_names : bool
        Take a display name as the actor's id where there is no id. Off, since an event holds ids only.

    Returns
    -------
    Conversion
        A valid event of version 3.0. Losses are paths into the resource.

    Raises
    ------
    SchemaError
        If it is no AuditEvent, or does not say what an event needs: when, who (as an id, not a name), and the outcome.
    """
    if not isinstance(resource, dict) or resource.get("resourceType") != "AuditEvent":
        raise SchemaError("must be AuditEvent", place="/resourceType")
    shape = as_r4(resource) if "code" in resource else resource
    reading = read_elements(shape)
    try:
        details = parts.own_details(dicts(shape.get("entity")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SchemaError("the details of our own entity are not what this library writes", place="/entity") from None
    losses: list[Loss] = []
    if details is None:
        event = completed(reading.event, shape, losses, keep_names)
        losses += [Loss(path, "an audit event has no field for it") for path in reading.unused]
    else:
        said = leaves(reading.event)
        for path, value in details:
            said.pop(path.removeprefix("-"), None)
            if not path.startswith("-"):
                said[path] = value
        try:
            event = from_leaves(said.items())
        except (TypeError, AttributeError, IndexError, KeyError):
            raise SchemaError("the details of our own entity contradict each other", place="/entity") from None
    event = {"schema_version": CURRENT, **event}
    problems = validate_event(event)
    if problems:
        raise SchemaError(f"does not say what an event needs: {problems[0].rule}", place=problems[0].path or "/")
    return Conversion(event, tuple(losses))
