"""The one way an event goes, for the logger and for the middleware: redact, validate, then chain and sink.

A stage is a plain function, event in, event out. A stage that raises `Drop` ends the event: that is control flow, not an
error. Redaction comes first, so that no later stage, sink, spool or message holds what it took out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bh_lib.errors import SchemaError
from bh_lib.schema import event_checker, validate_event

__all__ = ["Drop", "Stage", "process", "validate"]

Stage = Callable[[dict[str, Any]], dict[str, Any]]
"""One step of the pipeline."""


class Drop(Exception):  # noqa: N818  (it is no error)
    """Raised by a stage that wants an event not to be kept; it is counted as ``filtered``."""


def validate(event: dict[str, Any]) -> dict[str, Any]:
    """Let an event pass that holds schema 3.0.

    Raises
    ------
    SchemaError
        If it doesn't: names each path and rule, and never a value.

    Examples
    --------
    >>> validate({"schema_version": "3.0"})
    Traceback (most recent call last):
    ...
    bh_lib.errors.SchemaError: ...
    """
    if event_checker()(event):
        return event
    problems = validate_event(event)
    shown = "; ".join(str(problem) for problem in problems[:5])
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    raise SchemaError(f"the event doesn't hold schema 3.0: {shown}{more}")


def process(stages: Sequence[Stage], event: dict[str, Any]) -> dict[str, Any]:
    """Run an event through the stages, in order.

    Examples
    --------
    >>> process([lambda event: {**event, "seen": True}], {"event_id": "e1"})
    {'event_id': 'e1', 'seen': True}
    """
    for stage in stages:
        event = stage(event)
    return event
