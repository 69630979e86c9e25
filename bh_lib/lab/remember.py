"""A layer 2 that scores each sentence once, for what asks again and again. Never for production: it keeps text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bh_lib.sentinel.layers.transformer import TransformerLayer

__all__ = ["RememberingLayer"]


class RememberingLayer(TransformerLayer):
    """As `TransformerLayer`; each sentence and its scores stay in memory."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._known: dict[str, list[float]] = {}

    def score(self, sentences: Sequence[str]) -> list[list[float]]:
        """Calibrated confidences, one list a sentence, flags in taxonomy order."""
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in self._known]
        self._known.update(zip(new, super().score(new), strict=True))
        return [self._known[sentence] for sentence in sentences]
