"""Finds which patterns can match at all: each needs one of a few literal strings to be there.

Looking for strings costs far less than running expressions. With google-re2 all strings are looked for in one pass,
otherwise one by one; which strings are found is the same, and the expressions are run by ``re`` in either case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from bh_lib._extras import optional
from bh_lib.sentinel.expression import _CONSTANTS, parse_tree

__all__ = ["LiteralIndex", "required_literals"]

_COST: Final = {1: 60.0, 2: 15.0, 3: 4.0, 4: 1.0, 5: 0.4}
_COMMON: Final = frozenset(
    {"ing", "ion", "the", "and", "for", "not", "was", "has", "had", "with", "that", "have", "ed ", " to", "to ", "feel", "want"}
)


def _cost(strings: frozenset[str]) -> float:
    return sum(_COST.get(len(s), 0.1) * (6 if s in _COMMON else 1) for s in strings)


def _best(options: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    usable = [option for option in options if option]
    return min(usable, key=_cost) if usable else None


def _of_items(items: Sequence[Any]) -> frozenset[str] | None:
    options: list[frozenset[str] | None] = []
    run = ""
    for operator, argument in items:
        if operator is _CONSTANTS.LITERAL:
            run += chr(argument)
            continue
        if run:
            options.append(frozenset({run}))
            run = ""
        if operator is _CONSTANTS.SUBPATTERN:
            options.append(_of_items(list(argument[3])))
        elif operator is _CONSTANTS.BRANCH:
            branches = [_of_items(list(branch)) for branch in argument[1]]
            options.append(frozenset().union(*(b for b in branches if b)) if all(branches) else None)
        elif operator in (_CONSTANTS.MAX_REPEAT, _CONSTANTS.MIN_REPEAT) and argument[0] >= 1:
            options.append(_of_items(list(argument[2])))
        elif operator is _CONSTANTS.IN and all(kind is _CONSTANTS.LITERAL for kind, _ in argument):
            options.append(frozenset(chr(code) for _, code in argument))
    if run:
        options.append(frozenset({run}))
    return _best(options)


def required_literals(regex: str) -> frozenset[str] | None:
    r"""Strings of which every match holds at least one; None where there are none.

    Examples
    --------
    >>> sorted(required_literals(r"\b(?:overdos(?:e|ed)|took \d+ pills)\b") or ())
    ['overdos', 'took ']
    >>> required_literals(r"\d{4}") is None
    True
    """
    return _of_items(list(parse_tree(regex)))


class LiteralIndex:
    """Which of many strings stand in a text.

    Parameters
    ----------
    literals : iterable of str
    fast : bool
        Use google-re2 where it is installed.

    Examples
    --------
    >>> index = LiteralIndex(["want to die", "die", "sleep"], fast=False)
    >>> sorted(index.present("i want to die"))
    ['die', 'want to die']
    """

    def __init__(self, literals: Iterable[str], *, fast: bool = True) -> None:
        self._literals = tuple(sorted(set(literals)))
        self._set = _re2_set(self._literals) if fast and self._literals else None

    @property
    def engine(self) -> str:
        """``re2`` or ``str``."""
        return "str" if self._set is None else "re2"

    def present(self, text: str) -> list[str]:
        """The strings that stand in a text."""
        if self._set is None:
            return [literal for literal in self._literals if literal in text]
        return [self._literals[number] for number in self._set.Match(text) or ()]


def _re2_set(literals: tuple[str, ...]) -> Any:
    re2 = optional("re2")
    if re2 is None:
        return None
    options = re2.Options()
    options.max_mem = 256 << 20
    options.literal = True
    options.log_errors = False
    found = re2.Set.SearchSet(options)
    for literal in literals:
        found.Add(literal)
    found.Compile()
    return found


def places(literal: str, text: str) -> list[int]:
    """Every place at which a string begins."""
    return [found.start() for found in re.finditer(re.escape(literal), text)]
