"""Finds which patterns can match at all: each needs one of a few strings to be there, often of several such groups.

Looking for strings costs far less than running expressions. With google-re2 all are looked for in one pass, otherwise one
by one; which are found is the same, and the expressions are run by ``re`` in either case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bh_lib._extras import optional
from bh_lib.sentinel.document import Document
from bh_lib.sentinel.expression import _CONSTANTS, parse_tree

__all__ = ["Literal", "LiteralIndex", "required_literals"]

_COST: Final = {1: 60.0, 2: 15.0, 3: 4.0, 4: 1.0, 5: 0.4}
_COMMON: Final = frozenset(
    "ing ion the and for not was has had with that have feel want to of in on my is it".split()  # noqa: SIM905
)
_DEAR: Final = 150.0
_GROUPS: Final = 4
_MANY: Final = 60
_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True, slots=True, order=True)
class Literal:
    """A string, and whether a word must begin or end where it does."""

    text: str
    left: bool = False
    right: bool = False

    def cost(self) -> float:
        """About how often it stands where nothing is to be found."""
        bare = self.text.strip()
        common = 8.0 if bare in _COMMON else 1.0
        return _COST.get(len(bare), 0.1) * common * (0.3 if self.left and self.right else 0.6 if self.left else 1.0)

    def pattern(self) -> str:
        """As an expression."""
        return (r"\b" if self.left else "") + re.escape(self.text) + (r"\b" if self.right else "")


Group = frozenset[Literal]


def _cost(group: Group) -> float:
    return sum(literal.cost() for literal in group)


def _cheapest(groups: Sequence[Group]) -> Group | None:
    return min(groups, key=_cost) if groups else None


def _groups(items: Sequence[Any], left: bool, right: bool) -> list[Group]:
    """Groups of which a match holds a member each; ``left`` and ``right``: a word boundary stands before or after."""
    found: list[Group] = []
    run, run_left = "", False
    bound = left
    for place, (operator, argument) in enumerate(items):
        ends = right if place == len(items) - 1 else items[place + 1] == (_CONSTANTS.AT, _CONSTANTS.AT_BOUNDARY)
        if operator is _CONSTANTS.LITERAL:
            if not run:
                run_left = bound
                # The parser takes what branches have in common out of them: "si|suicidal" is an s, then a choice.
                leads, last = _leads(items, place)
                after = right if last == len(items) - 1 else items[last + 1] == (_CONSTANTS.AT, _CONSTANTS.AT_BOUNDARY)
                if leads and all(text.strip(" ") for text, _ in leads):
                    found.append(frozenset(_literal(text, run_left, whole and after) for text, whole in leads))
            run += chr(argument)
            following = items[place + 1][0] if place + 1 < len(items) else None
            if following is not _CONSTANTS.LITERAL:
                if run.strip(" "):
                    found.append(frozenset({_literal(run, run_left, ends)}))
                run = ""
        elif operator is _CONSTANTS.SUBPATTERN:
            found += _groups(list(argument[3]), bound, ends)
        elif operator is _CONSTANTS.BRANCH:
            branches = [_cheapest(_groups(list(branch), bound, ends)) for branch in argument[1]]
            if all(branches):
                found.append(frozenset().union(*(branch for branch in branches if branch)))
        elif operator in (_CONSTANTS.MAX_REPEAT, _CONSTANTS.MIN_REPEAT) and argument[0] >= 1:
            once = argument[1] == 1
            found += _groups(list(argument[2]), bound and once, ends and once)
        bound = operator is _CONSTANTS.AT and argument is _CONSTANTS.AT_BOUNDARY
    return found


def _leads(items: Sequence[Any], place: int) -> tuple[list[tuple[str, bool]], int]:
    """What can stand from ``place`` on, each with whether it runs to the last item read, and which item that is."""
    texts: list[tuple[str, bool]] = [("", True)]
    last = place - 1
    for at in range(place, len(items)):
        operator, argument = items[at]
        if operator is _CONSTANTS.LITERAL:
            texts = [(text + chr(argument), True) for text, _ in texts]
            last = at
            continue
        if operator is _CONSTANTS.SUBPATTERN and len(argument[3]) == 1 and argument[3][0][0] is _CONSTANTS.BRANCH:
            operator, argument = argument[3][0]
        if operator is not _CONSTANTS.BRANCH or len(texts) > 1:
            break
        leads: list[tuple[str, bool]] = []
        for branch in argument[1]:
            rows = list(branch)
            inner, end = _leads(rows, 0)
            leads += [(text, whole and end == len(rows) - 1) for text, whole in inner]
        if len(leads) > _MANY:
            break
        return [(text + lead, whole) for text, _ in texts for lead, whole in leads], at
    return texts, last


def _literal(text: str, left: bool, right: bool) -> Literal:
    word = re.compile(r"[a-z0-9_]")
    return Literal(text, left and bool(word.match(text[0])), right and bool(word.match(text[-1])))


def required_literals(regex: str) -> tuple[Group, ...]:
    r"""Groups of strings; every match holds at least one of each group.

    Examples
    --------
    >>> groups = required_literals(r"\b(?:overdos(?:e|ed)|took \d+ pills)\b")
    >>> [sorted(literal.text for literal in group) for group in groups]
    [[' pills', 'overdose', 'overdosed']]
    >>> required_literals(r"\d{4}")
    ()
    """
    groups = sorted(set(_groups(list(parse_tree(regex)), False, False)), key=lambda group: (_cost(group), sorted(group)))
    return tuple(group for place, group in enumerate(groups[:_GROUPS]) if place == 0 or _cost(group) < _DEAR)


class LiteralIndex:
    """Which of many requirements a sentence meets.

    Parameters
    ----------
    requirements : sequence of groups
        As `required_literals` gives them; one without groups is always met.
    fast : bool
        Use google-re2 where it is installed.

    Examples
    --------
    >>> from bh_lib.sentinel.document import read_document
    >>> index = LiteralIndex([required_literals(r"\\bwants? to die\\b"), required_literals(r"\\bsleep")], fast=False)
    >>> dict(index.candidates(read_document("Wants to die. Slept well. Sleeps.")))
    {0: [0], 2: [1]}
    """

    def __init__(self, requirements: Sequence[tuple[Group, ...]], *, fast: bool = True) -> None:
        masks: dict[Literal, list[int]] = {}
        self._given = [0] * _GROUPS
        for number, groups in enumerate(requirements):
            for place in range(_GROUPS):
                if place >= len(groups):
                    self._given[place] |= 1 << number
                    continue
                for literal in groups[place]:
                    masks.setdefault(literal, [0] * _GROUPS)[place] |= 1 << number
        self._literals = tuple(sorted(masks))
        self._masks = tuple(tuple(masks[literal]) for literal in self._literals)
        self._set = _re2_set(self._literals) if fast and self._literals else None
        self._by_gram: tuple[dict[str, list[int]], ...] = ({}, {}, {}, {})
        for number, literal in enumerate(self._literals):
            size = min(len(literal.text), len(self._by_gram))
            self._by_gram[size - 1].setdefault(literal.text[:size], []).append(number)

    @property
    def engine(self) -> str:
        """``re2`` or ``str``."""
        return "str" if self._set is None else "re2"

    def candidates(self, document: Document) -> Iterable[tuple[int, list[int]]]:
        """For each sentence in which any can be met, the numbers of those requirements."""
        first, second, third, fourth = self._given
        for index, present in self._present(document):
            a, b, c, d = first, second, third, fourth
            for number in present:
                one, two, three, four = self._masks[number]
                a |= one
                b |= two
                c |= three
                d |= four
            met = a & b & c & d
            if met:
                yield index, _bits(met)

    def _present(self, document: Document) -> Iterable[tuple[int, Iterable[int]]]:
        if self._set is not None:
            match = self._set.Match
            return [(sentence.index, match(sentence.norm) or ()) for sentence in document.sentences]
        return [(sentence.index, self._scan(sentence.norm)) for sentence in document.sentences]

    def _scan(self, norm: str) -> set[int]:
        found: set[int] = set()
        literals = self._literals
        for size, grams in enumerate(self._by_gram, 1):
            if not grams:
                continue
            for place in range(len(norm) - size + 1):
                numbers = grams.get(norm[place : place + size])
                if numbers is not None:
                    for number in numbers:
                        if number not in found and _stands(literals[number], norm, place):
                            found.add(number)
        return found


def _bits(mask: int) -> list[int]:
    numbers: list[int] = []
    while mask:
        low = mask & -mask
        numbers.append(low.bit_length() - 1)
        mask ^= low
    return numbers


def _stands(literal: Literal, norm: str, place: int) -> bool:
    end = place + len(literal.text)
    return (
        norm.startswith(literal.text, place)
        and not (literal.left and place and norm[place - 1] in _WORD)
        and not (literal.right and end < len(norm) and norm[end] in _WORD)
    )


def _re2_set(literals: tuple[Literal, ...]) -> Any:
    re2 = optional("re2")
    if re2 is None:
        return None
    options = re2.Options()
    options.max_mem = 256 << 20
    options.log_errors = False
    found = re2.Set.SearchSet(options)
    for literal in literals:
        found.Add(literal.pattern())
    found.Compile()
    return found
