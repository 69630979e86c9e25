"""What must stand in a text for a pattern to match at all: the ways in which it can, and the strings that each needs.

Looking for strings costs far less than running expressions. The strings are read off the tree of an expression, as far as it
can only mean a few: "(?:want|wish)(?:s|ed)? to die" is six strings, and a gap of any characters parts one group from the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from bh_lib.sentinel.expression import _CONSTANTS, parse_tree

__all__ = ["Literal", "Way", "required_literals"]

_EXACT: Final = 60
"""Most strings that a part of an expression is spelled out to."""
MOST_GROUPS: Final = 3
_WAYS: Final = 12
_BOUND: Final = "\x01"
"""Stands for a word boundary while strings are put together."""
_WORD: Final = re.compile(r"[a-z0-9_]")
_RUN: Final = re.compile(r"[a-z0-9_]+")
_COST: Final = {0: 400.0, 1: 60.0, 2: 15.0, 3: 4.0, 4: 1.5, 5: 0.6, 6: 0.3}
# Words that stand in every other sentence: a string of nothing else parts little from little.
_COMMON_WORDS: Final = (
    "i a an the and or of to in on at it is was be been am are for not no with that this my me he she they you his her we "
    "but so as had has have do did don t s from out up just get got all by if about can could would will feel want like "
    "more time when what than then them their there been being were him now who how pt patient ing ion"
)
_COMMON: Final = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True, order=True)
class Literal:
    """A string, and whether a word must begin or end where it does."""

    text: str
    left: bool = False
    right: bool = False

    def pattern(self) -> str:
        """As an expression."""
        return (r"\b" if self.left else "") + re.escape(self.text) + (r"\b" if self.right else "")

    def cost(self) -> float:
        """About how often it stands where nothing is to be found: by its rarest word."""
        return min((_rate(run[0], self._whole(run)) for run in _RUN.finditer(self.text)), default=300.0)

    def key(self) -> tuple[str, bool]:
        """The rarest word that begins within it or at its left bound, and whether it is all there; else an empty one."""
        runs = [run for run in _RUN.finditer(self.text) if run.start() > 0 or self.left]
        best = min(runs, key=lambda run: _rate(run[0], self._whole(run)), default=None)
        return ("", False) if best is None else (best[0], self._whole(best))

    def _whole(self, run: re.Match[str]) -> bool:
        return (run.start() > 0 or self.left) and (run.end() < len(self.text) or self.right)


Group = frozenset[Literal]
Way = tuple[Group, ...]


def _rate(word: str, whole: bool) -> float:
    rate = 8.0 if word in _COMMON else _COST.get(len(word), 0.15)
    return rate * 0.3 if whole else rate


@cache
def _cost(group: Group) -> float:
    return round(sum(literal.cost() for literal in group), 6)


@dataclass(frozen=True, slots=True)
class _Part:
    """Part of an expression: all the strings that it can be, or else the ways in which it can match."""

    exact: frozenset[str] | None = None
    ways: tuple[Way, ...] = ((),)

    def needs(self) -> tuple[Way, ...]:
        if self.exact is None:
            return self.ways
        group = _group(self.exact)
        return ((group,) if group else (),)


def _group(strings: Iterable[str]) -> Group | None:
    """Strings as literals; None where one says nothing."""
    literals = set()
    for string in strings:
        text = string.replace(_BOUND, "")
        if not text.strip():
            return None
        left, right = string.startswith(_BOUND), string.endswith(_BOUND)
        literals.add(Literal(text, left and bool(_WORD.match(text[0])), right and bool(_WORD.match(text[-1]))))
    return frozenset(literals)


def _both(first: tuple[Way, ...], second: tuple[Way, ...]) -> tuple[Way, ...]:
    """One way of each; many by many are too many, so the second ones become one that asks for less."""
    if len(first) * len(second) > _WAYS:
        first, second = (first, _loosened(second)) if len(first) >= len(second) else (_loosened(first), second)
    return tuple((*one, *other) for one in first for other in second)


def _loosened(ways: tuple[Way, ...]) -> tuple[Way, ...]:
    cheapest = [min(way, key=_cost) for way in ways if way]
    return ((frozenset().union(*cheapest),),) if len(cheapest) == len(ways) else ((),)


def _sequence(items: Sequence[Any], left: bool, right: bool) -> _Part:
    """``left`` and ``right``: a word can't go on before it, or after it."""
    run: frozenset[str] = frozenset({_BOUND if left else ""})
    ways: tuple[Way, ...] = ((),)
    whole = True
    for place, item in enumerate(items):
        if item[0] is _CONSTANTS.LITERAL:
            letter = chr(item[1])
            run = frozenset(head + letter for head in run)
            continue
        before, after = _parted(items[:place], left, last=True), _parted(items[place + 1 :], right, last=False)
        part = _part(item, before, after)
        if part.exact is not None and len(run) * len(part.exact) <= _EXACT:
            run = frozenset(head + tail for head in run for tail in part.exact)
            continue
        whole = False
        ways = _both(ways, _Part(frozenset(string + _BOUND * before for string in run)).needs())
        if part.exact is None:
            ways = _both(ways, part.ways)
            run = frozenset({_BOUND * after})
        else:
            run = part.exact
    if right:
        run = frozenset(string + _BOUND for string in run)
    return _Part(run) if whole else _Part(None, _both(ways, _Part(run).needs()))


