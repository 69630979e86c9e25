"""The same scores on parts of a corpus: a mean can hide a register, or a kind of mention, that fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bh_lib.evaluate.counts import Counts
from bh_lib.evaluate.outcome import Outcome
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.note import Span
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["LENGTHS", "length_of", "mention_kind", "slices"]

LENGTHS: Final = ((0, "0-99"), (100, "100-499"), (500, "500-1999"), (2000, "2000+"))


def length_of(characters: int) -> str:
    """The length class of a note.

    Examples
    --------
    >>> length_of(80), length_of(500)
    ('0-99', '500-1999')
    """
    return next(name for low, name in reversed(LENGTHS) if characters >= low)


def mention_kind(span: Span) -> str:
    """What matters most about how a mention stands: of whom, then whether, then when.

    Examples
    --------
    >>> mention_kind(Span("SH-002", 0, 9, Assertion.NEGATED)), mention_kind(Span("SH-002", 0, 9))
    ('negated', 'present')
    """
    if span.experiencer is not Experiencer.PATIENT:
        return "somebody else"
    if span.assertion is not Assertion.PRESENT:
        return span.assertion.value
    return "historical" if span.temporality is Temporality.HISTORICAL else "present"


def _scores(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    grave = frozenset(load_taxonomy().critical)
    counts, critical = Counts(), Counts()
    for outcome in outcomes:
        truth, guess = outcome.truth or frozenset(), outcome.guess.keys()
        counts += Counts(len(truth & guess), len(guess - truth), len(truth - guess))
        critical += Counts(len(truth & guess & grave), len((guess - truth) & grave), len((truth - guess) & grave))
    shape: dict[str, Any] = {"n": len(outcomes), **counts.to_dict()}
    if critical.support:
        shape["critical_sensitivity"] = critical.recall
    return shape


def _mentions(outcomes: Iterable[Outcome]) -> Mapping[str, Any]:
    """Of mentions of each kind, the share whose flag was raised: to be high where it stands, and low where it doesn't.

    A mention that doesn't stand is left out where its flag stands elsewhere in the same note.
    """
    seen: dict[str, list[int]] = {}
    for outcome in outcomes:
        for span in outcome.spans:
            stands = span.flag_id in (outcome.truth or frozenset())
            kind = mention_kind(span)
            if stands and kind in ("negated", "hypothetical", "somebody else"):
                continue
            tally = seen.setdefault(f"{kind}, {'flag stands' if stands else 'flag does not stand'}", [0, 0])
            tally[0] += 1
            tally[1] += span.flag_id in outcome.guess
    return {kind: {"n": n, "raised": hits / n} for kind, (n, hits) in sorted(seen.items())}


def slices(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Scores by register, length, pronoun and shorthand, and by how a mention stands; a part without labels is left out."""
    flagged = [outcome for outcome in outcomes if outcome.truth is not None]
    shape: dict[str, Any] = {}
    registers = {outcome.register for outcome in flagged if outcome.register is not None}
    if registers:
        shape["register"] = {name: _scores([o for o in flagged if o.register == name]) for name in sorted(registers)}
    if flagged:
        parts = {name: [o for o in flagged if length_of(o.length) == name] for _, name in LENGTHS}
        shape["length"] = {name: _scores(part) for name, part in parts.items() if part}
    for key in ("pronoun", "shorthand"):
        names = {name for outcome in flagged if (name := getattr(outcome, key)) is not None}
        if names:
            shape[key] = {name: _scores([o for o in flagged if getattr(o, key) == name]) for name in sorted(names)}
    mentions = _mentions(flagged)
    if mentions:
        shape["mention"] = dict(mentions)
    return shape
