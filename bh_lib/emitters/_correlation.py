"""The ids that tie an event to a request: taken over from its headers only if they are random by shape."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

__all__ = ["correlation"]

# Clients choose these headers, so anything else in them may be a name.
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE).fullmatch


def correlation(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Take ``x-request-id`` (a UUID) and ``traceparent`` (W3C Trace Context); without the first, make an id.

    Examples
    --------
    >>> correlation([(b"x-request-id", b"0f8fad5b-d9cb-469f-a165-70867728950e"), (b"traceparent", b"Ann")])
    {'request_id': '0f8fad5b-d9cb-469f-a165-70867728950e'}
    """
    found: dict[str, str] = {}
    for name, value in headers:
        if name == b"x-request-id":
            if _UUID(value):
                found["request_id"] = value.decode()
        elif name == b"traceparent" and (match := _TRACE(value)):
            found["trace_id"] = match[1].decode()
    if "request_id" not in found:
        found["request_id"] = os.urandom(16).hex()
    return found
