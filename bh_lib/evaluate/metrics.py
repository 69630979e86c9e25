"""How accurate a system is on labelled notes: every score of ``metrics.json``, each absent where its label is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import require
from bh_lib.evaluate.calibration import Calibration, calibration
from bh_lib.evaluate.counts import Counts
from bh_lib.evaluate.cssrs import Ordinal, ordinal
from bh_lib.evaluate.interval import Intervals, score_intervals
from bh_lib.evaluate.outcome import Outcome, pair, signals
from bh_lib.evaluate.slices import slices
from bh_lib.schema.note import LabelledNote
from bh_lib.schema.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MIN_GROUPS", "MIN_SUPPORT", "FlagScore", "Metrics", "corpus_digest", "evaluate", "evaluate_outcomes"]

MIN_SUPPORT: Final = 10
MIN_GROUPS: Final = 5


@dataclass(frozen=True, slots=True)
class FlagScore:
    """One flag's counts and 95 % intervals.

    ``verdict`` is ``insufficient`` where fewer than `MIN_SUPPORT` notes, or notes of fewer than `MIN_GROUPS` seed families,
    carry the flag: such a score is no evidence either way.
    """

    counts: Counts
    ci95: Intervals
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """As in ``metrics.json``."""
        return {**self.counts.to_dict(), "ci95": self.ci95.to_dict(), "verdict": self.verdict}


@dataclass(frozen=True, slots=True)
class Metrics:
    """Scores of one system on one corpus. A field is None where the corpus has no label for it.

    Attributes
    ----------
    n : int
        Notes.
    corpus_digest : str
        ``sha256:`` over the notes, so that two runs can be seen to speak of the same ones.
    any_signal : Mapping or None
        Whether a note shows any sign at all: see `evaluate`.
    critical : Mapping or None
        ``sensitivity`` and ``ppv``: notes with at least one CRITICAL flag against notes in which one was raised;
        ``flag_sensitivity`` and ``flag_ppv`` count each flag of each note.
    alerts_per_1000 : float
        Notes in which anything but a protective factor was raised, a thousand notes.
    immediate_review_per_1000 : float
        Notes that ask for immediate review, a thousand notes.
    notes_per_s : float or None
        Throughput, where it was timed.
    """

    n: int
    corpus_digest: str
    alerts_per_1000: float
    immediate_review_per_1000: float
    per_flag: Mapping[str, FlagScore] | None = None
    micro: FlagScore | None = None
    macro: Mapping[str, float] | None = None
    any_signal: Mapping[str, Any] | None = None
    critical: Mapping[str, Any] | None = None
    c_ssrs: Ordinal | None = None
    calibration: Calibration | None = None
    slices: Mapping[str, Any] = field(default_factory=dict)
    notes_per_s: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The shape of ``metrics.json``, as in ``schema/metrics``."""
        shape: dict[str, Any] = {"schema_version": "1.0", "n": self.n, "corpus_digest": self.corpus_digest}
        if self.per_flag is not None:
            shape["per_flag"] = {flag: score.to_dict() for flag, score in self.per_flag.items()}
        if self.micro is not None:
            shape["micro"] = {key: value for key, value in self.micro.to_dict().items() if key != "verdict"}
        for key in ("macro", "any_signal", "critical"):
            if getattr(self, key) is not None:
                shape[key] = dict(getattr(self, key))
        if self.c_ssrs is not None:
            shape["c_ssrs"] = self.c_ssrs.to_dict()
        if self.calibration is not None:
            shape["calibration"] = self.calibration.to_dict()
        shape |= {"alerts_per_1000": self.alerts_per_1000, "immediate_review_per_1000": self.immediate_review_per_1000}
        shape["slices"] = dict(self.slices)
        if self.notes_per_s is not None:
            shape["speed"] = {"notes_per_s": self.notes_per_s}
        return shape


def corpus_digest(notes: Iterable[LabelledNote]) -> str:
    """A digest of notes and labels, whatever their order.

    Examples
    --------
    >>> a, b = LabelledNote("a", "one"), LabelledNote("b", "two")
    >>> corpus_digest([a, b]) == corpus_digest([b, a]) != corpus_digest([a])
    True
    """
    lines = sorted(json.dumps(note.to_dict(), sort_keys=True, separators=(",", ":")) for note in notes)
    return "sha256:" + hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


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


def _flag_scores(outcomes: Sequence[Outcome]) -> tuple[dict[str, FlagScore], FlagScore]:
    np = require("numpy", extra="ml")
    ids = load_taxonomy().ids
    index = {flag: number for number, flag in enumerate(ids)}

    def each(outcome: Outcome) -> Iterable[tuple[int, bool, bool]]:
        truth = outcome.truth or frozenset()
        return [(index[flag], flag in truth, flag in outcome.guess) for flag in truth | outcome.guess.keys()]

    cells = _cells(outcomes, len(ids), each)
    cells = np.concatenate([cells, cells.sum(axis=1, keepdims=True)], axis=1)
    groups = [outcome.group for outcome in outcomes]
    scores = []
    for column, (counts, ci95) in enumerate(zip(_summed(cells), score_intervals(groups, cells), strict=True)):
        carriers = {group for group, row in zip(groups, cells[:, column], strict=True) if row[0] + row[2]}
        enough = counts.support >= MIN_SUPPORT and len(carriers) >= MIN_GROUPS
        scores.append(FlagScore(counts, ci95, "ok" if enough else "insufficient"))
    return dict(zip(ids, scores, strict=False)), scores[-1]


