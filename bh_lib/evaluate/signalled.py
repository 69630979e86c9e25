"""Yes-or-no questions about a whole note: is there any signal, and is there a critical one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bh_lib.evaluate.counts import Counts
from bh_lib.evaluate.decision import PREVALENCES, at_prevalence
from bh_lib.evaluate.flagged import yes_or_no
from bh_lib.evaluate.outcome import Outcome, signals
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["Question", "any_signal", "critical", "prevalence_table", "signal_question"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the notes that answer it, and both answers; ``basis`` names the label that the truth was read from."""

    basis: str
    outcomes: tuple[Outcome, ...]
    truth: tuple[bool, ...]
    guess: tuple[bool, ...]


def signal_question(outcomes: Sequence[Outcome]) -> Question | None:
    """Whether a note shows any sign at all, by the label that most notes carry; None where there is no label."""
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
    return Question(basis, tuple(chosen), tuple(truth), tuple(guess))


def _critical_question(outcomes: Sequence[Outcome]) -> Question:
    grave = frozenset(load_taxonomy().critical)
    truth = tuple(bool(grave & (o.truth or frozenset())) for o in outcomes)
    return Question("flags", tuple(outcomes), truth, tuple(bool(grave & o.guess.keys()) for o in outcomes))


def any_signal(question: Question | None) -> dict[str, Any] | None:
    """``any_signal`` of ``metrics.json``."""
    if question is None:
        return None
    counts, ci95 = yes_or_no(question.outcomes, question.truth, question.guess)
    shape = counts.to_dict()
    if "recall" in shape:
        shape["sensitivity"] = shape["recall"]
    if "precision" in shape:
        shape["ppv"] = shape["precision"]
    return {**shape, "ci95": ci95.to_dict(), "n": len(question.outcomes), "basis": question.basis}


def critical(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """``critical`` of ``metrics.json``: by note, and by flag and note."""
    asked = _critical_question(outcomes)
    notes, ci95 = yes_or_no(outcomes, asked.truth, asked.guess)
    grave = frozenset(load_taxonomy().critical)
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


def prevalence_table(
    flagged: Sequence[Outcome], question: Question | None, prevalences: Sequence[float] = PREVALENCES
) -> dict[str, Any]:
    """PPV and NPV of both questions where signals are as common as stated; a question that the notes don't answer is left out."""
    asked = {"any_signal": question, "critical": _critical_question(flagged) if flagged else None}
    found = {
        name: at_prevalence([o.group for o in each.outcomes], each.truth, each.guess, prevalences)
        for name, each in asked.items()
        if each is not None
    }
    return {name: table for name, table in found.items() if table is not None}
