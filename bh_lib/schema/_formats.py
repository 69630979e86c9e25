"""The string formats that the event schemas name, judged as the ``jsonschema`` package with its format checks judges them.

That judge is looser than the RFCs in three corners, and so are we, since a published event must get the same verdict
everywhere: a date-time may be in lower case or end in a line feed, and a UUID's digits may hold an underscore.
"""

from __future__ import annotations

import ipaddress
import re
from calendar import monthrange
from collections.abc import Callable
from typing import Final
from uuid import UUID

__all__ = ["FORMATS", "is_date_time", "is_ipv4", "is_ipv6", "is_uuid"]

# Days up to 28 need no calendar, and hold nearly every event.
_PLAIN: Final = re.compile(
    r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)\Z",
    re.ASCII,
).match
_ANY: Final = re.compile(
    r"(\d{4})-(0[1-9]|1[0-2])-(\d{2})T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)\n?\Z",
    re.ASCII,
).match
_BYTE: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = re.compile(rf"(?:{_BYTE}\.){{3}}{_BYTE}\Z", re.ASCII).match
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z").match


def is_date_time(text: str) -> bool:
    """RFC 3339 date-time with a zone; a leap second is refused.

    Examples
    --------
    >>> is_date_time("2026-11-24T20:15:00Z"), is_date_time("2026-02-30T00:00:00Z"), is_date_time("2026-11-24 20:15")
    (True, False, False)
    """
    if _PLAIN(text):
        return True
    match = _ANY(text.upper())
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    return year > 0 and 1 <= day <= monthrange(year, month)[1]


def is_uuid(text: str) -> bool:
    """The five hyphened groups of RFC 9562.

    Examples
    --------
    >>> is_uuid("6d3f0f6b-0c1a-4b9f-9d6f-9f6f7f5b2b0a"), is_uuid("6d3f0f6b0c1a4b9f9d6f9f6f7f5b2b0a")
    (True, False)
    """
    if _UUID(text):
        return True
    try:
        UUID(text)
    except ValueError:
        return False
    return len(text) > 23 and all(text[place] == "-" for place in (8, 13, 18, 23))


def is_ipv4(text: str) -> bool:
    """Four decimal bytes without leading zeros.

    Examples
    --------
    >>> is_ipv4("203.0.113.42"), is_ipv4("203.0.113.042")
    (True, False)
    """
    return _IPV4(text) is not None


def is_ipv6(text: str) -> bool:
    """RFC 4291 text form without a zone.

    Examples
    --------
    >>> is_ipv6("2001:db8::1"), is_ipv6("fe80::1%eth0")
    (True, False)
    """
    try:
        return not ipaddress.IPv6Address(text).scope_id
    except ValueError:
        return False


FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "date-time": is_date_time,
    "uuid": is_uuid,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
}
