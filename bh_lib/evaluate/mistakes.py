"""What to look at first: each mistake by id, flag and place, never by text."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from bh_lib._jsonl import write_jsonl
from bh_lib.evaluate.outcome import Outcome
from bh_lib.schema.taxonomy import Severity, load_taxonomy

__all__ = ["Kind", "Mistake", "mistakes", "write_mistakes"]


class Kind(IntEnum):
    """How a system can be wrong; a miss comes before a false alarm."""

    MISS = 0
    LEVEL = 1
    FALSE_ALARM = 2


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake.

    Attributes
    ----------
    note_id : str
    kind : Kind
    flag_id : str or None
        None for a wrong C-SSRS level.
    spans : tuple of (start, end)
        Where the label stands for a miss, where the flag was raised for a false alarm; indices into the note's text.
    why : str or None
        The reason for which the flag was suppressed, where it was.
    levels : (true, guessed) or None
    """

    note_id: str
    kind: Kind
    severity: Severity
    flag_id: str | None = None
    spans: tuple[tuple[int, int], ...] = ()
    why: str | None = None
    levels: tuple[int, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """A line of ``errors.jsonl``."""
        shape: dict[str, Any] = {"id": self.note_id, "kind": self.kind.name.lower(), "severity": self.severity.name}
        if self.flag_id is not None:
            shape |= {"flag_id": self.flag_id, "spans": [{"start": start, "end": end} for start, end in self.spans]}
        if self.why:
            shape["suppressed"] = self.why
        if self.levels is not None:
            shape["c_ssrs"] = {"truth": self.levels[0], "guess": self.levels[1]}
        return shape


def _level_severity(true: int, guessed: int) -> Severity:
    """A grave level that was missed counts as critical; one that was only named wrongly, less."""
    if true >= 2 and guessed < true:
        return Severity.CRITICAL if guessed < 2 or true - guessed > 1 else Severity.HIGH
    return Severity.HIGH if abs(true - guessed) > 1 else Severity.MEDIUM


def _of(outcome: Outcome) -> Iterable[Mistake]:
    taxonomy = load_taxonomy()
    if outcome.truth is not None:
        for flag in sorted(outcome.truth - outcome.guess.keys()):
            places = tuple((span.start, span.end) for span in outcome.spans if span.flag_id == flag)
            yield Mistake(outcome.note_id, Kind.MISS, taxonomy[flag].severity, flag, places, outcome.suppressed.get(flag))
        for flag in sorted(outcome.guess.keys() - outcome.truth):
            yield Mistake(outcome.note_id, Kind.FALSE_ALARM, taxonomy[flag].severity, flag, outcome.raised.get(flag, ()))
    if outcome.truth_level is not None and outcome.guess_level is not None and outcome.truth_level != outcome.guess_level:
        levels = (outcome.truth_level, outcome.guess_level)
        yield Mistake(outcome.note_id, Kind.LEVEL, _level_severity(*levels), levels=levels)
    if outcome.any_signal is not None and outcome.guess_level is not None and outcome.any_signal != (outcome.guess_level >= 1):
        kind = Kind.MISS if outcome.any_signal else Kind.FALSE_ALARM
        yield Mistake(outcome.note_id, kind, Severity.HIGH)


def mistakes(outcomes: Iterable[Outcome]) -> list[Mistake]:
    """Every mistake, in the order in which to look: misses of critical flags first, then by kind and severity.

    Examples
    --------
    >>> wrong = Outcome("n", frozenset({"SH-005"}), {"CD-003": 0.8})
    >>> [(each.kind.name, each.flag_id) for each in mistakes([wrong])]
    [('MISS', 'SH-005'), ('FALSE_ALARM', 'CD-003')]
    """
    found = [mistake for outcome in outcomes for mistake in _of(outcome)]
    return sorted(found, key=lambda each: (each.kind, -each.severity, each.flag_id or "", each.note_id))


def write_mistakes(path: str | os.PathLike[str], outcomes: Iterable[Outcome]) -> int:
    """Write ``errors.jsonl``; returns how many mistakes."""
    return write_jsonl(path, (mistake.to_dict() for mistake in mistakes(outcomes)))
