"""The pieces that FHIR AuditEvents are made of: code systems, references, and what FHIR has no element for.

A fact without an element travels as a detail of one entity of our own: its type is the field's path, its value the
field's JSON. Which facts those are is found by reading the finished resource back, so nothing is carried twice and
nothing is forgotten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from bh_lib.schema.pointer import leaves

__all__ = ["ABSENT", "add_details", "coding", "concept", "own_details", "patient_entity", "reference"]

OWN: Final = "urn:bh-lib:"
EVENT: Final = f"{OWN}event"
DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ROLE_CLASS: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
REST: Final = "http://hl7.org/fhir/restful-interaction"
EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
RESOURCE_TYPES: Final = "http://hl7.org/fhir/resource-types"
BALP_ENTITY: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
OUTCOME: Final = "http://terminology.hl7.org/CodeSystem/audit-event-outcome"

ABSENT: Final[dict[str, Any]] = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
"""FHIR's own way to say that something was not recorded."""

_FHIR_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}\Z").match


def coding(system: str, code: str) -> dict[str, Any]:
    """A Coding."""
    return {"system": system, "code": code}


def concept(system: str, code: str) -> dict[str, Any]:
    """A CodeableConcept of one coding."""
    return {"coding": [coding(system, code)]}


def fhir_id(value: str) -> bool:
    """Whether FHIR allows it as a resource's id."""
    return _FHIR_ID(value) is not None


def reference(kind: str, value: str | None) -> dict[str, Any]:
    """A Reference: to a patient literally where FHIR allows the id, else by identifier; marked absent where there is none.

    Examples
    --------
    >>> reference("Patient", "p-1"), reference("subject", "u 1")
    ({'reference': 'Patient/p-1'}, {'identifier': {'system': 'urn:bh-lib:subject', 'value': 'u 1'}})
    """
    if value is None or not value.strip():
        return dict(ABSENT)
    if kind == "Patient" and fhir_id(value):
        return {"reference": f"Patient/{value}"}
    return {"identifier": {"system": OWN + kind, "value": value}}


def patient_entity(patient_id: str) -> dict[str, Any]:
    """The entity of the patient concerned."""
    return {"what": reference("Patient", patient_id), "type": coding(ENTITY_TYPE, "1"), "role": coding(OBJECT_ROLE, "1")}


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def add_details(resource: dict[str, Any], event: Mapping[str, Any], read: Mapping[str, Any]) -> list[str]:
    """Append our own entity with what `read` (the resource as read back without it) does not say; returns the paths."""
    said, meant = leaves(read), leaves(event)
    missing = [
        path for path, value in meant.items() if path != "/schema_version" and not (path in said and _same(said[path], value))
    ]
    surplus = [path for path in said if path not in meant]
    details = [{"type": path, "valueString": json.dumps(meant[path], ensure_ascii=False)} for path in missing]
    details += [{"type": f"-{path}", "valueString": "null"} for path in surplus]
    entity: dict[str, Any] = {
        "what": {"identifier": {"system": EVENT, "value": event["event_id"]}},
        "type": coding(OWN + "audit_event", "3.0"),
    }
    if details:
        entity["detail"] = details
    resource.setdefault("entity", []).append(entity)
    return missing


def own_details(entities: list[dict[str, Any]]) -> list[tuple[str, Any]] | None:
    """The details of our own entity as ``(path, value)``; None where there is no such entity.

    A path that starts with ``-`` says that the event does not hold that field, though FHIR's elements suggest it.

    Raises
    ------
    ValueError
        If a detail is not what we write.
    """
    for entity in entities:
        identifier = entity.get("what", {}).get("identifier") if isinstance(entity.get("what"), dict) else None
        if isinstance(identifier, dict) and identifier.get("system") == EVENT:
            return [(str(detail["type"]), json.loads(detail["valueString"])) for detail in entity.get("detail", [])]
    return None
