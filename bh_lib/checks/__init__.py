"""Great Expectations over audit logs, labelled notes and predictions.

Importing this room is quick; Great Expectations itself (several seconds) is imported when a check runs.
"""

from bh_lib.checks.gate import require_critical
from bh_lib.checks.report import CheckReport, Outcome
from bh_lib.checks.run import check_events, check_notes, check_predictions

__all__ = ["CheckReport", "Outcome", "check_events", "check_notes", "check_predictions", "require_critical"]
