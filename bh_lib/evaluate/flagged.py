"""The scores of each flag: counts, intervals, area under the precision-recall curve, and whether there are enough notes to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import require
from bh_lib.evaluate.counts import Counts
from bh_lib.evaluate.interval import Intervals, score_intervals
from bh_lib.evaluate.outcome import Outcome
from bh_lib.evaluate.ranking import flag_auprc
from bh_lib.schema.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MIN_GROUPS", "MIN_SUPPORT", "FlagScore", "flag_scores", "macro", "yes_or_no"]

MIN_SUPPORT: Final = 10
MIN_GROUPS: Final = 5


@dataclass(frozen=True, slots=True)
class FlagScore:
    """One flag's counts and 95 % intervals.

    Attributes
    ----------
    counts : Counts
    ci95 : Intervals
    verdict : {"ok", "insufficient"}
        ``insufficient`` where fewer than `MIN_SUPPORT` notes, or notes of fewer than `MIN_GROUPS` seed families, carry the flag:
        such a score is no evidence either way.
    auprc : float or None
        Area under the precision-recall curve; `bh_lib.evaluate.ranking` says how notes are ranked. None where no note carries it.
    auprc_ci95 : (float, float) or None
    """

    counts: Counts
    ci95: Intervals
    verdict: str
    auprc: float | None = None
    auprc_ci95: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in ``metrics.json``."""
        shape, intervals = self.counts.to_dict(), self.ci95.to_dict()
        if self.auprc is not None:
            shape["auprc"] = self.auprc
        if self.auprc_ci95 is not None:
            intervals["auprc"] = list(self.auprc_ci95)
        return {**shape, "ci95": intervals, "verdict": self.verdict}


def _cells(outcomes: Sequence[Outcome], columns: int, of: Callable[[Outcome], Iterable[tuple[int, bool, bool]]]) -> NDArray[Any]:
    """tp, fp, fn of each note and column."""
    np = require("numpy", extra="ml")
    cells = np.zeros((len(outcomes), columns, 3))
    for row, outcome in enumerate(outcomes):
        for column, true, guessed in of(outcome):
            cells[row, column, 0 if true and guessed else 1 if guessed else 2] += true or guessed
    return cells  # type: ignore[no-any-return]


def _summed(cells: NDArray[Any]) -> list[Counts]:
    return [Counts(*(int(value) for value in column)) for column in cells.sum(axis=0)]


def flag_scores(outcomes: Sequence[Outcome]) -> tuple[dict[str, FlagScore], FlagScore]:
    """Scores of every flag of the taxonomy, and of all of them together.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Whose flags are labelled.
    """
    np = require("numpy", extra="ml")
    ids = load_taxonomy().ids
    index = {flag: number for number, flag in enumerate(ids)}

    def each(outcome: Outcome) -> Iterable[tuple[int, bool, bool]]:
        truth = outcome.truth or frozenset()
        return [(index[flag], flag in truth, flag in outcome.guess) for flag in truth | outcome.guess.keys()]

    cells = _cells(outcomes, len(ids), each)
    cells = np.concatenate([cells, cells.sum(axis=1, keepdims=True)], axis=1)
    groups = [outcome.group for outcome in outcomes]
    areas = flag_auprc(outcomes)
    scores = []
    for column, (counts, ci95) in enumerate(zip(_summed(cells), score_intervals(groups, cells), strict=True)):
        carriers = {group for group, row in zip(groups, cells[:, column], strict=True) if row[0] + row[2]}
        enough = counts.support >= MIN_SUPPORT and len(carriers) >= MIN_GROUPS
        area, edges = areas.get(ids[column], (None, None)) if column < len(ids) else (None, None)
        scores.append(FlagScore(counts, ci95, "ok" if enough else "insufficient", area, edges))
    return dict(zip(ids, scores, strict=False)), scores[-1]


def yes_or_no(outcomes: Sequence[Outcome], truth: Sequence[bool], guess: Sequence[bool]) -> tuple[Counts, Intervals]:
    """Counts and intervals of one question that each note answers."""
    pairs = {id(outcome): (0, true, guessed) for outcome, true, guessed in zip(outcomes, truth, guess, strict=True)}
    cells = _cells(outcomes, 1, lambda outcome: [pairs[id(outcome)]])
    return _summed(cells)[0], score_intervals([outcome.group for outcome in outcomes], cells)[0]


def macro(per_flag: Mapping[str, FlagScore]) -> dict[str, float] | None:
    """Means over the flags that occur; None where none does.

    Examples
    --------
    >>> macro({"SH-001": FlagScore(Counts(1, 0, 1), Intervals(None, None, None), "ok", auprc=0.5)})["auprc"]
    0.5
    """
    carried = [score for score in per_flag.values() if score.counts.support]
    if not carried:
        return None
    means = {name: sum(getattr(each.counts, name) for each in carried) / len(carried) for name in ("precision", "recall", "f1")}
    areas = [each.auprc for each in carried if each.auprc is not None]
    if areas:
        means["auprc"] = sum(areas) / len(areas)
    return {**means, "flags": len(carried)}
