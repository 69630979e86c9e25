"""A review on the screen of a notebook."""

from __future__ import annotations

from typing import Any

from bh_lib._extras import require
from bh_lib.evaluate.feedback.session import FlagReview

__all__ = ["show_review"]


def show_review(review: FlagReview) -> Any:
    """The review as a widget: make it the last line of a cell.

    Works by keyboard alone; each key is on the screen. Saving the notebook saves no note and no judgement with it.

    Raises
    ------
    MissingExtraError
        If anywidget isn't installed.
    """
    require("anywidget", extra="workbench")
    from bh_lib.evaluate.feedback.widget import ReviewWidget

    return ReviewWidget(review)
