"""The audit event standard, the flag taxonomy, and the shapes that rooms exchange."""

from bh_lib.schema.validate import (
    CURRENT,
    VERSIONS,
    Problem,
    detect_version,
    event_checker,
    event_schema,
    is_valid_event,
    validate_event,
)

__all__ = [
    "CURRENT",
    "VERSIONS",
    "Problem",
    "detect_version",
    "event_checker",
    "event_schema",
    "is_valid_event",
    "validate_event",
]
