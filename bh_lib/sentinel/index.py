"""Finds which patterns can match in a sentence at all, by the strings that each of them needs.

Strings are kept under their rarest word, or the beginning of one, so that a look at each word of a sentence finds those in it.
The expressions are run by ``re`` afterwards. With google-re2 fewer are run in vain, and what is found is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from bh_lib._extras import optional
from bh_lib.sentinel.document import Document
from bh_lib.sentinel.literals import MOST_GROUPS, Literal, Way

__all__ = ["LiteralIndex"]

# A string, what it asks of words' ends, and whose ways it opens.
_Row = tuple[str, Literal, tuple[int, ...]]
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


class _ByWord:
    """Finds strings by the words of a sentence: of each way the rarest group only, for ``re`` costs less than the others."""

    def __init__(self, requirements: Sequence[Sequence[Way]]) -> None:
        owners: dict[Literal, set[int]] = {}
        for owner, ways in enumerate(requirements):
            for way in filter(None, ways):
                for literal in way[0]:
                    owners.setdefault(literal, set()).add(owner)
        self._by_word: dict[str, list[_Row]] = {}
        self._by_stem: dict[str, list[_Row]] = {}
        self._rest: list[_Row] = []
        for literal in sorted(owners):
            word, whole = literal.key()
            row = literal.text, literal, tuple(sorted(owners[literal]))
            if whole:
                self._by_word.setdefault(word, []).append(row)
            elif len(word) >= _STEM:
                self._by_stem.setdefault(word[:_STEM], []).append(row)
            else:
                self._rest.append(row)

    def met(self, document: Document) -> Iterator[set[int]]:
        rest = [row for row in self._rest if row[0] in document.norm]
        by_word, by_stem = self._by_word, self._by_stem
        for sentence in document.sentences:
            norm = sentence.norm
            words = set(_RUN.findall(norm))
            rows = [by_word[word] for word in words & by_word.keys()]
            rows += [by_stem[stem] for stem in {word[:_STEM] for word in words} & by_stem.keys()]
            met: set[int] = set()
            for text, literal, owners in chain.from_iterable((*rows, rest)):
                if text in norm and not met.issuperset(owners) and _stands(literal, norm):
                    met.update(owners)
            yield met


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
        Use google-re2 where it is installed: it leaves fewer to be tried.

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