def _yes_or_no(outcomes: Sequence[Outcome], truth: Sequence[bool], guess: Sequence[bool]) -> tuple[Counts, Intervals]:
    pairs = {id(outcome): (0, true, guessed) for outcome, true, guessed in zip(outcomes, truth, guess, strict=True)}
    cells = _cells(outcomes, 1, lambda outcome: [pairs[id(outcome)]])
    return _summed(cells)[0], score_intervals([outcome.group for outcome in outcomes], cells)[0]


def _any_signal(outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
    labelled = {
        "any_signal": [o for o in outcomes if o.any_signal is not None and o.guess_level is not None],
        "c_ssrs_level": [o for o in outcomes if o.truth_level is not None and o.guess_level is not None],
        "flags": [o for o in outcomes if o.truth is not None],
    }
    basis = max(labelled, key=lambda name: len(labelled[name]))  # the first of those that are labelled most often
    chosen = labelled[basis]
    if not chosen:
        return None
    if basis == "flags":
        truth, guess = [bool(signals(o.truth or ())) for o in chosen], [bool(signals(o.guess)) for o in chosen]
    else:
        guess = [(o.guess_level or 0) >= 1 for o in chosen]
        truth = [bool(o.any_signal) if basis == "any_signal" else (o.truth_level or 0) >= 1 for o in chosen]
    counts, ci95 = _yes_or_no(chosen, truth, guess)
    shape = counts.to_dict()
    if "recall" in shape:
        shape["sensitivity"] = shape["recall"]
    if "precision" in shape:
        shape["ppv"] = shape["precision"]
    return {**shape, "ci95": ci95.to_dict(), "n": len(chosen), "basis": basis}


def _critical(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    grave = frozenset(load_taxonomy().critical)
    truth = [bool(grave & (o.truth or frozenset())) for o in outcomes]
    notes, ci95 = _yes_or_no(outcomes, truth, [bool(grave & o.guess.keys()) for o in outcomes])
    flags = Counts()
    for o in outcomes:
        wanted, raised = grave & (o.truth or frozenset()), grave & o.guess.keys()
        flags += Counts(len(wanted & raised), len(raised - wanted), len(wanted - raised))
    shape: dict[str, Any] = {}
    for prefix, counts in (("", notes), ("flag_", flags)):
        if counts.support:
            shape[f"{prefix}sensitivity"] = counts.recall
        if counts.tp + counts.fp:
            shape[f"{prefix}ppv"] = counts.precision
    renamed = {"sensitivity": ci95.recall, "ppv": ci95.precision}
    return {
        **shape,
        "support": notes.support,
        "ci95": {key: list(found) for key, found in renamed.items() if found is not None},
    }


def _macro(per_flag: Mapping[str, FlagScore]) -> dict[str, float] | None:
    carried = [score.counts for score in per_flag.values() if score.counts.support]
    if not carried:
        return None
    means = {name: sum(getattr(counts, name) for counts in carried) / len(carried) for name in ("precision", "recall", "f1")}
    return {**means, "flags": len(carried)}


def evaluate_outcomes(outcomes: Sequence[Outcome], digest: str, *, seconds: float | None = None) -> Metrics:
    """As `evaluate`, from notes and analyses that stand beside each other already."""
    flagged = [outcome for outcome in outcomes if outcome.truth is not None]
    levels = [o for o in outcomes if o.truth_level is not None and o.guess_level is not None]
    raised = [(conf, flag in (o.truth or ())) for o in flagged for flag, conf in o.guess.items()]
    per_flag, micro = _flag_scores(flagged) if flagged else (None, None)
    per_thousand = 1000 / len(outcomes) if outcomes else 0.0
    return Metrics(
        len(outcomes),
        digest,
        sum(bool(signals(o.guess)) for o in outcomes) * per_thousand,
        sum(o.immediate for o in outcomes) * per_thousand,
        per_flag,
        micro,
        _macro(per_flag) if per_flag is not None else None,
        _any_signal(outcomes),
        _critical(flagged) if flagged else None,
        ordinal([o.truth_level or 0 for o in levels], [o.guess_level or 0 for o in levels]) if levels else None,
        calibration([conf for conf, _ in raised], [hit for _, hit in raised]),
        slices(outcomes),
        len(outcomes) / seconds if seconds else None,
    )


def evaluate(notes: Iterable[LabelledNote], analyses: Sequence[object], *, seconds: float | None = None) -> Metrics:
    """Score a system's analyses against labelled notes.

    What a note doesn't label, it isn't scored on: a score without labels is None, and absent in ``to_dict``, never zero.

    ``any_signal`` is judged on one basis for a corpus, the one that most notes label; among equals, first the note's own
    ``any_signal``, then its C-SSRS level (1 or more), then its flags (any that isn't a protective factor). The guess is a
    C-SSRS level of 1 or more for the first two, and any such flag raised for the last. ``basis`` says which it was.

    Parameters
    ----------
    notes : iterable of LabelledNote
    analyses : sequence of Analysis, or of its JSON shape
        One a note, in the same order.
    seconds : float, optional
        How long the analyses took, for ``speed``.

    Raises
    ------
    InputError
        If there are not as many analyses as notes, or an analysis has another shape or another note's id.

    Examples
    --------
    >>> notes = [LabelledNote("a", "Wants to die.", flags=("SH-001",)), LabelledNote("b", "Slept well.", flags=())]
    >>> raised = {"flags": [{"flag_id": "SH-001", "confidence": 0.9}]}
    >>> metrics = evaluate(notes, [raised, {"flags": []}])
    >>> metrics.micro.counts.f1, metrics.per_flag["SH-001"].verdict, metrics.c_ssrs is None
    (1.0, 'insufficient', True)
    """
    listed = list(notes)
    return evaluate_outcomes(pair(listed, analyses), corpus_digest(listed), seconds=seconds)
