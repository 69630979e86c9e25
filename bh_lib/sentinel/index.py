"""Finds which patterns can match in a sentence at all, by the strings that each of them needs.

Strings are kept under their rarest word, or the beginning of one, so that a look at each word of a sentence finds those in it.
The expressions are run by ``re`` afterwards, and only where all that one way of matching needs is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

from bh_lib._extras import optional
from bh_lib.sentinel.document import Document
from bh_lib.sentinel.literals import MOST_GROUPS, Group, Literal, Way

__all__ = ["LiteralIndex"]

T = TypeVar("T")
_RUN: Final = re.compile(r"[a-z0-9_]+")
_STEM: Final = 4
_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


def _stands(literal: Literal, norm: str) -> bool:
    """Whether it is in a sentence that holds its text, with a word's end where it asks for one."""
    if not (literal.left or literal.right):
        return True
    text, left, right = literal.text, literal.left, literal.right
    at = norm.find(text)
    while at >= 0:
        end = at + len(text)
        if not (left and at and norm[at - 1] in _WORD) and not (right and end < len(norm) and norm[end] in _WORD):
            return True
        at = norm.find(text, at + 1)
    return False


class _Words:
    """The words of a sentence, and their beginnings."""

    __slots__ = ("norm", "stems", "whole")

    def __init__(self, norm: str) -> None:
        self.norm = norm
        self.whole = set(_RUN.findall(norm))
        self.stems = {word[:_STEM] for word in self.whole}


class _Shelf(Generic[T]):
    """Strings, each with something, under a word that they hold, under the beginning of one, or under neither."""

    __slots__ = ("by_stem", "by_word", "rest")

    def __init__(self, rows: Iterable[tuple[Literal, T]]) -> None:
        self.by_word: dict[str, list[tuple[str, Literal, T]]] = {}
        self.by_stem: dict[str, list[tuple[str, Literal, T]]] = {}
        self.rest: list[tuple[str, Literal, T]] = []
        for literal, what in rows:
            word, whole = literal.key()
            row = literal.text, literal, what
            if whole:
                self.by_word.setdefault(word, []).append(row)
            elif len(word) >= _STEM:
                self.by_stem.setdefault(word[:_STEM], []).append(row)
            else:
                self.rest.append(row)

    def found(self, words: _Words, rest: Sequence[tuple[str, Literal, T]]) -> Iterator[T]:
        """What belongs to the strings that stand in the sentence."""
        norm = words.norm
        for key in words.whole & self.by_word.keys():
            for text, literal, what in self.by_word[key]:
                if text in norm and _stands(literal, norm):
                    yield what
        for key in words.stems & self.by_stem.keys():
            for text, literal, what in self.by_stem[key]:
                if text in norm and _stands(literal, norm):
                    yield what
        for text, literal, what in rest:
            if text in norm and _stands(literal, norm):
                yield what


class _ByWord:
    """Finds strings by the words of a sentence; asks for further strings only where the rarest of a way is there."""

    def __init__(self, requirements: Sequence[Sequence[Way]]) -> None:
        groups: dict[Group, int] = {}
        opens: dict[Literal, list[tuple[int, tuple[int, ...]]]] = {}
        for owner, ways in enumerate(requirements):
            for way in filter(None, ways):
                others = tuple(groups.setdefault(group, len(groups)) for group in way[1:])
                for literal in way[0]:
                    opens.setdefault(literal, []).append((owner, others))
        self._first = _Shelf((literal, tuple(opens[literal])) for literal in sorted(opens))
        self._groups = [_Shelf((literal, True) for literal in sorted(group)) for group in groups]

    def met(self, document: Document) -> Iterator[set[int]]:
        norm = document.norm
        rest = [row for row in self._first.rest if row[0] in norm]
        for sentence in document.sentences:
            words = _Words(sentence.norm)
            met: set[int] = set()
            known: dict[int, bool] = {}
            for opens in self._first.found(words, rest):
                for owner, others in opens:
                    if owner not in met and all(self._holds(group, words, known) for group in others):
                        met.add(owner)
            yield met

    def _holds(self, number: int, words: _Words, known: dict[int, bool]) -> bool:
        held = known.get(number)
        if held is None:
            group = self._groups[number]
            held = known[number] = next(group.found(words, group.rest), False)
        return held


class _ByRe2:
    """Finds all strings in one pass over a sentence with google-re2; each is a set of bits, one a way that asks for it."""

    def __init__(self, requirements: Sequence[Sequence[Way]], re2: Any) -> None:
        masks: dict[Literal, list[int]] = {}
        self._owners: list[int] = []
        self._given = [0] * MOST_GROUPS
        for owner, ways in enumerate(requirements):
            for way in filter(None, ways):
                bit = 1 << len(self._owners)
                self._owners.append(owner)
                for place in range(MOST_GROUPS):
                    if place >= len(way):
                        self._given[place] |= bit
                        continue
                    for literal in way[place]:
                        masks.setdefault(literal, [0] * MOST_GROUPS)[place] |= bit
        options = re2.Options()
        options.max_mem = 256 << 20
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        for literal in sorted(masks):
            self._set.Add(literal.pattern())
        self._set.Compile()
        self._masks = [tuple(masks[literal]) for literal in sorted(masks)]

    def met(self, document: Document) -> Iterator[set[int]]:
        match, masks, owners = self._set.Match, self._masks, self._owners
        for sentence in document.sentences:
            first, second, third = self._given
            for number in match(sentence.norm) or ():
                one, two, three = masks[number]
                first |= one
                second |= two
                third |= three
            both = first & second & third
            met: set[int] = set()
            while both:
                low = both & -both
                met.add(owners[low.bit_length() - 1])
                both ^= low
            yield met


class LiteralIndex:
    """Which of many requirements a sentence meets.

    Parameters
    ----------
    requirements : sequence of ways
        As `required_literals` gives them; a way without groups is always open.
    fast : bool
        Use google-re2 where it is installed; what is found is the same.

    Examples
    --------
    >>> from bh_lib.sentinel.document import read_document
    >>> from bh_lib.sentinel.literals import required_literals
    >>> index = LiteralIndex([required_literals(r"\\bwants? to die\\b"), required_literals(r"\\bsleep")], fast=False)
    >>> dict(index.candidates(read_document("Wants to die. Slept well. Sleeps.")))
    {0: [0], 2: [1]}
    """

    def __init__(self, requirements: Sequence[Sequence[Way]], *, fast: bool = True) -> None:
        re2 = optional("re2") if fast else None
        self._always = frozenset(owner for owner, ways in enumerate(requirements) if () in ways)
        self._finder = _ByWord(requirements) if re2 is None else _ByRe2(requirements, re2)

    @property
    def engine(self) -> str:
        """``re2`` or ``str``."""
        return "re2" if isinstance(self._finder, _ByRe2) else "str"

    def candidates(self, document: Document) -> Iterator[tuple[int, list[int]]]:
        """For each sentence in which any can be met, the numbers of those requirements."""
        for sentence, met in zip(document.sentences, self._finder.met(document), strict=True):
            if met or self._always:
                yield sentence.index, sorted(met | self._always)
