"""Ordinal scores of the C-SSRS level of a note: 0 none, 1-5 ideation, 6 any suicidal behavior."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bh_lib.errors import InputError
from bh_lib.evaluate.counts import Counts

__all__ = ["LEVELS", "Ordinal", "confusion", "ordinal", "ordinal_level", "quadratic_weighted_kappa"]

LEVELS: Final = 7


def ordinal_level(c_ssrs: Mapping[str, Any]) -> int:
    """The level 0-6 of an analysis' ``c_ssrs`` block; self-injury without suicidal intent is no suicidal behavior.

    Examples
    --------
    >>> ordinal_level({"ideation_level": 2, "behavior": []})
    2
    >>> ordinal_level({"ideation_level": 2, "behavior": [{"kind": "preparatory", "window": "<=1mo"}]})
    6
    >>> ordinal_level({"ideation_level": 0, "behavior": [{"kind": "nssi", "window": "unknown"}]})
    0
    """
    kinds = {entry["kind"] if isinstance(entry, Mapping) else str(entry) for entry in c_ssrs.get("behavior") or ()}
    return 6 if kinds - {"nssi"} else int(c_ssrs.get("ideation_level") or 0)


def confusion(truth: Sequence[int], guess: Sequence[int]) -> list[list[int]]:
    """Counts with the true level as row and the guessed level as column, 7 x 7.

    Raises
    ------
    InputError
        If the lengths differ or a level is not 0-6.
    """
    if len(truth) != len(guess) or not all(0 <= level < LEVELS for level in (*truth, *guess)):
        raise InputError("truth and guess are as many levels, each from 0 to 6")
    table = [[0] * LEVELS for _ in range(LEVELS)]
    for true, guessed in zip(truth, guess, strict=True):
        table[true][guessed] += 1
    return table


def quadratic_weighted_kappa(table: Sequence[Sequence[int]]) -> float:
    """Cohen's kappa with weights that grow by the square of the distance (Cohen, 1968); NaN where chance leaves nothing.

    Examples
    --------
    >>> quadratic_weighted_kappa([[5, 0], [0, 5]]), quadratic_weighted_kappa([[0, 5], [5, 0]])
    (1.0, -1.0)
    """
    size = range(len(table))
    rows = [sum(row) for row in table]
    columns = [sum(table[i][j] for i in size) for j in size]
    total = sum(rows)
    if not total:
        return math.nan
    seen = sum((i - j) ** 2 * table[i][j] for i in size for j in size)
    chance = sum((i - j) ** 2 * rows[i] * columns[j] / total for i in size for j in size)
    return 1 - seen / chance if chance else math.nan


@dataclass(frozen=True, slots=True)
class Ordinal:
    """How near the guessed levels come to the true ones.

    Attributes
    ----------
    qwk : float
        Quadratic weighted kappa over 0-6; NaN where it is not defined.
    mae : float
        Mean absolute error, in levels.
    off_by_more_than_one : float
        Share of notes.
    at_least : Mapping of int to Counts
        For 3, 4 and 5: notes at or above the level, as a yes or no.
    """

    n: int
    qwk: float
    mae: float
    off_by_more_than_one: float
    at_least: Mapping[int, Counts]
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """As in ``metrics.json``; what is not defined is left out."""
        shape: dict[str, Any] = {"n": self.n}
        if not math.isnan(self.qwk):
            shape["qwk"] = self.qwk
        shape |= {"mae": self.mae, "off_by_more_than_one": self.off_by_more_than_one}
        for level, counts in self.at_least.items():
            if counts.support:
                shape[f"sensitivity_ge{level}"] = counts.recall
            if counts.tp + counts.fp:
                shape[f"ppv_ge{level}"] = counts.precision
        shape["confusion"] = [list(row) for row in self.confusion]
        return shape


def ordinal(truth: Sequence[int], guess: Sequence[int]) -> Ordinal:
    """Score levels.

    Raises
    ------
    InputError
        If there is no level, the lengths differ, or a level is not 0-6.

    Examples
    --------
    >>> scores = ordinal([0, 2, 5, 6], [0, 3, 5, 0])
    >>> scores.mae, scores.off_by_more_than_one, scores.at_least[4].recall
    (1.75, 0.25, 0.5)
    """
    if not truth:
        raise InputError("no note has a C-SSRS level")
    table = confusion(truth, guess)
    distances = [abs(true - guessed) for true, guessed in zip(truth, guess, strict=True)]
    return Ordinal(
        len(truth),
        quadratic_weighted_kappa(table),
        sum(distances) / len(truth),
        sum(distance > 1 for distance in distances) / len(truth),
        {level: Counts.of([true >= level for true in truth], [guessed >= level for guessed in guess]) for level in (3, 4, 5)},
        tuple(tuple(row) for row in table),
    )
