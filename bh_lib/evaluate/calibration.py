"""Whether a confidence means what it says: of flags raised at .8, eight in ten should stand.

Only flags that were raised carry a confidence, so this is the calibration of alerts, not of silence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Bin", "Calibration", "calibration"]


@dataclass(frozen=True, slots=True)
class Bin:
    """Raised flags whose confidence falls in one tenth of the scale."""

    low: float
    high: float
    n: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error (ten equal bins), and the slope of a logistic recalibration.

    Attributes
    ----------
    ece : float
        Mean distance between confidence and share right, weighted by the bins' sizes.
    slope : float or None
        1 is perfect, below 1 is too sure (Cox, 1958); None where all are right, all are wrong, or all confidences are equal.
    """

    n: int
    ece: float
    slope: float | None
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in ``metrics.json``."""
        shape: dict[str, Any] = {"n": self.n, "ece": self.ece}
        if self.slope is not None:
            shape["slope"] = self.slope
        shape["bins"] = [
            {"low": each.low, "high": each.high, "n": each.n, "confidence": each.confidence, "right": each.right}
            for each in self.bins
        ]
        return shape


def _logit(confidence: float) -> float:
    clipped = min(max(confidence, 1e-6), 1 - 1e-6)
    return math.log(clipped / (1 - clipped))


def _slope(confidences: Sequence[float], right: Sequence[bool]) -> float | None:
    if len(set(right)) < 2 or len({round(value, 9) for value in confidences}) < 2:
        return None
    points = [(_logit(confidence), float(hit)) for confidence, hit in zip(confidences, right, strict=True)]
    intercept, slope = 0.0, 1.0
    for _ in range(50):  # Newton's method on two parameters; a hair of ridge keeps separable data finite
        gradient = [1e-4 * intercept, 1e-4 * (slope - 1)]
        curvature = [1e-4, 0.0, 1e-4]
        for x, y in points:
            p = 1 / (1 + math.exp(-max(min(intercept + slope * x, 35.0), -35.0)))
            gradient[0] += p - y
            gradient[1] += (p - y) * x
            weight = p * (1 - p)
            curvature[0] += weight
            curvature[1] += weight * x
            curvature[2] += weight * x * x
        determinant = curvature[0] * curvature[2] - curvature[1] ** 2
        if determinant <= 1e-12:
            return None
        step0 = (curvature[2] * gradient[0] - curvature[1] * gradient[1]) / determinant
        step1 = (curvature[0] * gradient[1] - curvature[1] * gradient[0]) / determinant
        # A long step on nearly separable data would leap out of the region where the curvature holds.
        scale = min(1.0, 5.0 / max(abs(step0), abs(step1), 1e-12))
        intercept, slope = intercept - scale * step0, slope - scale * step1
        if max(abs(step0), abs(step1)) < 1e-8:
            break
    return slope


def calibration(confidences: Sequence[float], right: Sequence[bool]) -> Calibration | None:
    """Compare confidences (0-1) with whether each flag stood; None where nothing was raised.

    Examples
    --------
    >>> round(calibration([0.9] * 10, [True] * 9 + [False]).ece, 6)
    0.0
    >>> calibration([], []) is None
    True
    """
    if not confidences:
        return None
    filled: list[list[tuple[float, bool]]] = [[] for _ in range(10)]
    for confidence, hit in zip(confidences, right, strict=True):
        filled[min(int(confidence * 10), 9)].append((confidence, hit))
    bins = tuple(
        Bin(k / 10, (k + 1) / 10, len(of), sum(c for c, _ in of) / len(of), sum(hit for _, hit in of) / len(of))
        for k, of in enumerate(filled)
        if of
    )
    ece = sum(each.n * abs(each.confidence - each.right) for each in bins) / len(confidences)
    return Calibration(len(confidences), ece, _slope(confidences, right), bins)
