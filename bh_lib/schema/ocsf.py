"""Audit events as OCSF API Activity (class 6003, version 1.6.0), for a security team's tools.

The chain goes with its record-integrity fields: the event's hash is ``raw_data_hash``, its place ``metadata.sequence``.
What OCSF has no attribute for is under ``unmapped``, by its path. A refusal has the status "Denied" (OCSF's Other), since
OCSF's Failure would hide that the system did as it should.

Source: the Open Cybersecurity Schema Framework, https://schema.ocsf.io/1.6.0/classes/api_activity.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from bh_lib.errors import SchemaError
from bh_lib.schema.pointer import leaves
from bh_lib.schema.validate import CURRENT
from bh_lib.schema.versions import Conversion, Loss, LossKind, change_version

__all__ = ["to_ocsf"]

_ACTIVITIES: Final = {"CREATE": (1, "Create"), "READ": (2, "Read"), "UPDATE": (3, "Update"), "DELETE": (4, "Delete")}
_STATUS: Final = {"SUCCESS": (1, "Success"), "FAILURE": (2, "Failure"), "DENIED": (99, "Denied")}
_SEVERITY: Final = {"SUCCESS": (1, "Informational"), "FAILURE": (2, "Low"), "DENIED": (2, "Low")}
_SUBJECTS: Final = {"human": 1, "service": 4, "agent": 99}
_ALGORITHMS: Final = {"sha256": (3, "SHA-256"), "sha384": (99, "SHA-384"), "sha512": (4, "SHA-512")}


def _milliseconds(timestamp: str) -> int:
    whole, dot, rest = timestamp.strip().upper().partition(".")
    digits = rest[: next((at for at, sign in enumerate(rest) if not sign.isdigit()), len(rest))]
    zone = rest[len(digits) :] if dot else ""
    try:
        # datetime holds microseconds, RFC 3339 any number of digits.
        moment = datetime.fromisoformat(f"{whole}.{digits[:6].ljust(6, '0')}{zone}" if dot else whole)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise SchemaError("is beyond the years that OCSF's milliseconds are computed for", place="/timestamp") from None


_HEX: Final = re.compile("[0-9a-fA-F]+")


class _Mapper:
    """Takes leaves from an event, so that what is left over is known."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.left = leaves(event)

    def take(self, path: str) -> Any:
        return self.left.pop(path, None)

    def items(self, path: str) -> list[Any]:
        found: list[Any] = []
        while f"{path}/{len(found)}" in self.left:
            found.append(self.left.pop(f"{path}/{len(found)}"))
        return found


def _present(**attributes: Any) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if value not in (None, {}, [])}


def _actor(event: _Mapper) -> dict[str, Any]:
    kind = event.take("/actor/subject_type")
    org = event.take("/actor/org_id")
    groups = [{"name": role} for role in event.items("/actor/roles")]
    user = _present(
        uid=event.take("/actor/subject_id"),
        type_id=_SUBJECTS[kind],
        type=kind if kind == "agent" else None,
        org={"uid": org} if org else None,
        groups=groups,
        has_mfa=event.take("/actor/auth/mfa"),
    )
    authorizing = event.take("/delegation/authorizing/subject_id")
    session = event.take("/correlation/session_id")
    return _present(user=user, session={"uid": session} if session else None, invoked_by=authorizing)


def _api(event: _Mapper, operation: str) -> dict[str, Any]:
    service = _present(name=event.take("/service/name"), version=event.take("/service/version"))
    request, code, error = event.take("/correlation/request_id"), event.take("/http/status_code"), event.take("/outcome/error_type")
    message = event.take("/outcome/error_message")
    response = _present(code=None if code is None else int(code), error=error, error_message=message)
    return _present(operation=operation, service=service, request={"uid": request} if request else None, response=response)


def _resource(event: _Mapper) -> dict[str, Any]:
    kind, uid = event.take("/resource/type"), event.take("/resource/id")
    owner = event.take("/actor/owner_org_id")
    owned = {"org": {"uid": owner}, "uid": owner, "type_id": 99, "type": "Organization"} if owner else None
    named = {"uid": uid} if uid else {"name": kind}
    return _present(type=kind, **named, labels=event.items("/resource/sensitivity"), owner=owned)


def to_ocsf(event: Any) -> Conversion:
    """An event as OCSF API Activity.

    Parameters
    ----------
    event : dict
        A valid event of any version; an older one is upgraded to 3.0 first.

    Returns
    -------
    Conversion
        Losses of kind MOVED are under ``unmapped``.

    Raises
    ------
    SchemaError
        If the event is not valid or can't be upgraded, or its time is outside the years 1 to 9999 in UTC.
    """
    current = change_version(event, CURRENT)
    source = _Mapper(current.event)
    action, outcome = source.take("/action/type"), source.take("/outcome/status")
    activity, name = _ACTIVITIES.get(action, (99, action.capitalize()))
    timestamp, address = source.take("/timestamp"), source.take("/http/client_ip")
    method, agent = source.take("/http/method"), source.take("/http/user_agent")
    status, said = _STATUS[outcome]
    severity, grave = _SEVERITY[outcome]
    sequence = source.take("/integrity/seq")
    result = _present(
        category_uid=6,
        category_name="Application Activity",
        class_uid=6003,
        class_name="API Activity",
        activity_id=activity,
        activity_name=name,
        type_uid=600300 + activity,
        severity_id=severity,
        severity=grave,
        time=_milliseconds(timestamp),
        status_id=status,
        status=said,
        actor=_actor(source),
        api=_api(source, action),
        resources=[_resource(source)],
        src_endpoint={"ip": address} if address else {"name": "not recorded"},
        http_request=_present(http_method=method, user_agent=agent),
        raw_data_hash=_fingerprint(source),
        metadata=_present(
            version="1.6.0",
            product={"name": "bh-lib", "vendor_name": "bh-lib"},
            uid=source.take("/event_id"),
            original_time=timestamp,
            log_version=source.take("/schema_version"),
            correlation_uid=source.take("/correlation/trace_id"),
            log_name=source.take("/integrity/chain_id"),
            sequence=None if sequence is None else int(sequence),
        ),
        unmapped=dict(source.left),
    )
    why = "OCSF API Activity has no attribute for it; it is under unmapped"
    return Conversion(result, current.losses + tuple(Loss(path, why, LossKind.MOVED) for path in source.left))


def _fingerprint(event: _Mapper) -> dict[str, Any] | None:
    # OCSF takes hexadecimal digits only, and a hash without its algorithm not at all; what it refuses stays unmapped.
    if "/integrity/hash_alg" not in event.left or not _HEX.fullmatch(event.left.get("/integrity/event_hash", "")):
        return None
    number, name = _ALGORITHMS[event.take("/integrity/hash_alg")]
    return {"algorithm_id": number, "algorithm": name, "value": event.take("/integrity/event_hash")}
