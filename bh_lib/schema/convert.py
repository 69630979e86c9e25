"""One way in for every conversion: between versions, and to and from the formats of other worlds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bh_lib.errors import SchemaError
from bh_lib.schema.cloudevents import read_cloudevent, to_cloudevent
from bh_lib.schema.fhir import to_balp, to_fhir_r4
from bh_lib.schema.fhir_r5 import to_fhir_r5
from bh_lib.schema.fhir_read import read_fhir
from bh_lib.schema.ocsf import to_ocsf
from bh_lib.schema.validate import VERSIONS
from bh_lib.schema.versions import Agents, Conversion, Loss, change_version

__all__ = ["FORMATS", "TARGETS", "convert_event"]

FORMATS: Final[dict[str, Callable[[Any], Conversion]]] = {
    "balp-r4": to_balp,
    "fhir-r4": to_fhir_r4,
    "fhir-r5": to_fhir_r5,
    "ocsf": to_ocsf,
    "cloudevents": to_cloudevent,
}
TARGETS: Final = (*VERSIONS, *FORMATS)
"""What `convert_event` converts to."""


def convert_event(event: Any, to: str, *, agents: Agents | str = Agents.REFUSE) -> Conversion:
    """Convert an event.

    Parameters
    ----------
    event : dict
        An audit event of any version, a FHIR R4 or R5 AuditEvent, or an audit event in a CloudEvents envelope.
    to : str
        One of `TARGETS`: a version of the standard, ``balp-r4``, ``fhir-r4``, ``fhir-r5``, ``ocsf`` or ``cloudevents``.
        ``balp-r4`` takes only what a BALP profile can say; ``fhir-r4`` takes everything.
    agents : Agents or str
        ``flatten`` lets an agent's event be said in a version that has no agents.

    Returns
    -------
    Conversion
        ``.event`` in the target's form, ``.losses``: what was dropped, changed, implied or moved.

    Raises
    ------
    SchemaError
        If the event is not valid, the target unknown, or the result would lie or need an invented fact.

    Examples
    --------
    >>> event = {
    ...     "schema_version": "2.1", "event_id": "6d3f0f6b-0c1a-4b9f-9d6f-9f6f7f5b2b0a", "timestamp": "2026-11-24T20:15:00Z",
    ...     "service": {"name": "intake-api"}, "actor": {"subject_id": "u1", "subject_type": "human"},
    ...     "action": {"type": "READ"}, "resource": {"type": "Note", "id": "n1"}, "outcome": {"status": "SUCCESS"},
    ... }
    >>> convert_event(event, "3.0").event["schema_version"]
    '3.0'
    >>> convert_event(event, "balp-r4").event["meta"]["profile"][0].rsplit(".", 1)[1]
    'Read'
    """
    if to not in TARGETS:
        raise SchemaError(f"unknown target: it is one of {', '.join(TARGETS)}")
    losses: tuple[Loss, ...] = ()
    if isinstance(event, dict) and "schema_version" not in event:
        read = read_fhir if "resourceType" in event else read_cloudevent if "specversion" in event else None
        if read is not None:
            source = read(event)
            event, losses = source.event, source.losses
    result = FORMATS[to](event) if to in FORMATS else change_version(event, to, agents=agents)
    return Conversion(result.event, losses + result.losses)
