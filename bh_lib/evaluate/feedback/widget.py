"""The review in Jupyter. The file that is the integration with anywidget; it only carries messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget

from bh_lib.evaluate.feedback.screen import answer, choices
from bh_lib.evaluate.feedback.session import FlagReview

__all__ = ["ReviewWidget"]

_HERE = Path(__file__).parent


class ReviewWidget(anywidget.AnyWidget):
    """A review on the screen.

    Note and judgements travel as messages, not as the widget's state: a notebook that is saved with its widgets' state holds none.
    """

    # One module for the browser: what draws, and what answers keys.
    _esm = "\n".join((_HERE / name).read_text("utf-8") for name in ("drawing.js", "review.js"))
    _css = (_HERE / "review.css").read_text("utf-8")

    def __init__(self, review: FlagReview) -> None:
        super().__init__()
        self.review = review
        self.on_msg(lambda _widget, asked, _buffers: self._answer(asked))

    def _answer(self, asked: Any) -> None:
        self.send({**answer(self.review, asked if isinstance(asked, dict) else {}), "choices": choices()})
