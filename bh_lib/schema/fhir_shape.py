"""FHIR AuditEvents of other hands: read without trusting their shape, and R5's elements brought into R4's."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from bh_lib.schema import fhir_parts as parts

__all__ = ["as_r4", "codes_of", "dicts", "plain_dict", "text_of", "who_of"]


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; empty for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def plain_dict(value: Any) -> dict[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str | None:
    """A string that is not empty, or None."""
    return value if isinstance(value, str) and value else None


def codes_of(value: Any) -> set[str]:
    """The codes of a Coding or a CodeableConcept."""
    found = plain_dict(value)
    return {code for item in dicts(found.get("coding")) or [found] if (code := text_of(item.get("code")))}


def who_of(value: Any) -> str | None:
    """An opaque id of who it is; never the display name."""
    who = plain_dict(value)
    literal = text_of(who.get("reference"))
    if literal:
        return literal.removeprefix("Patient/")
    return text_of(plain_dict(who.get("identifier")).get("value"))


def as_r4(resource: Mapping[str, Any]) -> dict[str, Any]:
    """An R5 AuditEvent in R4's shape."""
    outcome = plain_dict(resource.get("outcome"))
    kinds = dicts(resource.get("category"))
    code = dicts(plain_dict(resource.get("code")).get("coding"))
    shape: dict[str, Any] = {
        key: resource[key]
        for key in resource
        if key not in ("category", "code", "outcome", "patient", "agent", "entity", "authorization")
    }
    shape["type"] = next((item for kind in kinds[:1] for item in dicts(kind.get("coding"))), {})
    shape["subtype"] = code + [item for kind in kinds[1:] for item in dicts(kind.get("coding"))]
    shape["outcome"] = plain_dict(outcome.get("code")).get("code")
    shape["outcomeDesc"] = next((detail.get("text") for detail in dicts(outcome.get("detail"))), None)
    observer = plain_dict(resource.get("source")).get("observer")
    shape["agent"] = [_agent_as_r4(agent, observer) for agent in dicts(resource.get("agent"))]
    shape["entity"] = [_entity_as_r4(entity) for entity in dicts(resource.get("entity"))]
    patient = who_of(resource.get("patient"))
    if patient:
        shape["entity"].append(parts.patient_entity(patient))
    return shape


def _agent_as_r4(agent: Mapping[str, Any], observer: Any) -> dict[str, Any]:
    shape = dict(agent)
    address = text_of(shape.pop("networkString", None)) or text_of(shape.pop("networkUri", None))
    if address:
        # R5 does not say what kind of address it is; the observer's own is a name, whatever it looks like.
        numeric = agent.get("who") != observer and _is_address(address)
        shape["network"] = {"address": address, "type": "2" if numeric else "1"}
    shape["purposeOfUse"] = shape.pop("authorization", [])
    return shape


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _entity_as_r4(entity: Mapping[str, Any]) -> dict[str, Any]:
    shape = dict(entity)
    codes = dicts(plain_dict(shape.get("role")).get("coding"))
    shape["role"] = next((item for item in codes if item.get("system") == parts.OBJECT_ROLE), {})
    kind = "2" if shape["role"].get("code") in ("4", "24") else None
    shape["type"] = (
        parts.coding(parts.ENTITY_TYPE, kind)
        if kind
        else next((item for item in codes if item.get("system") != parts.OBJECT_ROLE), {})
    )
    shape["detail"] = [
        {"type": plain_dict(detail.get("type")).get("text"), "valueString": detail.get("valueString")}
        for detail in dicts(shape.get("detail"))
    ]
    return shape
