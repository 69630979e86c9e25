"""How accurate a system is on labelled notes: every score of ``metrics.json``, each absent where its label is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bh_lib.evaluate.calibration import Calibration, calibration
from bh_lib.evaluate.cssrs import Ordinal, ordinal
from bh_lib.evaluate.decision import PREVALENCES, alert_budget, net_benefit
from bh_lib.evaluate.flagged import MIN_GROUPS, MIN_SUPPORT, FlagScore, flag_scores, macro
from bh_lib.evaluate.layers import layer_agreement
from bh_lib.evaluate.outcome import Outcome, pair, signals
from bh_lib.evaluate.ranking import pr_curves
from bh_lib.evaluate.robustness import Flips
from bh_lib.evaluate.signalled import any_signal, critical, prevalence_table, signal_question
from bh_lib.evaluate.slices import slices
from bh_lib.schema.note import LabelledNote

__all__ = ["MIN_GROUPS", "MIN_SUPPORT", "FlagScore", "Metrics", "corpus_digest", "evaluate", "evaluate_outcomes"]


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
    prevalence : Mapping
        PPV and NPV at stated prevalences, of ``any_signal`` and ``critical``: see `at_prevalence`.
    net_benefit, alert_budget : list
        Of alerts on notes with a critical flag; empty where flags aren't labelled.
    layers : Mapping
        Raised flags by the set of layers behind them: see `layer_agreement`.
    pr_curves : Mapping
        Points (recall, precision) of ``critical`` notes and of all ``flags``.
    ranked_by : str or None
        ``confidence``, or ``confidence and classifier`` where a classifier also scored what it did not raise.
    robustness : Mapping of str to Flips, or None
        Where it was asked for.
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
    prevalence: Mapping[str, Any] = field(default_factory=dict)
    net_benefit: Sequence[Mapping[str, float]] = ()
    alert_budget: Sequence[Mapping[str, float]] = ()
    layers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pr_curves: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    ranked_by: str | None = None
    robustness: Mapping[str, Flips] | None = None

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
        # What could not be measured is left out, here as everywhere.
        found: dict[str, Any] = {
            "prevalence": dict(self.prevalence),
            "net_benefit": [dict(row) for row in self.net_benefit],
            "alert_budget": [dict(row) for row in self.alert_budget],
            "layers": {name: dict(row) for name, row in self.layers.items()},
            "pr_curves": {name: [list(point) for point in points] for name, points in self.pr_curves.items()},
            "ranked_by": self.ranked_by,
            "robustness": {name: flips.to_dict() for name, flips in (self.robustness or {}).items()},
        }
        shape |= {key: value for key, value in found.items() if value}
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


def evaluate_outcomes(
    outcomes: Sequence[Outcome], digest: str, *, seconds: float | None = None, prevalences: Sequence[float] = PREVALENCES
) -> Metrics:
    """As `evaluate`, from notes and analyses that stand beside each other already."""
    flagged = [outcome for outcome in outcomes if outcome.truth is not None]
    levels = [o for o in outcomes if o.truth_level is not None and o.guess_level is not None]
    raised = [(conf, flag in (o.truth or ())) for o in flagged for flag, conf in o.guess.items()]
    per_flag, micro = flag_scores(flagged) if flagged else (None, None)
    per_thousand = 1000 / len(outcomes) if outcomes else 0.0
    asked = signal_question(outcomes)
    return Metrics(
        len(outcomes),
        digest,
        sum(bool(signals(o.guess)) for o in outcomes) * per_thousand,
        sum(o.immediate for o in outcomes) * per_thousand,
        per_flag,
        micro,
        macro(per_flag) if per_flag is not None else None,
        any_signal(asked),
        critical(flagged) if flagged else None,
        ordinal([o.truth_level or 0 for o in levels], [o.guess_level or 0 for o in levels]) if levels else None,
        calibration([conf for conf, _ in raised], [hit for _, hit in raised]),
        slices(outcomes),
        len(outcomes) / seconds if seconds else None,
        prevalence_table(flagged, asked, prevalences),
        net_benefit(flagged),
        alert_budget(flagged),
        layer_agreement(flagged),
        pr_curves(flagged),
        ("confidence and classifier" if any(o.scores for o in flagged) else "confidence") if flagged else None,
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
