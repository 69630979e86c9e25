"""What a model has to hold before it becomes the champion; a gate that refuses says which part failed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bh_lib.errors import GateError
from bh_lib.evaluate import (
    Calibration,
    Difference,
    Outcome,
    calibration,
    compare,
    compare_calibration,
    critical_cells,
    flag_cells,
    pair,
)
from bh_lib.evaluate.file import Analyzer
from bh_lib.schema.note import LabelledNote

__all__ = ["GateCheck", "Judged", "gate", "judge", "require_gate"]

LARGEST_ECE: Final = 0.10
SLOWER: Final = 2.0
LEAST_NOTES: Final = 30


@dataclass(frozen=True, slots=True)
class Judged:
    """A system's answers to a corpus, and how long each took."""

    outcomes: tuple[Outcome, ...]
    seconds_per_note: float

    @property
    def calibration(self) -> Calibration | None:
        """Of the flags that were raised."""
        raised = [(conf, flag in (o.truth or ())) for o in self.outcomes for flag, conf in o.guess.items()]
        return calibration([conf for conf, _ in raised], [hit for _, hit in raised])


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One condition, whether it held, and the figures it was judged by."""

    name: str
    held: bool
    figures: str


def judge(notes: Sequence[LabelledNote], system: Analyzer) -> Judged:
    """Let a system answer a corpus."""
    texts = [note.text for note in notes]
    system.analyze_batch(texts[:1])  # the first call also warms up
    started = time.perf_counter()
    analyses = system.analyze_batch(texts)
    seconds = time.perf_counter() - started
    return Judged(tuple(pair(notes, analyses)), seconds / max(len(notes), 1))


def _told(name: str, found: Difference, sign: int = 1) -> GateCheck:
    low, high = found.ci95
    figures = f"{sign * found.second:.3f} against {sign * found.first:.3f}, "
    edges = (low, high) if sign > 0 else (-high, -low)
    return GateCheck(name, not found.worse, f"{figures}difference {edges[0]:+.3f} to {edges[1]:+.3f}")


def _beside(candidate: Judged, other: Judged, name: str) -> list[GateCheck]:
    mine, theirs = candidate.outcomes, other.outcomes
    return [
        _told(f"critical sensitivity not worse than {name}", compare(theirs, mine, critical_cells, "recall")),
        _told(f"micro-F1 not worse than {name}", compare(theirs, mine, flag_cells, "f1")),
    ]


def gate(candidate: Judged, champion: Judged | None, rules: Judged, *, checked: GateCheck | None = None) -> list[GateCheck]:
    """Hold a candidate against the champion, and against the sentinel without any model.

    A candidate is worse where a paired bootstrap by seed family says so beyond doubt: the whole 95 % interval of the difference is
    on the wrong side. Critical PPV is held to the champion's alone: what a model finds beyond the rules costs some alarms, and F1
    bounds that cost.

    Parameters
    ----------
    candidate, champion, rules : Judged
        On the same notes, in the same order; ``champion`` is None where there is none yet.
    checked : GateCheck, optional
        Whether the notes themselves held all critical expectations.
    """
    enough = len(candidate.outcomes) >= LEAST_NOTES
    checks = [GateCheck("enough notes", enough, f"{len(candidate.outcomes)}, of at least {LEAST_NOTES}")]
    if checked is not None:
        checks.append(checked)
    checks += _beside(candidate, rules, "the rules alone")
    mine = candidate.calibration
    if mine is not None:
        checks.append(GateCheck("calibration", mine.ece <= LARGEST_ECE, f"ECE {mine.ece:.3f}, at most {LARGEST_ECE:.3f}"))
    if champion is None:
        return checks
    checks += _beside(candidate, champion, "the champion")
    ppv = compare(champion.outcomes, candidate.outcomes, critical_cells, "precision")
    checks.append(_told("critical PPV not worse than the champion", ppv))
    errors = compare_calibration(champion.outcomes, candidate.outcomes)
    if errors is not None:
        checks.append(_told("calibration not worse than the champion", errors, sign=-1))
    ratio = candidate.seconds_per_note / max(champion.seconds_per_note, 1e-9)
    checks.append(GateCheck("latency", ratio <= SLOWER, f"{ratio:.2f} times the champion's, at most {SLOWER}"))
    return checks


def require_gate(checks: Sequence[GateCheck]) -> None:
    """Let a candidate through whose checks all held.

    Raises
    ------
    GateError
        Naming each check that failed, with its figures.

    Examples
    --------
    >>> require_gate([GateCheck("calibration", False, "ECE 0.300, at most 0.100")])
    Traceback (most recent call last):
    ...
    bh_lib.errors.GateError: not promoted: calibration (ECE 0.300, at most 0.100)
    """
    failed = [f"{check.name} ({check.figures})" for check in checks if not check.held]
    if failed:
        raise GateError("not promoted: " + "; ".join(failed))
