"""How well the answers are ordered: average precision of each flag, and the curves behind it.

An answer gives a confidence only to what it raised. So notes are ranked as an alert list would show them: first those in which the
flag was raised, by confidence; then, where a classifier scored the note, those below its threshold, by that score; then the rest,
all equal. A flag that was seen and held not to stand (denied, past, somebody else's) is among the rest, whatever a classifier says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import require
from bh_lib.evaluate.interval import group_draws
from bh_lib.evaluate.outcome import Outcome
from bh_lib.schema.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["average_precision", "critical_rank", "flag_auprc", "pr_curves", "rank"]

_RESAMPLES: Final = 300
_POINTS: Final = 100

Scored = Sequence[tuple[bool, float]]


def rank(outcome: Outcome, flag: str) -> float:
    """Where a note stands in a flag's list: above 1 where it was raised, a classifier's score where not, or 0.

    Examples
    --------
    >>> outcome = Outcome("n", None, {"SH-002": 0.75}, scores={"SH-001": 0.25, "HO-001": 0.5}, suppressed={"HO-001": "negated"})
    >>> rank(outcome, "SH-002"), rank(outcome, "SH-001"), rank(outcome, "HO-001")
    (1.75, 0.25, 0.0)
    """
    if flag in outcome.guess:
        return 1.0 + outcome.guess[flag]
    return 0.0 if flag in outcome.suppressed else outcome.scores.get(flag, 0.0)


def critical_rank(outcome: Outcome) -> float:
    """Where a note stands in the list of notes with any critical flag: as its highest critical flag does."""
    return max(rank(outcome, flag) for flag in load_taxonomy().critical)


def average_precision(truth: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Mean of the precision at each distinct score, weighted by the recall that it adds; None where nothing is true.

    Equal scores are one step, so that the order of the notes never matters.

    Examples
    --------
    >>> average_precision([True, False, True], [0.9, 0.8, 0.7]), average_precision([False], [0.5]) is None
    (0.8333333333333333, True)
    """
    if not any(truth):
        return None
    np = require("numpy", extra="ml")
    return float(_weighted(np.asarray(truth, dtype=bool), np.asarray(scores, dtype=float), np.ones((1, len(truth))))[0])


def _weighted(truth: Any, scores: Any, weights: Any) -> NDArray[Any]:
    """Average precision under each row of weights; NaN where a row holds nothing true."""
    np = require("numpy", extra="ml")
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] < ranked[:-1]))
    drawn = weights[:, order]
    everyone = np.cumsum(np.add.reduceat(drawn, starts, axis=1), axis=1)
    hits = np.cumsum(np.add.reduceat(drawn * truth[order], starts, axis=1), axis=1)
    gained = np.diff(hits, axis=1, prepend=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(everyone > 0, hits / everyone, 0.0)
        return (gained * precision).sum(axis=1) / hits[:, -1]  # type: ignore[no-any-return]


def flag_auprc(outcomes: Sequence[Outcome]) -> dict[str, tuple[float, tuple[float, float] | None]]:
    """Area under the precision-recall curve of each flag that occurs, with its 95 % interval, seed families resampled.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Whose flags are labelled.

    Examples
    --------
    >>> flag_auprc([Outcome("a", frozenset({"SH-002"}), {"SH-002": 0.9}), Outcome("b", frozenset(), {})])["SH-002"][0]
    1.0
    """
    np = require("numpy", extra="ml")
    carried = {flag for outcome in outcomes for flag in outcome.truth or ()}
    if not carried:
        return {}
    draws, column = group_draws([outcome.group for outcome in outcomes], _RESAMPLES)
    found: dict[str, tuple[float, tuple[float, float] | None]] = {}
    for flag in (flag for flag in load_taxonomy().ids if flag in carried):
        truth = np.array([flag in (outcome.truth or ()) for outcome in outcomes])
        scores = np.array([rank(outcome, flag) for outcome in outcomes])
        value = float(_weighted(truth, scores, np.ones((1, len(truth))))[0])
        # Most notes rank alike at the end and differ by nothing but their number: they are added up, family by family.
        listed = (scores > 0) | truth
        rest = np.bincount(column[~listed], minlength=draws.shape[1])
        weights = np.hstack([draws[:, column[listed]], (draws @ rest)[:, None]])
        resampled = _weighted(np.append(truth[listed], False), np.append(scores[listed], 0.0), weights)
        defined = resampled[~np.isnan(resampled)]
        edges = [float(edge) for edge in np.percentile(defined, [2.5, 97.5])] if len(defined) else None
        found[flag] = (value, (edges[0], edges[1]) if edges else None)
    return found


def _curve(scored: Scored) -> list[list[float]]:
    """Recall and precision at each distinct score, from the surest on, thinned evenly to a hundred points."""
    total, hits, points = sum(true for true, _ in scored), 0, []
    ordered = sorted(scored, key=lambda pair: -pair[1])
    for number, (true, score) in enumerate(ordered, 1):
        hits += true
        # What shares the lowest score was not ranked at all: a point there would be the corpus, not the system.
        if score > 0 and (number == len(ordered) or ordered[number][1] < score):
            points.append([hits / total, hits / number])
    if len(points) > _POINTS:
        points = [points[round(k * (len(points) - 1) / (_POINTS - 1))] for k in range(_POINTS)]
    return points


def pr_curves(outcomes: Sequence[Outcome]) -> dict[str, list[list[float]]]:
    """Points (recall, precision) of two lists: notes with a critical flag, and all flags of all notes.

    Examples
    --------
    >>> pr_curves([Outcome("a", frozenset({"SH-002"}), {"SH-002": 0.9}), Outcome("b", frozenset(), {})])["critical"]
    [[1.0, 1.0]]
    """
    grave = frozenset(load_taxonomy().critical)

    def flags(outcome: Outcome) -> Iterable[tuple[bool, float]]:
        truth = outcome.truth or frozenset()
        return ((flag in truth, rank(outcome, flag)) for flag in truth | outcome.guess.keys() | outcome.scores.keys())

    lists: dict[str, Callable[[], list[tuple[bool, float]]]] = {
        "critical": lambda: [(bool(grave & (o.truth or frozenset())), critical_rank(o)) for o in outcomes],
        "flags": lambda: [pair for outcome in outcomes for pair in flags(outcome)],
    }
    found = {name: made() for name, made in lists.items()}
    return {name: _curve(scored) for name, scored in found.items() if any(true for true, _ in scored)}
