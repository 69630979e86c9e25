"""Audit events as FHIR R5 AuditEvents: what R4 says, in R5's elements.

The AI agent is an agent of type DEV (device), the person on whose authority it acted one of type RESP (responsible party).

Source: HL7 FHIR R5 AuditEvent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bh_lib.schema import fhir_parts as parts
from bh_lib.schema.fhir import to_fhir_r4
from bh_lib.schema.versions import Conversion, Loss, LossKind

__all__ = ["to_fhir_r5"]


def _agent(agent: Mapping[str, Any]) -> dict[str, Any]:
    shape = {key: agent[key] for key in ("type", "role", "who", "requestor") if key in agent}
    if "address" in agent.get("network", {}):
        shape["networkString"] = agent["network"]["address"]
    if "purposeOfUse" in agent:
        shape["authorization"] = agent["purposeOfUse"]
    return shape


def _entity(entity: Mapping[str, Any]) -> dict[str, Any]:
    shape = {key: entity[key] for key in ("what", "query") if key in entity}
    if "securityLabel" in entity:
        shape["securityLabel"] = [{"coding": [label]} for label in entity["securityLabel"]]
    # R5 has no entity.type; where there is no role, the type is what the entity is here for.
    shape["role"] = {"coding": [entity.get("role", entity["type"])]}
    if "detail" in entity:
        shape["detail"] = [{"type": {"text": detail["type"]}, "valueString": detail["valueString"]} for detail in entity["detail"]]
    return shape


def _is_patient(entity: Mapping[str, Any]) -> bool:
    return bool(entity["type"] == parts.coding(parts.ENTITY_TYPE, "1"))


def to_fhir_r5(event: Any) -> Conversion:
    """An event as a FHIR R5 AuditEvent; parameters, losses and errors as `bh_lib.schema.fhir.to_fhir_r4`."""
    conversion = to_fhir_r4(event)
    source = conversion.event
    resource: dict[str, Any] = {"resourceType": "AuditEvent"}
    if "id" in source:
        resource["id"] = source["id"]
    first, *more = source["subtype"]
    resource["category"] = [{"coding": [kind]} for kind in (source["type"], *more)]
    resource["code"] = {"coding": [first]}
    resource["action"], resource["recorded"] = source["action"], source["recorded"]
    resource["outcome"] = {"code": parts.coding(parts.OUTCOME, source["outcome"])}
    if "outcomeDesc" in source:
        resource["outcome"]["detail"] = [{"text": source["outcomeDesc"]}]
    patient = next((entity["what"] for entity in source["entity"] if _is_patient(entity)), None)
    if patient is not None:
        resource["patient"] = patient
    resource["agent"] = [_agent(agent) for agent in source["agent"]]
    resource["source"] = source["source"]
    resource["entity"] = [_entity(entity) for entity in source["entity"] if not _is_patient(entity)]
    why = "FHIR R5 has no element for it; it is in entity.detail"
    losses = tuple(Loss(loss.path, why, loss.kind) if loss.kind is LossKind.MOVED else loss for loss in conversion.losses)
    return Conversion(resource, losses)
