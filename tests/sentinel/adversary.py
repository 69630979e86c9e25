"""Texts that are meant to keep one expression busy, made of its own parse tree."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from random import Random
from typing import Any

from bh_lib.sentinel.expression import _CONSTANTS, parse_tree

SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789 .,'-/:()&+"
_CLASSES = {
    _CONSTANTS.CATEGORY_DIGIT: "0123456789",
    _CONSTANTS.CATEGORY_SPACE: " ",
    _CONSTANTS.CATEGORY_WORD: "abcdefghijklmnopqrstuvwxyz0123456789_",
    _CONSTANTS.CATEGORY_NOT_DIGIT: "ab ",
    _CONSTANTS.CATEGORY_NOT_SPACE: "ab1.",
    _CONSTANTS.CATEGORY_NOT_WORD: " .-",
}
LONGEST_RUN = 30


def _sign(argument: Sequence[Any], rng: Random) -> str:
    members, negated = "", argument[0][0] is _CONSTANTS.NEGATE
    for operator, value in argument:
        if operator is _CONSTANTS.LITERAL:
            members += chr(value)
        elif operator is _CONSTANTS.RANGE:
            members += "".join(map(chr, range(value[0], value[1] + 1)))
        elif operator is _CONSTANTS.CATEGORY:
            members += _CLASSES[value]
    if negated:
        members = "".join(sign for sign in SIGNS if sign not in members) or "~"
    return rng.choice(members)


def _told(items: Sequence[Any], rng: Random, most: bool) -> str:
    """A string that the items match; ``most``: every repeat as often as it may."""
    out = []
    for operator, argument in items:
        if operator is _CONSTANTS.LITERAL:
            out.append(chr(argument))
        elif operator is _CONSTANTS.NOT_LITERAL:
            out.append("x" if chr(argument) != "x" else "y")
        elif operator is _CONSTANTS.ANY:
            out.append(rng.choice(SIGNS))
        elif operator is _CONSTANTS.IN:
            out.append(_sign(argument, rng))
        elif operator is _CONSTANTS.SUBPATTERN:
            out.append(_told(argument[3], rng, most))
        elif operator is _CONSTANTS.BRANCH:
            out.append(_told(rng.choice(argument[1]), rng, most))
        elif operator in (_CONSTANTS.MAX_REPEAT, _CONSTANTS.MIN_REPEAT):
            least, upto, inner = argument
            highest = min(int(upto), max(int(least), LONGEST_RUN))
            times = highest if most else rng.randint(int(least), min(highest, int(least) + 1))
            out += [_told(inner, rng, most) for _ in range(times)]
    return "".join(out)


def _inner(items: Sequence[Any]) -> list[Sequence[Any]]:
    """What is repeated anywhere in the tree."""
    found: list[Sequence[Any]] = []
    for operator, argument in items:
        if operator in (_CONSTANTS.MAX_REPEAT, _CONSTANTS.MIN_REPEAT):
            found += [argument[2], *_inner(argument[2])]
        elif operator is _CONSTANTS.SUBPATTERN:
            found += _inner(argument[3])
        elif operator is _CONSTANTS.BRANCH:
            found += [each for branch in argument[1] for each in _inner(branch)]
    return found


def _branches(items: Sequence[Any]) -> list[Sequence[Any]]:
    while len(items) == 1 and items[0][0] is _CONSTANTS.SUBPATTERN:
        items = items[0][1][3]
    return list(items[0][1][1]) if len(items) == 1 and items[0][0] is _CONSTANTS.BRANCH else [items]


def pieces(regex: str, seed: int = 0) -> dict[str, list[str]]:
    """Strings by what they try.

    Returns
    -------
    dict of str to list of str
        ``matches`` are matched; ``prefixes`` lack the last element; ``near misses`` end in another sign; ``runs`` repeat what may
        be repeated, and ``nested`` put such runs where a match would go on.
    """
    rng = Random(seed)
    found: dict[str, list[str]] = {"matches": [], "prefixes": [], "near misses": [], "runs": [], "nested": []}
    tree = list(parse_tree(regex))
    for branch in _branches(tree)[:8]:
        for most in (False, True):
            whole = _told(branch, rng, most)
            found["matches"].append(whole)
            ends = [place for place, (operator, _) in enumerate(branch) if operator is not _CONSTANTS.AT]
            prefix = _told(list(branch)[: ends[-1]] if ends else [], rng, most)
            found["prefixes"].append(prefix or whole[:-1])
            found["near misses"].append(whole[:-1] + ("~" if most else "q"))
    for inner in _inner(tree)[:12]:
        once = _told(inner, rng, most=True)
        found["runs"].append(once * max(1, 200 // max(1, len(once))))
        found["nested"].append(found["prefixes"][len(found["nested"]) % len(found["prefixes"])] + once * LONGEST_RUN)
    return {name: [string for string in strings if string] for name, strings in found.items() if any(strings)}


def adversarial(regex: str, size: int, seed: int = 0) -> str:
    """A text of so many characters: each kind of piece for its share of it, run together and with blanks between."""
    kinds = pieces(regex, seed)
    share = size // len(kinds) + 1
    out: list[str] = []
    for strings in kinds.values():
        length = 0
        for number, string in enumerate(cycle(strings)):
            part = string if number % 2 else string + " "
            out.append(part)
            length += len(part)
            if length >= share:
                break
    return "".join(out)[:size].replace("\n", " ")