def _parted(items: Sequence[Any], beyond: bool, *, last: bool) -> bool:
    """Whether words are parted where items end (``last``) or begin; ``beyond``: whether they are at the items' other end."""
    if not items:
        return beyond
    (operator, argument), others = (items[-1], items[:-1]) if last else (items[0], items[1:])
    if operator is _CONSTANTS.LITERAL:
        return not _WORD.match(chr(argument))
    if operator is _CONSTANTS.AT:
        return True
    if operator is _CONSTANTS.IN:
        members = _members(argument)
        return members is not None and not any(map(_WORD.match, members))
    if operator is _CONSTANTS.SUBPATTERN:
        return _parted(list(argument[3]), _parted(others, beyond, last=last), last=last)
    if operator is _CONSTANTS.BRANCH:
        further = _parted(others, beyond, last=last)
        return all(_parted(list(branch), further, last=last) for branch in argument[1])
    if operator in (_CONSTANTS.MAX_REPEAT, _CONSTANTS.MIN_REPEAT):
        further = argument[0] > 0 or _parted(others, beyond, last=last)
        return further and _parted(list(argument[2]), beyond=False, last=last)
    return False


def _branch(branches: Sequence[Any], left: bool, right: bool) -> _Part:
    parts = [_sequence(list(branch), left, right) for branch in branches]
    strings = frozenset().union(*(part.exact for part in parts if part.exact is not None))
    ways = tuple(way for part in parts if part.exact is None for way in part.ways)
    if not ways and len(strings) <= _EXACT:
        return _Part(strings)
    return _Part(None, (*(_Part(strings).needs() if strings else ()), *ways))


def _repeat(least: int, most: Any, inner: Any, left: bool, right: bool) -> _Part:
    once = most == 1
    part = _sequence(list(inner), left and once, right and once)
    if part.exact is not None and part.exact <= {" "}:
        # A normalized sentence holds no other white space than single blanks.
        return _Part(frozenset({" "} | ({""} if least == 0 else set())))
    if once and least == 1:
        return part
    if once and part.exact is not None and len(part.exact) < _EXACT:
        return _Part(part.exact | {""})
    return _Part(None, part.needs()) if least else _Part()


def _members(argument: Sequence[Any]) -> frozenset[str] | None:
    found: set[str] = set()
    for operator, value in argument:
        if operator is _CONSTANTS.LITERAL:
            found.add(chr(value))
        elif operator is _CONSTANTS.RANGE and value[1] - value[0] < 10:
            found |= {chr(code) for code in range(value[0], value[1] + 1)}
        elif operator is _CONSTANTS.CATEGORY and value is _CONSTANTS.CATEGORY_SPACE:
            found.add(" ")
        else:
            return None
    return frozenset(found)


def _part(item: Any, left: bool, right: bool) -> _Part:
    operator, argument = item
    if operator is _CONSTANTS.IN:
        return _Part(_members(argument))
    if operator is _CONSTANTS.SUBPATTERN:
        return _sequence(list(argument[3]), left, right)
    if operator is _CONSTANTS.BRANCH:
        return _branch(argument[1], left, right)
    if operator in (_CONSTANTS.MAX_REPEAT, _CONSTANTS.MIN_REPEAT):
        least, most, inner = argument
        return _repeat(least, most, inner, left, right)
    if operator is _CONSTANTS.AT:
        return _Part(frozenset({_BOUND if argument is _CONSTANTS.AT_BOUNDARY else ""}))
    return _Part()


def required_literals(regex: str) -> tuple[Way, ...]:
    r"""The ways in which an expression can match a normalized sentence.

    Returns
    -------
    ways : tuple of tuple of frozenset of Literal
        A match goes by at least one way, and holds a string of each group of it. A way without groups asks for nothing.

    Examples
    --------
    >>> ways = required_literals(r"\b(?:overdos(?:e|ed)|took \d+ pills)\b")
    >>> [[sorted(literal.text for literal in group) for group in way] for way in ways]
    [[['overdose', 'overdosed']], [[' pills'], ['took ']]]
    >>> required_literals(r"\d{4}")
    ((),)
    """
    found = _sequence(list(parse_tree(regex)), left=False, right=False).needs()
    rarest = (sorted(set(way), key=lambda group: (_cost(group), min(group)))[:MOST_GROUPS] for way in found)
    return tuple(dict.fromkeys(map(tuple, rarest)))
