"""Brings the layers' mentions together. The mention stays the atom: nothing is weakened by what stands elsewhere in the text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.mention import Mention

__all__ = ["merge"]

# A paranoid delusion is told as paranoia; the word "delusions" in it says nothing besides.
_HOLDS: Final = frozenset({("CD-005c", "CD-005d")})

# Where a pattern saw the subject of a sentence denied, a model's word on the same subject in that sentence is the same denial.
_ONE_SUBJECT = frozenset({"self_harm", "harm_to_others"})


def merge(pattern: Sequence[Mention], transformer: Iterable[Mention] = ()) -> list[Mention]:
    """All mentions of both layers, in order of place.

    An attempt that its own words call aborted or interrupted is no actual attempt. A pattern's mention that lies wholly inside a
    longer one of the same flag, or of the self-harm domain, says no more than the longer one ("passive SI" holds "SI") and is
    absorbed, where both are raised or neither is. A model's mention of a sentence is suppressed with a pattern's reason where
    patterns saw its subject there and raised none of it; a confident "no" of the model takes nothing away.

    Examples
    --------
    >>> denied = Mention("SH-002", 0, 10, 0, reason="negated")
    >>> [m.reason for m in merge([denied], [Mention("SH-001", 0, 20, 0, layer="transformer")])]
    ['negated', 'negated']
    >>> [m.flag_id for m in merge([Mention("SH-001", 0, 10, 0), Mention("SH-002", 8, 10, 0)])]
    ['SH-001']
    """
    kept = _absorbed(pattern)
    by_sentence: dict[tuple[int, str], list[Mention]] = defaultdict(list)
    for mention in kept:
        by_sentence[mention.sentence, _subject(mention.flag_id)].append(mention)
    judged = [_judged(mention, by_sentence[mention.sentence, _subject(mention.flag_id)]) for mention in transformer]
    return sorted([*kept, *judged], key=lambda m: (m.start, m.end, m.flag_id, m.layer))


def _subject(flag_id: str) -> str:
    domain = load_taxonomy()[flag_id].domain
    return domain if domain in _ONE_SUBJECT else flag_id


def _judged(mention: Mention, beside: Sequence[Mention]) -> Mention:
    if not beside or any(other.raised for other in beside):
        return mention
    shown = beside[0]
    return replace(
        mention,
        assertion=shown.assertion,
        temporality=shown.temporality,
        experiencer=shown.experiencer,
        reason=shown.reason,
        cues=(*mention.cues, *shown.cues[1:]),
    )


def _absorbed(mentions: Sequence[Mention]) -> list[Mention]:
    by_sentence: dict[int, list[Mention]] = defaultdict(list)
    for mention in mentions:
        by_sentence[mention.sentence].append(mention)
    kept: list[Mention] = []
    for group in by_sentence.values():
        # Longest first, then the surest, so that what absorbs is seen before what it absorbs.
        own: list[Mention] = []
        for mention in sorted(group, key=lambda m: (m.start - m.end, -m.confidence)):
            if not any(_absorbs(longer, mention) for longer in own) and not any(_never_done(other, mention) for other in group):
                own.append(mention)
        kept += own
    return kept


def _never_done(other: Mention, mention: Mention) -> bool:
    """Whether "attempt by hanging" is only part of "aborted attempt": one act, told as not carried out."""
    return (
        mention.flag_id == "SH-008"
        and other.behavior in ("aborted", "interrupted")
        and other.start < mention.end
        and mention.start < other.end
    )


def _absorbs(longer: Mention, mention: Mention) -> bool:
    if not longer.start <= mention.start <= mention.end <= longer.end or longer.raised != mention.raised:
        return False
    if longer.flag_id == mention.flag_id:
        return True
    if (longer.flag_id, mention.flag_id) in _HOLDS:
        return True
    wider = longer.end - longer.start > mention.end - mention.start
    return wider and _subject(longer.flag_id) == _subject(mention.flag_id) == "self_harm"
