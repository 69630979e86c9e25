"""Audit events as FHIR R4 AuditEvents, under the IHE Basic Audit Log Patterns (BALP) profiles where one applies.

What was not recorded (which program a person sat at, say) is marked with FHIR's data-absent-reason, never made up. A search
carries the route's template as its query: the query itself may hold PHI and is never recorded. A refusal is outcome 8 and a
failure outcome 4, so that the two stay apart; breaking the glass adds DICOM's emergency override as a subtype.

Sources: HL7 FHIR R4 AuditEvent; IHE ITI BALP; DICOM PS3.16 CID 400-403.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from bh_lib.errors import SchemaError
from bh_lib.schema import fhir_parts as parts
from bh_lib.schema.fhir_parts import DCM, PARTICIPATION, coding, concept, reference
from bh_lib.schema.fhir_read import read_elements
from bh_lib.schema.validate import CURRENT
from bh_lib.schema.versions import Conversion, Loss, LossKind, change_version

__all__ = ["balp_profile", "to_balp", "to_fhir_r4"]

_BALP: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_CUSTODIAN: Final = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian")
_SENDER, _RECEIVER, _APPLICATION = (DCM, "110153"), (DCM, "110152"), (DCM, "110150")

# action -> interaction, AuditEvent.action, profile, client's role, server's role, user's role.
_REST: Final = {
    "READ": ("read", "R", "Read", _RECEIVER, _SENDER, "IRCP"),
    "CREATE": ("create", "C", "Create", _SENDER, _RECEIVER, "AUT"),
    "UPDATE": ("update", "U", "Update", _SENDER, _RECEIVER, "AUT"),
    "DELETE": ("delete", "D", "Delete", _APPLICATION, _CUSTODIAN, "AUT"),
    "QUERY": ("search", "E", "Query", _SENDER, _RECEIVER, "IRCP"),
}
# The others: type, AuditEvent.action; the subtype is our own code.
_OTHER: Final = {
    "EXPORT": ("110106", "R"),
    "PRINT": ("110106", "R"),
    "LOGIN": ("110114", "E"),
    "LOGOUT": ("110114", "E"),
    "GRANT": ("110113", "U"),
    "REVOKE": ("110113", "U"),
    "CONFIGURE": ("110113", "U"),
    "REVIEW": ("110101", "R"),
    "OVERRIDE": ("110113", "E"),
    "OTHER": ("110100", "E"),
}
_OUTCOMES: Final = {"SUCCESS": "0", "FAILURE": "4", "DENIED": "8"}


def balp_profile(event: Mapping[str, Any]) -> str | None:
    """The URL of the BALP profile that an event of version 3.0 can hold; None where BALP has none for it.

    BALP profiles a RESTful action only where it succeeded; a refusal has a profile where it was a consent decision.
    """
    action, outcome, patient = event["action"]["type"], event["outcome"], event["resource"].get("patient_id")
    patient = patient if patient and patient.strip() else None
    if outcome["status"] == "DENIED" and patient and ("consent" in event or "consent" in outcome["error_type"].lower()):
        return _BALP + "AuthZconsent"
    if action == "DISCLOSE" and patient:
        return _BALP + "PrivacyDisclosure.Source"
    if action in _REST and outcome["status"] == "SUCCESS":
        return _BALP + ("Patient" if patient else "") + _REST[action][2]
    return None


def _client(event: Mapping[str, Any], role: tuple[str, str]) -> dict[str, Any]:
    actor, address = event["actor"], event.get("http", {}).get("client_ip")
    # A service is its own client.
    who = reference("subject", actor["subject_id"] if actor["subject_type"] == "service" else None)
    network = {"address": address, "type": "2"} if address else dict(parts.ABSENT)
    return {"type": concept(*role), "who": who, "requestor": False, "network": network}


def _server(event: Mapping[str, Any], role: tuple[str, str]) -> dict[str, Any]:
    name = event["service"]["name"]
    network = {"address": name, "type": "1"} if name.strip() else dict(parts.ABSENT)
    return {"type": concept(*role), "who": reference("service", name), "requestor": False, "network": network}


def _user(event: Mapping[str, Any], role: str) -> dict[str, Any]:
    actor = event["actor"]
    agent: dict[str, Any] = {
        "type": concept(PARTICIPATION, role),
        "who": reference("subject", actor["subject_id"]),
        "requestor": True,
    }
    roles = [{"text": name} for name in actor.get("roles", ()) if name.strip()]
    if roles:
        agent["role"] = roles
    if "purpose_of_use" in event:
        agent["purposeOfUse"] = [concept(parts.REASON, event["purpose_of_use"])]
    return agent


def _others(event: Mapping[str, Any], consent_decision: bool) -> list[dict[str, Any]]:
    """The actor's organization; the AI agent (a device) and the person on whose authority it acted (responsible party)."""
    agents = []
    org = event["actor"].get("org_id")
    if org or consent_decision:
        agents.append({"type": concept(parts.ROLE_CLASS, "PROV"), "who": reference("org", org), "requestor": False})
    for key, role in (("acting", "DEV"), ("authorizing", "RESP")) if "delegation" in event else ():
        who = reference("subject", event["delegation"][key]["subject_id"])
        agents.append({"type": concept(PARTICIPATION, role), "who": who, "requestor": False})
    return agents


def _labels(event: Mapping[str, Any]) -> dict[str, Any]:
    labels = event["resource"].get("sensitivity")
    return {"securityLabel": [coding(parts.ACT_CODE, label) for label in labels]} if labels else {}


