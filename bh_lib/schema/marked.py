"""Marked text: how a person writes labels into a sentence without counting characters.

``"[[SH-002 negated]]Denies suicidal ideation[[/]], but [[SH-007 recent]]cut last night[[/]]."``

A mark holds a flag id, then any of an assertion, a temporality and an experiencer. What is not said is ``present``,
``current`` and ``patient``. A passage may carry two flags: ``[[SH-005]][[SH-006]]wrote the letters for tonight[[/]][[/]]``.
"""

from __future__ import annotations

import re
from typing import Final

from bh_lib.errors import InputError
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.note import Span
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["parse_marked"]

_TAG: Final = re.compile(r"\[\[(/|[A-Z]{2,3}-\d{3}[a-d]?(?: [a-z]+)*)\]\]")


def _opened(words: list[str], start: int) -> Span:
    assertion, temporality, experiencer = Assertion.PRESENT, Temporality.CURRENT, Experiencer.PATIENT
    load_taxonomy()[words[0]]
    for word in words[1:]:
        if word in set(Assertion):
            assertion = Assertion(word)
        elif word in set(Temporality):
            temporality = Temporality(word)
        elif word in set(Experiencer):
            experiencer = Experiencer(word)
        else:
            raise InputError("a mark holds a flag id, then an assertion, a temporality, an experiencer", place=f"character {start}")
    return Span(words[0], start, start, assertion, temporality, experiencer)


def parse_marked(text: str) -> tuple[str, tuple[Span, ...]]:
    """Take the marks out of a text.

    Returns
    -------
    text : str
        Without marks.
    spans : tuple of Span
        In order of their start; offsets are into the returned text.

    Raises
    ------
    InputError
        If a mark is not closed, closes nothing, names no known flag, or spans no character.

    Examples
    --------
    >>> text, spans = parse_marked("[[SH-002 negated]]Denies SI[[/]].")
    >>> text, spans[0].flag_id, spans[0].assertion.value, text[spans[0].start : spans[0].end]
    ('Denies SI.', 'SH-002', 'negated', 'Denies SI')
    """
    plain: list[str] = []
    length, at = 0, 0
    waiting: list[Span] = []
    spans: list[Span] = []
    for tag in _TAG.finditer(text):
        plain.append(text[at : tag.start()])
        length += tag.start() - at
        at = tag.end()
        if tag[1] != "/":
            waiting.append(_opened(tag[1].split(" "), length))
            continue
        if not waiting:
            raise InputError("a mark closes that was never opened", place=f"character {length}")
        opened = waiting.pop()
        if opened.start == length:
            raise InputError("a mark spans no character", place=f"character {length}")
        spans.append(Span(opened.flag_id, opened.start, length, opened.assertion, opened.temporality, opened.experiencer))
    plain.append(text[at:])
    if waiting:
        raise InputError("a mark is never closed", place=f"character {waiting[0].start}")
    return "".join(plain), tuple(sorted(spans, key=lambda span: (span.start, span.end, span.flag_id)))
