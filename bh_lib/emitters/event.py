"""An event's own parts: its id, its time, and the shape that the arguments of `record` take in it."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from bh_lib.errors import SchemaError

__all__ = ["build_event", "event_id", "timestamp"]

# Of its own, so that a program that seeds `random` doesn't repeat ids. Ids need not be secret.
_random = random.Random()  # noqa: S311
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)
_REST, _VARIANT = 2**62 - 1, 2**63
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
    first, _ = _moment(time.time_ns() // 1_000_000 if now_ms is None else now_ms)
    chance = _random.getrandbits(74)
    rest = f"{chance & _REST | _VARIANT:016x}"
    return f"{first}{chance >> 62:03x}-{rest[:4]}-{rest[4:]}"


def timestamp(now_ms: int | None = None) -> str:
    """Write a time as RFC 3339 in UTC, in milliseconds.

    Examples
    --------
    >>> timestamp(1_700_000_000_007)
    '2023-11-14T22:13:20.007Z'
    """
    return _moment(time.time_ns() // 1_000_000 if now_ms is None else now_ms)[1]


@lru_cache(maxsize=2)
def _moment(now_ms: int) -> tuple[str, str]:
    """How an id begins, and the time: written once for all events of a millisecond."""
    second, milliseconds = divmod(now_ms, 1000)
    when = f"{now_ms:012x}"
    return f"{when[:8]}-{when[8:]}-7", f"{_second(second)}.{milliseconds:03d}Z"


@lru_cache(maxsize=2)
def _second(second: int) -> str:
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
