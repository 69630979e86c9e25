"""Two systems on the same notes: the difference, and whether chance alone could have made it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bh_lib._extras import require
from bh_lib.errors import InputError
from bh_lib.evaluate.interval import group_counts, resample
from bh_lib.evaluate.outcome import Outcome
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["Difference", "compare", "compare_calibration", "critical_cells", "flag_cells"]

Cells = Callable[[Outcome], tuple[int, int, int]]
_RESAMPLES: Final = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """A score of the second system less that of the first, with its 95 % interval from a paired bootstrap by seed family."""

    first: float
    second: float
    ci95: tuple[float, float]

    @property
    def value(self) -> float:
        """Above zero where the second is better."""
        return self.second - self.first

    @property
    def worse(self) -> bool:
        """Whether the second is worse, and the interval leaves no doubt of it."""
        return self.ci95[1] < 0

    @property
    def better(self) -> bool:
        """Whether the second is better, and the interval leaves no doubt of it."""
        return self.ci95[0] > 0


def flag_cells(outcome: Outcome) -> tuple[int, int, int]:
    """tp, fp, fn of all flags of a note."""
    truth, guess = outcome.truth or frozenset(), outcome.guess.keys()
    return len(truth & guess), len(guess - truth), len(truth - guess)


def critical_cells(outcome: Outcome) -> tuple[int, int, int]:
    """tp, fp, fn of a note's critical flags, each counted."""
    grave = frozenset(load_taxonomy().critical)
    truth, guess = (outcome.truth or frozenset()) & grave, outcome.guess.keys() & grave
    return len(truth & guess), len(guess - truth), len(truth - guess)


def compare(first: Sequence[Outcome], second: Sequence[Outcome], cells: Cells = flag_cells, score: str = "f1") -> Difference:
    """Compare two systems' answers to the same notes.

    Parameters
    ----------
    first, second : sequence of Outcome
    cells : callable
        What is counted: `flag_cells` or `critical_cells`.
    score : {"f1", "precision", "recall"}

    Raises
    ------
    InputError
        If the notes differ, there are none, or the score is none of the three.

    Examples
    --------
    >>> blind = [Outcome(str(n), frozenset({"SH-002"}), {}, group=str(n)) for n in range(30)]
    >>> seeing = [Outcome(str(n), frozenset({"SH-002"}), {"SH-002": 1.0}, group=str(n)) for n in range(30)]
    >>> difference = compare(blind, seeing, critical_cells, "recall")
    >>> difference.value, difference.better
    (1.0, True)
    """
    np = require("numpy", extra="ml")
    if not first or [(o.note_id, o.truth) for o in first] != [(o.note_id, o.truth) for o in second]:
        raise InputError("a comparison needs the same labelled notes in the same order, and at least one")
    if score not in ("f1", "precision", "recall"):
        raise InputError("score is f1, precision or recall")
    groups = [outcome.group for outcome in first]

    def scores(outcomes: Sequence[Outcome]) -> tuple[float, list[float]]:
        sums = group_counts(groups, np.array([cells(outcome) for outcome in outcomes], dtype=float))
        drawn = np.vstack([sums.sum(axis=0), resample(sums, _RESAMPLES)])
        tp, fp, fn = drawn[:, 0], drawn[:, 1], drawn[:, 2]
        below = {"precision": tp + fp, "recall": tp + fn, "f1": tp + (fp + fn) / 2}[score]
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(below > 0, tp / below, 0.0)
        return float(found[0]), found[1:]

    (one, ones), (two, twos) = scores(first), scores(second)
    low, high = np.percentile(np.asarray(twos) - np.asarray(ones), [2.5, 97.5])
    return Difference(one, two, (float(low), float(high)))


def _bins(outcome: Outcome) -> list[float]:
    """How many flags a note raises, then by tenth of the scale how far their confidences exceed how many of them stand."""
    row = [float(len(outcome.guess)), *[0.0] * 10]
    for flag, sure in outcome.guess.items():
        row[1 + min(int(sure * 10), 9)] += sure - (flag in (outcome.truth or ()))
    return row


def compare_calibration(first: Sequence[Outcome], second: Sequence[Outcome]) -> Difference | None:
    """Expected calibration error of raised flags, less is better; so the difference is that of 1 less the error.

    Returns
    -------
    Difference or None
        ``first`` and ``second`` are the errors with their sign turned; None where a system raised nothing.

    Raises
    ------
    InputError
        If the notes differ, or there are none.

    Examples
    --------
    >>> honest = [Outcome(str(n), frozenset({"SH-002"}), {"SH-002": 1.0}, group=str(n)) for n in range(30)]
    >>> unsure = [Outcome(str(n), frozenset({"SH-002"}), {"SH-002": 0.5}, group=str(n)) for n in range(30)]
    >>> compare_calibration(honest, unsure).worse, compare_calibration(honest, honest).worse
    (True, False)
    """
    np = require("numpy", extra="ml")
    if not first or [(o.note_id, o.truth) for o in first] != [(o.note_id, o.truth) for o in second]:
        raise InputError("a comparison needs the same labelled notes in the same order, and at least one")
    if not any(o.guess for o in first) or not any(o.guess for o in second):
        return None
    groups = [outcome.group for outcome in first]

    def errors(outcomes: Sequence[Outcome]) -> Any:
        sums = group_counts(groups, np.array([_bins(outcome) for outcome in outcomes]))
        drawn = np.vstack([sums.sum(axis=0), resample(sums, _RESAMPLES)])
        with np.errstate(invalid="ignore", divide="ignore"):
            return -np.abs(drawn[:, 1:]).sum(axis=1) / drawn[:, 0]

    one, two = errors(first), errors(second)
    apart = (two - one)[1:]
    low, high = np.percentile(apart[~np.isnan(apart)], [2.5, 97.5])
    return Difference(float(one[0]), float(two[0]), (float(low), float(high)))
