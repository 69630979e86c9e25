"""Intervals: a bootstrap that resamples whole groups, since notes of one seed family are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bh_lib._extras import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Intervals", "group_counts", "group_draws", "resample", "score_intervals"]

RESAMPLES: Final = 1000
_SEED: Final = 20260115


@dataclass(frozen=True, slots=True)
class Intervals:
    """95 % percentile intervals of precision, recall and F1; None where it is not defined in any resample."""

    precision: tuple[float, float] | None
    recall: tuple[float, float] | None
    f1: tuple[float, float] | None

    def to_dict(self) -> dict[str, list[float]]:
        """As ``ci95`` in ``metrics.json``."""
        pairs = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {key: list(pair) for key, pair in pairs.items() if pair is not None}


def group_counts(groups: Sequence[str], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum rows that share a group; the order is that of a group's first row.

    Parameters
    ----------
    groups : sequence of str, length n
    values : array, shape (n, ...)

    Returns
    -------
    array, shape (number of groups, ...)
    """
    np = require("numpy", extra="ml")
    index = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    summed = np.zeros((len(index), *values.shape[1:]))
    np.add.at(summed, [index[group] for group in groups], values)
    return summed  # type: ignore[no-any-return]


def resample(values: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = _SEED) -> NDArray[np.float64]:
    """Sums over groups drawn with replacement; the same seed draws the same groups, so two systems can be paired.

    Parameters
    ----------
    values : array, shape (groups, columns)

    Returns
    -------
    array, shape (resamples, columns)

    Examples
    --------
    >>> import numpy as np
    >>> resample(np.ones((5, 2)), resamples=3).tolist()
    [[5.0, 5.0], [5.0, 5.0], [5.0, 5.0]]
    """
    np = require("numpy", extra="ml")
    total = len(values)
    draws = np.random.default_rng(seed).multinomial(total, np.full(total, 1 / total), size=resamples)
    return draws.astype(np.float64) @ values  # type: ignore[no-any-return]


def group_draws(groups: Sequence[str], resamples: int, seed: int = _SEED) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How often each group is drawn in each resample, and the group of each row, for scores that aren't sums.

    Returns
    -------
    array, shape (resamples, number of groups), and array, shape (n,)

    Examples
    --------
    >>> draws, column = group_draws(["a", "b", "a"], 2)
    >>> draws.sum(axis=1).tolist(), column.tolist()
    ([2.0, 2.0], [0, 1, 0])
    """
    np = require("numpy", extra="ml")
    index = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    draws = np.random.default_rng(seed).multinomial(len(index), np.full(len(index), 1 / len(index)), size=resamples)
    return draws.astype(np.float64), np.array([index[group] for group in groups])


def _percentiles(ratio: NDArray[np.float64], defined: NDArray[np.bool_]) -> tuple[float, float] | None:
    np = require("numpy", extra="ml")
    if not defined.any():
        return None
    low, high = np.percentile(ratio[defined], [2.5, 97.5])
    return float(low), float(high)


def score_intervals(groups: Sequence[str], counts: NDArray[np.float64], resamples: int = RESAMPLES) -> list[Intervals]:
    """Intervals for each of several scores at once.

    Parameters
    ----------
    groups : sequence of str, length n
    counts : array, shape (n, scores, 3)
        tp, fp and fn of each note and score.

    Examples
    --------
    >>> import numpy as np
    >>> right = np.zeros((20, 1, 3)); right[:, 0, 0] = 1
    >>> score_intervals([str(n) for n in range(20)], right)[0].f1
    (1.0, 1.0)
    """
    np = require("numpy", extra="ml")
    scores = counts.shape[1]
    if not len(groups):
        return [Intervals(None, None, None)] * scores
    sums = group_counts(groups, counts)
    drawn = resample(sums.reshape(len(sums), scores * 3), resamples).reshape(resamples, scores, 3)
    found = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for score in range(scores):
            tp, fp, fn = drawn[:, score, 0], drawn[:, score, 1], drawn[:, score, 2]
            found.append(
                Intervals(
                    _percentiles(tp / (tp + fp), tp + fp > 0),
                    _percentiles(tp / (tp + fn), tp + fn > 0),
                    _percentiles(2 * tp / (2 * tp + fp + fn), tp + fn > 0),
                )
            )
    return found
