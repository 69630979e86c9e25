"""What a note's labels are, given its mentions: by rule, so that no two authors decide it differently.

Written from the taxonomy alone. The sentinel derives the same things from what it finds, by code of its own: were this
function shared with it, an error here would be invisible.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.note import Span
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["BEHAVIOR_LEVEL", "c_ssrs_level", "present_flags"]

BEHAVIOR_LEVEL: Final = 6

# "History of suicide attempt" is the one flag whose meaning is the past: a past mention is what makes it present.
_PAST_COUNTS: Final = frozenset({"SH-008"})
_ASSERTED: Final = frozenset({Assertion.PRESENT, Assertion.POSSIBLE})


def _is_so(span: Span) -> bool:
    return span.assertion in _ASSERTED and span.experiencer is Experiencer.PATIENT


def present_flags(spans: Iterable[Span]) -> tuple[str, ...]:
    """The flags that are present in the patient, in taxonomy order.

    A mention counts when it is ``present`` or ``possible``, of the ``patient``, and ``current``, ``recent`` or
    ``unknown``; one of SH-008 counts when ``historical`` too.

    Examples
    --------
    >>> past = Span("SH-008", 0, 4, temporality=Temporality.HISTORICAL)
    >>> denied = Span("SH-002", 5, 9, assertion=Assertion.NEGATED)
    >>> present_flags([past, denied])
    ('SH-008',)
    """
    found = {
        span.flag_id
        for span in spans
        if _is_so(span) and (span.temporality is not Temporality.HISTORICAL or span.flag_id in _PAST_COUNTS)
    }
    return tuple(flag_id for flag_id in load_taxonomy().ids if flag_id in found)


def c_ssrs_level(spans: Iterable[Span]) -> int:
    """The level from 0 to 6: the highest ideation item that is present, or 6 for any suicidal behavior.

    Behavior counts at any time in the patient's life, as the scale asks for lifetime behavior beside the recent;
    ideation counts when it is not historical. Self-injury without suicidal intent gives no level.

    Examples
    --------
    >>> c_ssrs_level([Span("SH-001", 0, 4), Span("SH-003", 5, 9)])
    3
    >>> c_ssrs_level([Span("SH-006", 0, 4, temporality=Temporality.HISTORICAL)])
    6
    >>> c_ssrs_level([Span("SH-007", 0, 4)])
    0
    """
    mentions = tuple(spans)
    taxonomy = load_taxonomy()
    if any(_is_so(span) and taxonomy[span.flag_id].behavior == "behavior" for span in mentions):
        return BEHAVIOR_LEVEL
    return max((taxonomy[flag_id].ideation or 0 for flag_id in present_flags(mentions)), default=0)
