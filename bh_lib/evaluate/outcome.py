"""One note, what is known of it, and what a system said: the row that every metric reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bh_lib.errors import InputError
from bh_lib.evaluate.cssrs import ordinal_level
from bh_lib.evaluate.traits import pronoun_of, shorthand_of
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.note import LabelledNote, Span
from bh_lib.schema.taxonomy import Severity, load_taxonomy

__all__ = ["Outcome", "as_analysis", "pair", "true_flags"]

_STANDS = frozenset({Assertion.PRESENT, Assertion.POSSIBLE})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A note's labels beside a system's answer; it holds no text.

    Attributes
    ----------
    note_id : str
    truth : frozenset of str or None
        Flag ids that stand in the note; None where flags are not labelled.
    guess : Mapping of str to float
        Flag ids that were raised, each with its confidence (0-1).
    truth_level, guess_level : int or None
        C-SSRS level 0-6, as in `ordinal_level`.
    any_signal : bool or None
        The label of the whole note, where a corpus says no more than that.
    immediate : bool
        Whether the answer asks for immediate review.
    group : str
        The unit that is resampled; the note itself where no family is known.
    layers : Mapping of str to tuple of str
        The layers that raised each flag.
    scores : Mapping of str to float
        A classifier's highest score of a flag in the note, for flags that it can raise; empty without a classifier.
    pronoun, shorthand : str or None
        How the text is written, as in `pronoun_of` and `shorthand_of`.
    """

    note_id: str
    truth: frozenset[str] | None
    guess: Mapping[str, float]
    truth_level: int | None = None
    guess_level: int | None = None
    any_signal: bool | None = None
    immediate: bool = False
    register: str | None = None
    group: str = ""
    length: int = 0
    spans: tuple[Span, ...] = ()
    raised: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    suppressed: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    pronoun: str | None = None
    shorthand: str | None = None


def as_analysis(analysis: object) -> Mapping[str, Any]:
    """The JSON shape of an analysis, from an object with ``to_dict`` or from that shape itself.

    Raises
    ------
    InputError
        If it is neither, or the shape lacks ``flags``.

    Examples
    --------
    >>> as_analysis({"flags": []})
    {'flags': []}
    """
    shape = analysis.to_dict() if hasattr(analysis, "to_dict") else analysis
    if not isinstance(shape, Mapping) or not isinstance(shape.get("flags"), Sequence):
        raise InputError("an analysis is an object with a list of flags, as in schema/analysis")
    return shape


def true_flags(note: LabelledNote) -> frozenset[str] | None:
    """The flags that stand in a note: as labelled, or else from its spans; None where neither is labelled.

    From spans: present or possible, in the patient, and not long past, but for a past that is itself the flag (SH-008).

    Examples
    --------
    >>> true_flags(LabelledNote("n", "Denies SI.", spans=(Span("SH-002", 0, 9, Assertion.NEGATED),)))
    frozenset()
    >>> true_flags(LabelledNote("n", "Denies SI.")) is None
    True
    """
    if note.flags is not None:
        return frozenset(note.flags)
    if note.spans is None:
        return None
    return frozenset(
        span.flag_id
        for span in note.spans
        if span.assertion in _STANDS
        and span.experiencer is Experiencer.PATIENT
        and (span.temporality is not Temporality.HISTORICAL or span.flag_id == "SH-008")
    )


def _outcome(note: LabelledNote, analysis: Mapping[str, Any], scores: Mapping[str, float]) -> Outcome:
    answered = analysis.get("id")
    if answered is not None and answered != note.note_id:
        raise InputError("analyses must stand in the order of their notes: an id differs")
    flags = analysis["flags"]
    summary = analysis.get("summary") or {}
    return Outcome(
        note.note_id,
        true_flags(note),
        {flag["flag_id"]: float(flag.get("confidence", 1.0)) for flag in flags},
        note.c_ssrs_level,
        ordinal_level(analysis["c_ssrs"]) if analysis.get("c_ssrs") else None,
        note.any_signal,
        bool(summary.get("immediate_review", False)),
        note.register,
        note.group if note.group is not None else f"note:{note.note_id}",
        len(note.text),
        note.spans or (),
        {flag["flag_id"]: tuple((span["start"], span["end"]) for span in flag.get("spans", ())) for flag in flags},
        {entry["flag_id"]: str(entry.get("reason", "")) for entry in analysis.get("suppressed", ())},
        {flag["flag_id"]: tuple(flag.get("layers", ())) for flag in flags},
        scores,
        pronoun_of(note.text),
        shorthand_of(note.text),
    )


def pair(
    notes: Iterable[LabelledNote], analyses: Sequence[object], scores: Sequence[Mapping[str, float]] | None = None
) -> list[Outcome]:
    """Put each note beside its analysis, in order.

    Parameters
    ----------
    notes : iterable of LabelledNote
    analyses : sequence of Analysis, or of its JSON shape
    scores : sequence of mapping of str to float, optional
        A classifier's score of each flag, a note each, as `classifier_scores` makes them.

    Raises
    ------
    InputError
        If there are not as many analyses or scores as notes, an id differs, or an analysis has not its shape.
    """
    listed = list(notes)
    told = [{}] * len(listed) if scores is None else scores
    if len(listed) != len(analyses):
        raise InputError(f"there are {len(listed)} notes and {len(analyses)} analyses: one of each is needed")
    if len(told) != len(listed):
        raise InputError("scores are one mapping a note, in the same order")
    return [_outcome(note, as_analysis(each), own) for note, each, own in zip(listed, analyses, told, strict=True)]


def signals(flags: Iterable[str]) -> frozenset[str]:
    """Without protective factors, which are no alarm."""
    taxonomy = load_taxonomy()
    return frozenset(flag for flag in flags if taxonomy[flag].severity is not Severity.POSITIVE)
