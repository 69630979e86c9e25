"""Reads when something was: "3 weeks ago", "in 2019", "since last night", as days before the note."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["RECENT_DAYS", "Moment", "moments", "when"]

RECENT_DAYS: Final = 92
"""Three months: the C-SSRS asks of behavior within it."""

_NUMBERS: Final = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "several": 5, "few": 4, "a few": 4, "couple": 2, "a couple": 2, "many": 10,
}  # fmt: skip
_UNITS: Final = {
    "hour": 1,
    "hr": 1,
    "day": 1,
    "night": 1,
    "week": 7,
    "wk": 7,
    "month": 30,
    "mo": 30,
    "year": 365,
    "yr": 365,
    "decade": 3650,
}
_UNIT: Final = r"(hour|hr|day|night|week|wk|month|mo|year|yr|decade)s?"
_AGO: Final = re.compile(
    rf"\b(\d{{1,3}}|a few|a couple|a|an|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|several|few|couple|many)"
    rf"(?: of)? {_UNIT} (?:ago|back|prior|earlier)\b"
)
_VAGUE: Final = re.compile(rf"\b{_UNIT} ago\b")
_WITHIN: Final = re.compile(
    r"\b(?:in|over|within|during|for) the (?:past|last) "
    rf"(?:(\d{{1,3}}|few|couple of|couple|two|three|four|five|six|seven|eight|nine|ten|twelve|several) )?{_UNIT}\b"
)
_SPAN: Final = re.compile(
    rf"(?:\bx ?|\bfor |\bsince )(?:the )?(?:past |last )?(\d{{1,3}}|two|three|four|five|six|seven) {_UNIT}\b(?! ago)"
)
_NAMED: Final = (
    (re.compile(r"\b(?:today|tonight|this (?:morning|afternoon|evening)|earlier today)\b"), 1),
    (re.compile(r"\b(?:yesterday|last night|the other (?:day|night))\b"), 3),
    (re.compile(r"\b(?:this|last|past) (?:week|weekend|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"), 14),
    (re.compile(r"\b(?:this|last|past) month\b"), 31),
    (re.compile(r"\blast year\b"), 400),
)
_YEAR: Final = re.compile(
    r"\b(?:in|of|since|from|during|circa|until) (?:early |late |mid-?|\w{3,9} (?:of )?)?((?:19|20)\d\d)\b|\(((?:19|20)\d\d)\)"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Within so many days before the note; the cue's id."""

    days: int | None
    cue: str


def _number(word: str | None) -> int:
    if not word:
        return 1
    return int(word) if word.isdigit() else _NUMBERS.get(word.removesuffix(" of"), 1)


Placed = tuple[int, int, Moment]

# Most sentences say nothing of when: one look spares them the rest.
_HINT: Final = re.compile(
    r"\b(?:ago|back|prior|earlier|past|last|yesterday|today|tonight|this|other|(?:19|20)\d\d)\b"
    r"|(?:for|x|since) ?(?:the )?(?:past )?(?:\d|t|f|s)"
)


def moments(norm: str, year: int) -> list[Placed]:
    """Every moment that a normalized sentence tells, with its place.

    Examples
    --------
    >>> moments("overdosed 3 weeks ago, and in 2019", 2026)
    [(10, 21, Moment(days=21, cue='when.ago')), (27, 34, Moment(days=2555, cue='when.year'))]
    """
    if _HINT.search(norm) is None:
        return []
    found = [(m.start(), m.end(), Moment(_number(m[1]) * _UNITS[m[2]], "when.ago")) for m in _AGO.finditer(norm)]
    taken = [(start, end) for start, end, _ in found]
    found += [
        (m.start(), m.end(), Moment(3 * _UNITS[m[1]], "when.ago"))
        for m in _VAGUE.finditer(norm)
        if not any(start <= m.start() < end for start, end in taken)
    ]
    for regex, cue in ((_WITHIN, "when.within"), (_SPAN, "when.for")):
        found += [(m.start(), m.end(), Moment(_number(m[1]) * _UNITS[m[2]], cue)) for m in regex.finditer(norm)]
    for regex, days in _NAMED:
        found += [(m.start(), m.end(), Moment(days, "when.named")) for m in regex.finditer(norm)]
    for m in _YEAR.finditer(norm):
        age = year - int(m[1] or m[2])
        if age > 0:
            found.append((m.start(), m.end(), Moment(365 * age, "when.year")))
    return found


def when(norm: str, start: int, end: int, told: Sequence[Placed]) -> Moment | None:
    """The moment that a span of a normalized sentence belongs to: the nearest in its own clause.

    Examples
    --------
    >>> sentence = "overdosed 3 weeks ago, and wants to die"
    >>> told = moments(sentence, 2026)
    >>> when(sentence, 0, 9, told)
    Moment(days=21, cue='when.ago')
    >>> when(sentence, 27, 39, told) is None
    True
    """
    near: tuple[int, Moment] | None = None
    for left, right, moment in told:
        # A duration says how long something has gone on until now, so it makes nothing past.
        if moment.cue in ("when.within", "when.for") and moment.days is not None and moment.days > RECENT_DAYS:
            continue
        gap = norm[end:left] if left >= end else norm[right:start] if right <= start else ""
        if any(mark in gap for mark in (",", ";", " but ", " and ", " now ")) or len(gap) > 60:
            continue
        if near is None or len(gap) < near[0]:
            near = (len(gap), moment)
    return near[1] if near else None
