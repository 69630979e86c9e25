"""What clinicians say of the flags: each one accepted, dismissed with a reason, or corrected, and read by the next evaluation.

`FlagReview` judges and saves, in a notebook or without one; `show_review` shows it in Jupyter; `dismiss_rates` says how often a
flag was dismissed and why.
"""

from __future__ import annotations

from bh_lib.evaluate.feedback.judgement import REASONS, Claim, Mark, NoteReview, Reason, Verdict
from bh_lib.evaluate.feedback.label import labelled
from bh_lib.evaluate.feedback.rates import dismiss_rates
from bh_lib.evaluate.feedback.session import REVIEW_METADATA, FlagReview
from bh_lib.evaluate.feedback.show import show_review
from bh_lib.evaluate.feedback.store import judgements_path, read_judgements

__all__ = [
    "REASONS",
    "REVIEW_METADATA",
    "Claim",
    "FlagReview",
    "Mark",
    "NoteReview",
    "Reason",
    "Verdict",
    "dismiss_rates",
    "judgements_path",
    "labelled",
    "read_judgements",
    "show_review",
]
