"""What a check found: counts and rules, never a value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["MOST_ROWS", "CheckReport", "Outcome"]

MOST_ROWS = 100
"""How many of the rows that fail an expectation are named."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One expectation and how it went.

    Attributes
    ----------
    expectation : str
        Its type, such as ``expect_column_values_to_be_unique``.
    column : str
        The column, or several joined by commas, or "table".
    severity : str
        ``critical`` stops training; ``warning`` is for a person to look at.
    success : bool
    unexpected : int or None
        How many rows don't hold it; None where the expectation is about the whole table and counts none.
    reason : str
        Why the expectation is there.
    rows : tuple of str
        The first hundred rows that don't hold it: an event by its id, anything else by its place, such as ``line 7``.
    """

    expectation: str
    column: str
    severity: str
    success: bool
    unexpected: int | None
    reason: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All outcomes of one suite over one file.

    Examples
    --------
    >>> wrong = Outcome("expect_x", "event_id", "critical", False, 2, "an event is counted once")
    >>> report = CheckReport("audit-events", 10, (wrong,), None)
    >>> report.success, [outcome.column for outcome in report.failed()], report.failed("warning")
    (False, ['event_id'], ())
    """

    suite: str
    rows: int
    outcomes: tuple[Outcome, ...]
    docs: Path | None

    @property
    def success(self) -> bool:
        """Whether every expectation holds."""
        return all(outcome.success for outcome in self.outcomes)

    def failed(self, severity: str | None = None) -> tuple[Outcome, ...]:
        """The outcomes that don't hold, of one severity or of any."""
        return tuple(o for o in self.outcomes if not o.success and severity in (None, o.severity))

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "suite": self.suite,
            "rows": self.rows,
            "success": self.success,
            "outcomes": [asdict(outcome) for outcome in self.outcomes],
            "docs": None if self.docs is None else str(self.docs),
        }
