"""Decides whether all that one expression matches, another matches too.

Expressions without lookaround and backreferences are finite automata, so the question has an answer: every string of one is
walked through both at once, and one that only the first accepts is a counterexample. What stands before and after a match
counts as far as ``\\b``, ``^`` and ``$`` can see it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from bh_lib.sentinel.expression import _CONSTANTS, parse_tree

__all__ = ["MOST_STEPS", "Undecided", "covers"]

MOST_STEPS: Final = 60_000
"""After so many steps a question is left undecided, which counts as a no."""
_MOST_STATES: Final = 30_000
# A normalized sentence holds printable ASCII, and other marks that are no part of a word: two of these stand for all.
_SIGNS: Final = "".join(map(chr, range(32, 127))) + "∅☐☑☒✓✔•§"
_BITS: Final = {sign: 1 << place for place, sign in enumerate(_SIGNS)}
_ALL: Final = (1 << len(_SIGNS)) - 1


def _mask(signs: str) -> int:
    return sum(_BITS[sign] for sign in set(signs) if sign in _BITS)


_WORD: Final = _mask("abcdefghijklmnopqrstuvwxyz0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CATEGORIES: Final = {
    _CONSTANTS.CATEGORY_DIGIT: _mask("0123456789"),
    _CONSTANTS.CATEGORY_NOT_DIGIT: _ALL & ~_mask("0123456789"),
    _CONSTANTS.CATEGORY_SPACE: _mask(" "),
    _CONSTANTS.CATEGORY_NOT_SPACE: _ALL & ~_mask(" "),
    _CONSTANTS.CATEGORY_WORD: _WORD,
    _CONSTANTS.CATEGORY_NOT_WORD: _ALL & ~_WORD,
}
# What stands beside a place: nothing, a letter or digit, another sign.
_EDGE, _LETTER, _OTHER = range(3)


class Undecided(Exception):  # noqa: N818  it is no fault: the expressions are too large, or hold what is not known here
    """The question was given up."""


@dataclass(slots=True)
class _Machine:
    """A nondeterministic automaton; a state goes on by signs, or for nothing where its condition on both sides holds."""

    signs: list[list[tuple[int, int]]] = field(default_factory=list)
    free: list[list[tuple[Any, int]]] = field(default_factory=list)
    start: int = 0
    end: int = 0

    def state(self) -> int:
        if len(self.signs) >= _MOST_STATES:
            raise Undecided
        self.signs.append([])
        self.free.append([])
        return len(self.signs) - 1

    def closed(self, states: Sequence[int], before: int, after: int) -> frozenset[int]:
        """All that these states reach for nothing between such neighbours."""
        seen, left = set(states), list(states)
        while left:
            for condition, target in self.free[left.pop()]:
                if target not in seen and (condition is None or _holds(condition, before, after)):
                    seen.add(target)
                    left.append(target)
        return frozenset(seen)


def _holds(condition: Any, before: int, after: int) -> bool:
    if condition is _CONSTANTS.AT_BEGINNING:
        return before == _EDGE
    if condition is _CONSTANTS.AT_END:
        return after == _EDGE
    bound = (before == _LETTER) is not (after == _LETTER)
    return bound if condition is _CONSTANTS.AT_BOUNDARY else not bound


def _members(argument: Sequence[Any]) -> int:
    mask, negated = 0, False
    for operator, value in argument:
        if operator is _CONSTANTS.NEGATE:
            negated = True
        elif operator is _CONSTANTS.LITERAL:
            mask |= _mask(chr(value))
        elif operator is _CONSTANTS.RANGE:
            mask |= sum(bit for sign, bit in _BITS.items() if value[0] <= ord(sign) <= value[1])
        elif operator is _CONSTANTS.CATEGORY:
            mask |= _CATEGORIES[value]
        else:
            raise Undecided
    return _ALL & ~mask if negated else mask


def _sequence(machine: _Machine, items: Sequence[Any], at: int) -> int:
    for item in items:
        at = _item(machine, item, at)
    return at


def _item(machine: _Machine, item: Any, at: int) -> int:
    operator, argument = item
    if operator is _CONSTANTS.SUBPATTERN:
        return _sequence(machine, argument[3], at)
    if operator is _CONSTANTS.BRANCH:
        out = machine.state()
        for branch in argument[1]:
            machine.free[_sequence(machine, branch, at)].append((None, out))
        return out
    if operator in (_CONSTANTS.MAX_REPEAT, _CONSTANTS.MIN_REPEAT):
        least, most, inner = argument
        return _repeat(machine, least, most, inner, at)
    out = machine.state()
    if operator is _CONSTANTS.AT:
        machine.free[at].append((argument, out))
    elif operator is _CONSTANTS.LITERAL:
        machine.signs[at].append((_mask(chr(argument)), out))
    elif operator is _CONSTANTS.NOT_LITERAL:
        machine.signs[at].append((_ALL & ~_mask(chr(argument)), out))
    elif operator is _CONSTANTS.IN:
        machine.signs[at].append((_members(argument), out))
    elif operator is _CONSTANTS.ANY:
        machine.signs[at].append((_ALL, out))
    else:
        raise Undecided
    return out


def _repeat(machine: _Machine, least: int, most: Any, inner: Sequence[Any], at: int) -> int:
    for _ in range(least):
        at = _sequence(machine, inner, at)
    out = machine.state()
    if most is _CONSTANTS.MAXREPEAT:
        loop = machine.state()
        machine.free[at].append((None, loop))
        machine.free[_sequence(machine, inner, loop)].append((None, loop))
        at = loop
    else:
        for _ in range(most - least):
            machine.free[at].append((None, out))
            # A state of its own before each round: an inner loop must not lead back out of an earlier one.
            begin = machine.state()
            machine.free[at].append((None, begin))
            at = _sequence(machine, inner, begin)
    machine.free[at].append((None, out))
    return out


@lru_cache(maxsize=256)
def _machine(regex: str) -> _Machine:
    machine = _Machine()
    machine.start = machine.state()
    machine.end = _sequence(machine, parse_tree(regex), machine.start)
    return machine


def _classes(*machines: _Machine) -> list[int]:
    """Signs that no expression tells apart, a mask each."""
    classes = [_WORD, _ALL & ~_WORD]
    for mask in {mask for machine in machines for row in machine.signs for mask, _ in row}:
        classes = [part for one in classes for part in (one & mask, one & ~mask) if part]
    return classes


def _steps(machine: _Machine, states: frozenset[int], sign: int) -> Iterator[int]:
    return (target for state in states for mask, target in machine.signs[state] if mask & sign)


def covers(wide: str, narrow: str, most: int = MOST_STEPS) -> bool:
    r"""Whether every string that ``narrow`` matches is, whatever stands around it, a string that ``wide`` matches.

    Parameters
    ----------
    wide, narrow : str
        Expressions for normalized text, as `expression_fault` allows them.
    most : int
        Steps after which the answer is no.

    Examples
    --------
    >>> covers(r"\b(?:want|wish)(?:s|ed)? to \w+\b", r"\bwants to die\b")
    True
    >>> covers(r"\bwants to die\b", r"\bwants? to die\b"), covers(r"\bold\b", r"old")
    (False, False)
    """
    try:
        return _counterexample(_machine(wide), _machine(narrow), most) is None
    except Undecided:
        return False


def _counterexample(wide: _Machine, narrow: _Machine, most: int) -> tuple[frozenset[int], int] | None:
    classes = _classes(wide, narrow)
    # One state of the narrow machine at a time, with all that the wide one could be in: fewer than pairs of sets.
    begin = [(narrow.start, frozenset({wide.start}), before) for before in (_EDGE, _LETTER, _OTHER)]
    seen, queue = set(begin), deque(begin)
    closed: dict[tuple[frozenset[int], int, int], frozenset[int]] = {}
    steps = 0
    while queue:
        state, others, before = queue.popleft()
        for after in (_EDGE, _LETTER, _OTHER):
            reached = narrow.closed([state], before, after)
            key = (others, before, after)
            if key not in closed:
                closed[key] = wide.closed(list(others), before, after)
            along = closed[key]
            if narrow.end in reached and wide.end not in along:
                return along, before
            if after == _EDGE:
                continue
            for sign in classes:
                if bool(sign & _WORD) is not (after == _LETTER):
                    continue
                targets = set(_steps(narrow, reached, sign))
                if not targets:
                    continue
                # The strings of both are the same so far: where the wide one is lost, what the narrow one still accepts is told.
                following = frozenset(_steps(wide, along, sign))
                for target in targets:
                    step = (target, following, after)
                    if step not in seen:
                        seen.add(step)
                        queue.append(step)
                        steps += 1
        if steps > most:
            raise Undecided
    return None
