"""A pattern's regular expression: macros expanded, lower-cased, and held to what every engine reads alike.

Patterns are written in the part of regular expressions that RE2 and Python's ``re`` agree on and that can't backtrack
for long: no lookaround, no backreference, no quantifier without a bound around another, no run of any character without
a bound. Text is matched in lower case, so an expression is lowered too: that is faster than ignoring case.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

__all__ = ["compiled", "expanded", "expression_fault", "lowered", "parse_tree"]

_PARSER: Final[Any] = importlib.import_module("re._parser")
_CONSTANTS: Final[Any] = importlib.import_module("re._constants")

_MACRO: Final = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")
_CAPITAL: Final = re.compile(r"\\.|\(\?P<[^>]*>|[A-Z]", re.DOTALL)
_FOREIGN: Final = (
    (re.compile(r"(?<!\\)(?:\\\\)*\(\?(?:[=!>]|<[=!])"), "lookaround and atomic groups are not allowed"),
    (re.compile(r"(?<!\\)(?:\\\\)*(?:\\[1-9]|\(\?P=)"), "backreferences are not allowed"),
    (re.compile(r"(?<!\\)(?:\\\\)*\(\?[aiLmsux-]"), "inline flags are not allowed: matching ignores case already"),
    (re.compile(r"(?<!\\)(?:\\\\)*\(\?(?:P<|\()"), "named and conditional groups are not allowed: write (?:...)"),
    (
        re.compile(r"(?<!\\)(?:\\\\)*\\[AZpPxuUNC]"),
        r"\A, \Z, \p, \x, \u and \N are not allowed: write ^, $ or the character itself",
    ),
    (re.compile(r"(?<!\\)(?:\\\\)*(?:[*+?}]\+)"), "possessive quantifiers are not allowed"),
)


def expanded(regex: str, macros: Mapping[str, str], _open: tuple[str, ...] = ()) -> str:
    """Put macros in, each in a group of its own; a macro may use others.

    Raises
    ------
    KeyError
        If a macro is unknown, or holds itself; the argument says which.

    Examples
    --------
    >>> expanded(r"kill {{self}}", {"self": "myself|herself"})
    'kill (?:myself|herself)'
    """

    def inside(match: re.Match[str]) -> str:
        name = match[1]
        if name not in macros:
            raise KeyError(f"unknown macro {name}")
        if name in _open:
            raise KeyError(f"macro {name} holds itself")
        return f"(?:{expanded(macros[name], macros, (*_open, name))})"

    return _MACRO.sub(inside, regex.strip())


def lowered(regex: str) -> str:
    r"""Lower-case what an expression matches, and leave its escapes alone.

    Examples
    --------
    >>> lowered(r"\bSI\b\S+[A-F]")
    '\\bsi\\b\\S+[a-f]'
    """
    return _CAPITAL.sub(lambda match: match[0].lower() if len(match[0]) == 1 else match[0], regex)


def parse_tree(regex: str) -> Any:
    """The tree that ``re`` itself compiles from."""
    return _PARSER.parse(regex, re.ASCII)


@lru_cache(maxsize=8192)
def compiled(regex: str) -> re.Pattern[str]:
    """Compile for normalized text; word boundaries and classes are ASCII, as in RE2."""
    return re.compile(regex, re.ASCII)


def _wide(item: Any) -> bool:
    operator, argument = item
    if operator is _CONSTANTS.ANY or operator is _CONSTANTS.NOT_LITERAL:
        return True
    if operator is _CONSTANTS.IN:
        return bool(argument) and argument[0][0] is _CONSTANTS.NEGATE
    return False


def _runs_wild(tree: Any, within: bool) -> str | None:
    for operator, argument in tree:
        if operator in (_CONSTANTS.MAX_REPEAT, _CONSTANTS.MIN_REPEAT):
            _least, most, inner = argument
            unbounded = most is _CONSTANTS.MAXREPEAT
            if unbounded and within:
                return "a quantifier without a bound stands inside another: give one a bound"
            if unbounded and any(_wide(item) for item in inner):
                return "any character is repeated without a bound: write a bound such as .{0,40}"
            fault = _runs_wild(inner, within or unbounded)
        elif operator is _CONSTANTS.SUBPATTERN:
            fault = _runs_wild(argument[3], within)
        elif operator is _CONSTANTS.BRANCH:
            fault = next((found for branch in argument[1] if (found := _runs_wild(branch, within))), None)
        else:
            fault = None
        if fault:
            return fault
    return None


def expression_fault(regex: str) -> str | None:
    r"""Say what is wrong with an expression, or None.

    Examples
    --------
    >>> expression_fault(r"(?:kill|harm) .{0,20}self")
    >>> expression_fault(r"(?:\w+\s*)+x")
    'a quantifier without a bound stands inside another: give one a bound'
    >>> expression_fault(r"no(?! improvement)")
    'lookaround and atomic groups are not allowed'
    >>> expression_fault(r"x*")
    'it matches the empty string'
    """
    for foreign, rule in _FOREIGN:
        if foreign.search(regex):
            return rule
    try:
        tree = parse_tree(regex)
        if compiled(regex).match(""):
            return "it matches the empty string"
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression: {error}"
    if tree.getwidth()[0] < 2:
        return "it can match a single character: make it longer"
    return _runs_wild(tree, within=False)
