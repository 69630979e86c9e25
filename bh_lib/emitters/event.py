"""An event's own parts: its id, its time, and the shape that the arguments of `record` take in it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from bh_lib.errors import SchemaError

__all__ = ["build_event", "event_id", "timestamp"]

_VARIANT = "89ab"
_ACTION = frozenset({"name", "phi_touched", "data_classification"})
_OUTCOME = frozenset({"status", "error_type", "error_message"})
_BLOCKS = frozenset(
    {
        *("correlation", "attribution", "delegation", "purpose_of_use", "consent"),
        *("disclosure", "emergency", "http", "metadata", "timestamp", "event_id"),
    }
)


def event_id(now_ms: int | None = None) -> str:
    """Make a UUID of version 7 (RFC 9562): unique without coordination, and sorted by time in an index.

    Parameters
    ----------
    now_ms : int, optional
        Milliseconds since 1970; the clock's if left out.

    Examples
    --------
    >>> event_id(0)[:15]
    '00000000-0000-7'
    """
    when = f"{time.time_ns() // 1_000_000 if now_ms is None else now_ms:012x}"
    rest = os.urandom(10).hex()
    return f"{when[:8]}-{when[8:]}-7{rest[:3]}-{_VARIANT[int(rest[3], 16) & 3]}{rest[4:7]}-{rest[7:19]}"


def timestamp(now_ms: int | None = None) -> str:
    """Write a time as RFC 3339 in UTC, in milliseconds.

    Examples
    --------
    >>> timestamp(1_700_000_000_007)
    '2023-11-14T22:13:20.007Z'
    """
    second, milliseconds = divmod(time.time_ns() // 1_000_000 if now_ms is None else now_ms, 1000)
    return f"{_written(second)}.{milliseconds:03d}Z"


@lru_cache(maxsize=2)
def _written(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def build_event(
    service: Mapping[str, Any], action: str, actor: Mapping[str, Any], resource: Mapping[str, Any], fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Put the arguments of one `record` call where the standard wants them.

    Parameters
    ----------
    service, actor, resource : mapping
        Blocks of the event, as they are.
    action : str
        An action type such as ``READ``.
    fields : mapping
        The rest: what belongs to ``action`` and ``outcome`` by its own name, any other block of the event under its name.
        None leaves a field out.

    Raises
    ------
    SchemaError
        If a field has no place in an event; the message names the field that it resembles, if there is one.

    Examples
    --------
    >>> fields = {"phi_touched": True, "status": "FAILURE"}
    >>> event = build_event({"name": "s"}, "READ", {"subject_id": "u"}, {"type": "Note"}, fields)
    >>> event["action"], event["outcome"]
    ({'type': 'READ', 'phi_touched': True}, {'status': 'FAILURE'})
    """
    now = time.time_ns() // 1_000_000
    act: dict[str, Any] = {"type": action}
    outcome: dict[str, Any] = {"status": "SUCCESS"}
    event: dict[str, Any] = {
        "schema_version": "3.0",
        "event_id": event_id(now),
        "timestamp": timestamp(now),
        "service": service,
        "actor": actor,
        "action": act,
        "resource": resource,
        "outcome": outcome,
    }
    for key, value in fields.items():
        if value is None:
            continue
        if key in _BLOCKS:
            event[key] = value
        elif key in _ACTION:
            act[key] = value
        elif key in _OUTCOME:
            outcome[key] = value
        else:
            # The name itself may come from a row of data: it is not shown.
            like = get_close_matches(str(key), _BLOCKS | _ACTION | _OUTCOME, 1)
            hint = f": did you mean {like[0]}?" if like else "; AuditLogger.record lists those that have"
            raise SchemaError(f"a field has no place in an audit event{hint}", place="record()")
    return event
