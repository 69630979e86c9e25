"""From judgements to labels: the labelled note that the next evaluation reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from bh_lib.errors import InputError
from bh_lib.evaluate.feedback.judgement import Claim, Mark, NoteReview, Reason, Verdict
from bh_lib.evaluate.outcome import true_flags
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.note import LabelledNote, Span
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["labelled"]

# What a dismissal says of the mention itself. The other reasons say that there is no mention at all.
_SAYS: Final[Mapping[Reason, Mapping[str, Any]]] = {
    Reason.DENIED: {"assertion": Assertion.NEGATED},
    Reason.HYPOTHETICAL: {"assertion": Assertion.HYPOTHETICAL},
    Reason.PAST: {"temporality": Temporality.HISTORICAL},
    Reason.SOMEONE_ELSE: {"experiencer": Experiencer.OTHER},
}
_HELD_AS_MENTION: Final = frozenset({"negated", "hypothetical", "historical", "other_person"})


def _spans(mark: Mark, claim: Claim) -> tuple[Span, ...]:
    return tuple(
        Span(claim.flag_id, start, end, claim.assertion, claim.temporality, claim.experiencer) for start, end in mark.places
    )


def _judged(mark: Mark) -> Iterator[tuple[bool, tuple[Span, ...]]]:
    """Whether the flag stands, and its mentions; nothing where the judgement leaves no mention."""
    if mark.verdict in (Verdict.CORRECTED, Verdict.ADDED):
        spans = _spans(mark, mark.claim)
        yield bool(true_flags(LabelledNote("", "", spans=spans))), spans
    elif mark.verdict is Verdict.ACCEPTED and (mark.raised or mark.held_back in _HELD_AS_MENTION):
        yield mark.raised, _spans(mark, mark.claim)
    elif mark.reason is Reason.NOT_NEEDED:
        yield True, _spans(mark, mark.claim)
    elif mark.reason is not None and mark.reason in _SAYS:
        spans = _spans(mark, replace(mark.claim, **_SAYS[mark.reason]))
        # A past attempt is a flag of its own (SH-008), so as a mention it would say the contrary of the dismissal.
        if not true_flags(LabelledNote("", "", spans=spans)):
            yield False, spans


def labelled(note: LabelledNote, state: NoteReview) -> LabelledNote:
    """The note with the labels that its review gave it.

    A flag stands where it was accepted, corrected to something that stands, added, or dismissed as true but not needed. A
    dismissal as denied, hypothetical, past or somebody else's is kept as a mention of that kind, and the flag does not stand. What
    the sentinel held back is a mention only where the reviewer looked at it and said so.

    Raises
    ------
    InputError
        If the review isn't done, or is of another note.

    Examples
    --------
    >>> seen = {"flags": [{"flag_id": "SH-002", "spans": [{"start": 7, "end": 9}]}], "suppressed": []}
    >>> state = NoteReview.propose("n1", 10, seen).dismiss(0, Reason.DENIED).finish()
    >>> label = labelled(LabelledNote("n1", "Denies SI."), state)
    >>> label.flags, label.spans[0].assertion.value
    ((), 'negated')
    """
    if (note.note_id, len(note.text)) != (state.note_id, state.length):
        raise InputError("the review is of another note")
    if not state.done:
        raise InputError("the review of this note isn't done")
    found = [each for mark in state.marks for each in _judged(mark)]
    standing = {span.flag_id for stands, spans in found if stands for span in spans}
    return replace(
        note,
        flags=tuple(flag for flag in load_taxonomy().ids if flag in standing),
        spans=tuple(dict.fromkeys(span for _, spans in found for span in spans)),
        any_signal=None,
    )
