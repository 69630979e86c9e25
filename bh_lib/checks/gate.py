"""The gate between checking and training."""

from __future__ import annotations

from bh_lib.checks.report import CheckReport
from bh_lib.errors import GateError

__all__ = ["require_critical"]


def require_critical(report: CheckReport) -> CheckReport:
    """Let a report through whose critical expectations all hold.

    Raises
    ------
    GateError
        If a critical expectation fails; the message names each, and its column.

    Examples
    --------
    >>> require_critical(CheckReport("notes", 3, (), None)).rows
    3
    """
    failed = report.failed("critical")
    if failed:
        named = "; ".join(f"{outcome.expectation} on {outcome.column}" for outcome in failed)
        raise GateError(f"{report.suite}: critical expectations fail, so nothing is trained on it: {named}")
    return report
