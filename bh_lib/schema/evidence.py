"""Runs the controls' queries over a log: per control, the evidence found and the evidence missing.

One pass, flat memory. A result holds counts, times and event ids, never an actor, a patient or any other value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from bh_lib.schema.controls import Condition, Control, Query, load_controls

__all__ = ["ControlEvidence", "EvidenceVerdict", "QueryResult", "gather_evidence"]


class EvidenceVerdict(StrEnum):
    """What a log shows for a control."""

    FOUND = "found"
    PARTIAL = "partial"
    MISSING = "missing"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query found.

    Attributes
    ----------
    query : Query
    found : int
        Events that show what the query says; days covered for a query of a span.
    missing : int
        Events that it is about and that don't show it; days short for a query of a span.
    first, last : str or None
        Timestamps of the earliest and the latest of the found, as written.
    example, counterexample : str or None
        The id of the first event found, and of the first event missing.
    """

    query: Query
    found: int
    missing: int
    first: str | None = None
    last: str | None = None
    example: str | None = None
    counterexample: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there is evidence, and none missing."""
        return self.found > 0 and self.missing == 0

    @property
    def not_seen(self) -> bool:
        """Whether it is about what need not happen, and never did in this log."""
        return self.query.occasional and self.found == 0 and self.missing == 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "query": self.query.query_id,
            "says": self.query.says,
            "ok": self.ok,
            "not_seen": self.not_seen,
            "found": self.found,
            "missing": self.missing,
            "unit": "days" if self.query.span_days else "events",
            "first": self.first,
            "last": self.last,
            "example": self.example,
            "counterexample": self.counterexample,
        }


@dataclass(frozen=True, slots=True)
class ControlEvidence:
    """What a log shows for one control."""

    control: Control
    results: tuple[QueryResult, ...]

    @property
    def verdict(self) -> EvidenceVerdict:
        """FOUND where every query is answered, MISSING where none found anything, else PARTIAL.

        NOT_SEEN where the control is about what need not happen, and never did.
        """
        if all(result.not_seen for result in self.results):
            return EvidenceVerdict.NOT_SEEN
        if all(result.ok or result.not_seen for result in self.results):
            return EvidenceVerdict.FOUND
        return EvidenceVerdict.PARTIAL if any(result.found for result in self.results) else EvidenceVerdict.MISSING

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not shown, or not by every event, in words."""
        return tuple(result.query.says for result in self.results if not (result.ok or result.not_seen))

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return self.control.to_dict() | {
            "verdict": self.verdict.value,
            "results": [result.to_dict() for result in self.results],
            "missing": list(self.missing),
        }

    def to_row(self) -> tuple[str, str, str, str, str]:
        """A table's row: section, title, status, verdict, what is missing."""
        return (
            self.control.section,
            self.control.title,
            self.control.status.value,
            self.verdict.value,
            "; ".join(self.missing),
        )


_ABSENT: Final = object()


def _reader(path: str) -> Callable[[Any], Any]:
    keys = path[1:].split("/")

    def read(event: Any) -> Any:
        for key in keys:
            if not isinstance(event, dict) or key not in event:
                return _ABSENT
            event = event[key]
        return event

    return read


def _test(condition: Condition) -> Callable[[Any], bool]:
    read, operand = _reader(condition.path), condition.operand
    if condition.operator == "exists":
        return lambda event: (read(event) is not _ABSENT) is operand
    if condition.operator == "any_of":
        return lambda event: read(event) in operand
    if condition.operator == "contains":
        return lambda event: isinstance(values := read(event), list) and operand in values
    if condition.operator == "differs_from":
        other = _reader(operand)
        return lambda event: _ABSENT not in (pair := (read(event), other(event))) and pair[0] != pair[1]
    return lambda event: type(value := read(event)) is type(operand) and bool(value == operand)


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip().upper())
    except (ValueError, AttributeError):
        return None
    return moment if moment.tzinfo else None


class _Tally:
    """Counts for one query while the log goes by."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.where = [_test(condition) for condition in query.where]
        self.has = [_test(condition) for condition in query.has]
        self.found = self.missing = 0
        self.span: tuple[datetime, datetime] | None = None
        self.first: str | None = None
        self.last: str | None = None
        self.example: str | None = None
        self.counterexample: str | None = None

    def see(self, event: Mapping[str, Any], moment: datetime | None) -> None:
        if not all(test(event) for test in self.where):
            return
        if not all(test(event) for test in self.has):
            self.missing += 1
            self.counterexample = self.counterexample or _event_id(event)
            return
        self.found += 1
        self.example = self.example or _event_id(event)
        if moment is None:
            return
        if self.span is None or moment < self.span[0]:
            self.first = str(event["timestamp"])
            self.span = (moment, self.span[1] if self.span else moment)
        if moment >= self.span[1]:
            self.last = str(event["timestamp"])
            self.span = (self.span[0], moment)

    def result(self) -> QueryResult:
        if self.query.span_days is None:
            return QueryResult(self.query, self.found, self.missing, self.first, self.last, self.example, self.counterexample)
        days = (self.span[1] - self.span[0]).days if self.span else 0
        return QueryResult(self.query, days, max(0, self.query.span_days - days), self.first, self.last)


def _event_id(event: Mapping[str, Any]) -> str | None:
    value = event.get("event_id")
    return value if isinstance(value, str) else None


def gather_evidence(events: Iterable[Mapping[str, Any]], framework: str | None = None) -> list[ControlEvidence]:
    """Run every query of the controls over a log, once.

    Parameters
    ----------
    events : iterable of dict
        Audit events of any version; older ones lack the fields that came later, and count as missing them.
    framework : str, optional
        ``hipaa``, ``soc2`` or ``part2``; all where none is given.

    Raises
    ------
    SchemaError
        If there is no such framework.

    Examples
    --------
    >>> log = [{"event_id": "e1", "timestamp": "2026-11-24T08:00:00Z", "action": {"type": "REVIEW"}}]
    >>> [(evidence.control.section, evidence.verdict.value) for evidence in gather_evidence(log, "soc2")][0]
    ('CC4.1', 'found')
    """
    controls = load_controls(framework)
    tallies = {query.query_id: _Tally(query) for control in controls for query in control.queries}
    for event in events:
        moment = _moment(event.get("timestamp"))
        for tally in tallies.values():
            tally.see(event, moment)
    results = {query_id: tally.result() for query_id, tally in tallies.items()}
    return [ControlEvidence(control, tuple(results[query.query_id] for query in control.queries)) for control in controls]
