"""What a model has to hold before it becomes the champion; a gate that refuses says which part failed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bh_lib.errors import GateError
from bh_lib.evaluate import Calibration, Outcome, calibration, compare, critical_cells, flag_cells, pair
from bh_lib.evaluate.file import Analyzer
from bh_lib.schema.note import LabelledNote

__all__ = ["GateCheck", "Judged", "gate", "judge", "require_gate"]

LARGEST_ECE: Final = 0.10
MORE_ECE: Final = 0.02
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


def gate(candidate: Judged, champion: Judged | None, rules: Judged) -> list[GateCheck]:
    """Hold a candidate against the champion, and against the sentinel without any model.

    Parameters
    ----------
    candidate, champion, rules : Judged
        On the same notes, in the same order; ``champion`` is None where there is none yet.
    """
    checks = [
        GateCheck("enough notes", len(candidate.outcomes) >= LEAST_NOTES, f"{len(candidate.outcomes)}, of at least {LEAST_NOTES}")
    ]
    for name, other in (("the rules alone", rules), ("the champion", champion)):
        if other is None:
            continue
        found = compare(other.outcomes, candidate.outcomes, critical_cells, "recall")
        low, high = found.ci95
        figures = f"{found.second:.3f} against {found.first:.3f}, difference {low:+.3f} to {high:+.3f}"
        checks.append(GateCheck(f"critical sensitivity not worse than {name}", not found.worse, figures))
        found = compare(other.outcomes, candidate.outcomes, flag_cells, "f1")
        low, high = found.ci95
        figures = f"{found.second:.3f} against {found.first:.3f}, difference {low:+.3f} to {high:+.3f}"
        checks.append(GateCheck(f"micro-F1 not worse than {name}", not found.worse, figures))
    mine, theirs = candidate.calibration, champion.calibration if champion else None
    if mine is not None:
        bound = LARGEST_ECE if theirs is None else max(LARGEST_ECE, theirs.ece + MORE_ECE)
        checks.append(GateCheck("calibration", mine.ece <= bound, f"ECE {mine.ece:.3f}, at most {bound:.3f}"))
    if champion is not None:
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