def _data(event: Mapping[str, Any]) -> dict[str, Any]:
    resource = event["resource"]
    what = reference(f"resource:{resource['type']}", resource.get("id"))
    return {"what": what, "type": coding(parts.ENTITY_TYPE, "2"), "role": coding(parts.OBJECT_ROLE, "4")} | _labels(event)


def _query(event: Mapping[str, Any]) -> dict[str, Any]:
    http = event.get("http", {})
    asked = " ".join(filter(None, (http.get("method"), http.get("route_template")))) or event["resource"]["type"]
    text = base64.b64encode(asked.encode("utf-8", "replace")).decode()
    entity = {"type": coding(parts.ENTITY_TYPE, "2"), "role": coding(parts.OBJECT_ROLE, "24"), "query": text}
    return entity | _labels(event)


def _entities(event: Mapping[str, Any], consent_decision: bool) -> list[dict[str, Any]]:
    # BALP allows one system object in a search: the query.
    searched = event["action"]["type"] == "QUERY" and not consent_decision
    entities = [_query(event) if searched else _data(event)]
    patient, request = event["resource"].get("patient_id"), event.get("correlation", {}).get("request_id")
    if patient and patient.strip():
        entities.append(parts.patient_entity(patient))
    if "consent" in event or consent_decision:
        what = reference("consent", event.get("consent", {}).get("id"))
        entities.append({"what": what, "type": coding(parts.RESOURCE_TYPES, "Consent")})
    if request and request.strip():
        entities.append({"what": {"identifier": {"value": request}}, "type": coding(parts.BALP_ENTITY, "XrequestId")})
    return entities


def _kind(event: Mapping[str, Any], profile: str | None) -> dict[str, Any]:
    """Type, subtype, action and agents: what depends on the kind of event."""
    action = event["action"]["type"]
    others = _others(event, bool(profile and profile.endswith("AuthZconsent")))
    own = coding(parts.OWN + "action", action)
    if profile and profile.endswith("AuthZconsent"):
        authorizer: dict[str, Any] = {
            "type": concept("http://terminology.hl7.org/CodeSystem/extra-security-role-type", "authserver")
        }
        authorizer |= {"who": reference("service", event["service"]["name"]), "requestor": False}
        subtype = coding("https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType", "AuthZ-Consent")
        agents = [_client(event, _APPLICATION), _user(event, "IRCP"), *others, authorizer]
        return {"type": coding(DCM, "110113"), "subtype": [subtype], "action": "E", "agent": agents}
    if action == "DISCLOSE":
        recipient = reference("recipient", event["disclosure"]["recipient"]["id"])
        to = {"type": concept(*_RECEIVER), "who": recipient, "requestor": False, "network": dict(parts.ABSENT)}
        agents = [_server(event, _SENDER), to, _user(event, "AUT"), *others]
        subtype = coding("http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "disclose")
        return {"type": coding(DCM, "110106"), "subtype": [subtype], "action": "R", "agent": agents}
    if action in _REST:
        interaction, letter, _, client, server, user = _REST[action]
        agents = [_client(event, client), _server(event, server), _user(event, user), *others]
        kind = coding(parts.EVENT_TYPE, "rest")
        return {"type": kind, "subtype": [coding(parts.REST, interaction)], "action": letter, "agent": agents}
    code, letter = _OTHER[action]
    agents = [_client(event, _APPLICATION), _user(event, "IRCP"), *others]
    return {"type": coding(DCM, code), "subtype": [own], "action": letter, "agent": agents}


def to_fhir_r4(event: Any) -> Conversion:
    """An event as a FHIR R4 AuditEvent; under its BALP profile where one applies.

    Parameters
    ----------
    event : dict
        A valid event of any version; an older one is upgraded to 3.0 first.

    Returns
    -------
    Conversion
        Losses of kind MOVED are in ``entity.detail``, where `bh_lib.schema.read_fhir` finds them.

    Raises
    ------
    SchemaError
        If the event is not valid or can't be upgraded.
    """
    current = change_version(event, CURRENT)
    source = current.event
    profile = balp_profile(source)
    resource: dict[str, Any] = {"resourceType": "AuditEvent"}
    if parts.fhir_id(source["event_id"]):
        resource["id"] = source["event_id"]
    if profile:
        resource["meta"] = {"profile": [profile]}
    resource.update(_kind(source, profile))
    if source.get("purpose_of_use") == "BTG" and not (profile and profile.endswith("AuthZconsent")):
        resource["subtype"].append(coding(DCM, "110127"))
    resource["recorded"] = source["timestamp"].strip().upper()
    resource["outcome"] = _OUTCOMES[source["outcome"]["status"]]
    if source["outcome"].get("error_message", "").strip():
        resource["outcomeDesc"] = source["outcome"]["error_message"]
    resource["source"] = {"observer": reference("service", source["service"]["name"])}
    resource["entity"] = _entities(source, bool(profile and profile.endswith("AuthZconsent")))
    moved = parts.add_details(resource, source, read_elements(resource).event)
    why = "FHIR R4 has no element for it; it is in entity.detail"
    return Conversion(resource, current.losses + tuple(Loss(path, why, LossKind.MOVED) for path in moved))


def to_balp(event: Any) -> Conversion:
    """An event as a FHIR R4 AuditEvent that holds a BALP profile.

    Raises
    ------
    SchemaError
        If BALP has no profile for such an event (`to_fhir_r4` takes it), or as `to_fhir_r4`.
    """
    conversion = to_fhir_r4(event)
    if "meta" not in conversion.event:
        raise SchemaError("BALP has no profile for this action with this outcome: fhir-r4 takes it", place="/action/type")
    return conversion
