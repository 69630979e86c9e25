"""Audit events in a CloudEvents 1.0 envelope, for a message bus.

The envelope is read by brokers and their logs, so it names the service and the action, and never a patient or an actor.

Source: CNCF CloudEvents specification 1.0.2, JSON event format.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from bh_lib.schema.validate import detect_version
from bh_lib.schema.versions import Conversion, Loss, LossKind, change_version

__all__ = ["read_cloudevent", "to_cloudevent"]


def to_cloudevent(event: Any) -> Conversion:
    """Wrap an event of any version; nothing is lost.

    Raises
    ------
    SchemaError
        If the event is not valid.
    """
    version = detect_version(event)
    data = change_version(event, version).event
    envelope = {
        "specversion": "1.0",
        "id": data["event_id"],
        "source": f"urn:bh-lib:service:{quote(data['service']['name'], safe='', errors='replace')}",
        "type": f"urn.bh-lib.audit_event.{data['action']['type'].lower()}",
        "time": data["timestamp"].strip().upper(),
        "datacontenttype": "application/json",
        "dataschema": f"urn:bh-lib:schema:audit_event:{version}",
        "data": data,
    }
    return Conversion(envelope)


def read_cloudevent(envelope: Any) -> Conversion:
    """Take the event out of its envelope; the envelope's own attributes are listed as lost.

    Raises
    ------
    SchemaError
        If the data is not a valid event.
    """
    data = envelope.get("data") if isinstance(envelope, dict) else None
    event = change_version(data, detect_version(data)).event
    ours = {"specversion", "id", "source", "type", "time", "datacontenttype", "dataschema", "data"}
    others = [key for key in envelope if key not in ours]
    why = f"the envelope has {len(others)} attributes of its own"
    return Conversion(event, (Loss("", why, LossKind.DROPPED),) if others else ())
