"""Access review: who saw whom and why, what was refused, disclosed, or stays unexplained."""

from bh_lib.review.explain import encounters, explain_by_context, explain_by_log
from bh_lib.review.log import scan_context, scan_log
from bh_lib.review.queries import accesses, activity, break_glass, consent_gaps, denials, disclosures, log_ins
from bh_lib.review.rank import SIGNALS, rank_unexplained
from bh_lib.review.review import Review, Section, record_review, review_log
from bh_lib.review.score import ReviewScore, read_cases, score_alerts

__all__ = [
    "SIGNALS",
    "Review",
    "ReviewScore",
    "Section",
    "accesses",
    "activity",
    "break_glass",
    "consent_gaps",
    "denials",
    "disclosures",
    "encounters",
    "explain_by_context",
    "explain_by_log",
    "log_ins",
    "rank_unexplained",
    "read_cases",
    "record_review",
    "review_log",
    "scan_context",
    "scan_log",
    "score_alerts",
]
