"""Another system's AuditEvent: what it leaves open is filled only where FHIR itself implies it, and each time that is listed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bh_lib.errors import SchemaError
from bh_lib.schema._formats import is_uuid
from bh_lib.schema.fhir_shape import codes_of, dicts, plain_dict, text_of, who_of
from bh_lib.schema.validate import CURRENT
from bh_lib.schema.versions import Loss, LossKind, fit

__all__ = ["completed"]


def _actor(said: dict[str, Any], resource: Mapping[str, Any], losses: list[Loss], keep_names: bool) -> None:
    actor = said.setdefault("actor", {})
    agents = dicts(resource.get("agent"))
    named = next(
        (
            name
            for agent in agents
            if agent.get("requestor") is True and (name := text_of(plain_dict(agent.get("who")).get("display")))
        ),
        None,
    )
    if "subject_id" not in actor and keep_names and named:
        actor["subject_id"] = named
        losses.append(Loss("/agent", "the actor's id is a display name", LossKind.CHANGED))
    if "subject_type" in actor:
        return
    observer = plain_dict(resource.get("source")).get("observer")
    for agent in agents:
        client = codes_of(agent.get("type")) & {"110150", "110152", "110153"} and agent.get("who") != observer
        # A client is a machine, so its display name is no person's.
        who = who_of(agent.get("who")) or text_of(plain_dict(agent.get("who")).get("display"))
        if client and who:
            said["actor"] = {"subject_id": who, "subject_type": "service"} | actor
            losses.append(Loss("/agent", "no user is told: the client is taken as the actor", LossKind.IMPLIED))
            return


def completed(said: dict[str, Any], resource: Mapping[str, Any], losses: list[Loss], keep_names: bool) -> dict[str, Any]:
    """Complete another system's event in place, or refuse it.

    Parameters
    ----------
    said : dict
        What FHIR's elements say, as an event without its version.
    resource : dict
        The R4 AuditEvent that they were read from.
    losses : list of Loss
        Each thing that was derived, implied or changed is added to it, as a path into the resource.
    keep_names : bool
        As for `bh_lib.schema.read_fhir`.

    Raises
    ------
    SchemaError
        If it lacks what an event needs.
    """
    if not is_uuid(str(said.get("event_id", ""))):
        try:
            content = json.dumps(resource, sort_keys=True, default=str)
        except RecursionError:
            raise SchemaError("is nested too deep to be read") from None
        said["event_id"] = str(uuid5(NAMESPACE_URL, content))
        losses.append(Loss("/id", "not a UUID: event_id is derived from the resource, the same each time", LossKind.CHANGED))
    if "type" not in said.setdefault("resource", {}):
        said["resource"]["type"] = "Patient" if "patient_id" in said["resource"] else "NotRecorded"
        losses.append(Loss("/entity", "the type of what was acted on is not told", LossKind.IMPLIED))
    if said.get("outcome", {}).get("status") == "DENIED":
        # FHIR's 8 is a serious failure, of which a refusal is one kind; only a consent or access decision says so.
        if "110113" not in codes_of(resource.get("type")):
            said["outcome"]["status"] = "FAILURE"
        else:
            said["outcome"]["error_type"] = "NotRecorded"
            losses.append(Loss("/outcome", "the reason of the refusal has no code", LossKind.IMPLIED))
    if said.get("outcome", {}).get("status") == "FAILURE":
        said["outcome"].setdefault("error_type", "NotRecorded")
        said["outcome"].setdefault("error_message", "not recorded")
        losses.append(Loss("/outcome", "the kind of failure has no code", LossKind.IMPLIED))
    if said.get("action", {}).get("type") == "DISCLOSE" and "type" not in said.get("disclosure", {}).get("recipient", {}):
        said["action"]["type"] = "EXPORT"
        losses.append(
            Loss("/subtype", "DISCLOSE needs a recipient of a known type; EXPORT is the widest that is true", LossKind.CHANGED)
        )
    _actor(said, resource, losses, keep_names)
    fit(said, losses, CURRENT)
    return said
