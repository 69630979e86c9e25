"""Right and wrong, counted: the ground of precision, recall and F1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Counts"]


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives.

    A ratio over nothing is 0.0 here, as in most published scores; `to_dict` leaves such a ratio out instead.

    Examples
    --------
    >>> counts = Counts(tp=3, fp=1, fn=2)
    >>> counts.precision, counts.recall, round(counts.f1, 3), counts.support
    (0.75, 0.6, 0.667, 5)
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @classmethod
    def of(cls, truth: Iterable[bool], guess: Iterable[bool]) -> Counts:
        """Count pairs of a truth and a guess; both are as long."""
        tp = fp = fn = 0
        for true, guessed in zip(truth, guess, strict=True):
            tp += true and guessed
            fp += guessed and not true
            fn += true and not guessed
        return cls(tp, fp, fn)

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def support(self) -> int:
        """How many are truly so."""
        return self.tp + self.fn

    @property
    def precision(self) -> float:
        """Share of the guesses that are right (PPV)."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 0.0

    @property
    def recall(self) -> float:
        """Share of the true ones that are found (sensitivity)."""
        return self.tp / self.support if self.support else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if self.tp else 0.0

    def to_dict(self) -> dict[str, Any]:
        """As in ``metrics.json``; a ratio over nothing is left out.

        Examples
        --------
        >>> Counts(fp=2).to_dict()
        {'precision': 0.0, 'support': 0}
        """
        shape: dict[str, Any] = {}
        if self.tp + self.fp:
            shape["precision"] = self.precision
        if self.support:
            shape["recall"] = self.recall
            shape["f1"] = self.f1
        shape["support"] = self.support
        return shape
