"""Whether one expression matches all that another does is decided, and agrees with what ``re`` finds."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.sentinel.covering import covers
from bh_lib.sentinel.knowledge import release_patterns

PIECES = [
    "a",
    "b",
    r"\b",
    " ",
    "[ab]",
    "a?",
    "b{0,2}",
    "(?:a|ab)",
    "(?:b|a b)?",
    r"\w",
    ".",
    "[^a]",
    "a*",
    "(?:ab){1,2}",
    r"\B",
    "$",
    "^",
]
expressions = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)
STRINGS = ["".join(signs) for length in range(1, 5) for signs in product("ab -", repeat=length)]
AROUND = ["", "a", " "]


def counterexample(wide: str, narrow: str) -> bool:
    """By trial: a string, and neighbours between which only the second matches it."""
    first, second = re.compile(wide, re.ASCII), re.compile(narrow, re.ASCII)
    for string, left, right in product(STRINGS, AROUND, AROUND):
        text, start, end = left + string + right, len(left), len(left) + len(string)
        if spans(second, text, start, end) and not spans(first, text, start, end):
            return True
    return False


def spans(regex: re.Pattern[str], text: str, start: int, end: int) -> bool:
    return re.compile(rf"(?<=^.{{{start}}})(?:{regex.pattern})(?=.{{{len(text) - end}}}$)", re.ASCII).match(text, start) is not None


@settings(max_examples=150, deadline=None)
@given(expressions, expressions)
def test_what_is_covered_has_no_counterexample_and_what_is_not_is_larger(wide: str, narrow: str) -> None:
    assert not (covers(wide, narrow) and counterexample(wide, narrow))


@settings(max_examples=150, deadline=None)
@given(expressions, expressions)
def test_an_expression_covers_itself_and_each_branch_of_a_choice(one: str, other: str) -> None:
    assert covers(one, one)
    assert covers(f"(?:{one}|{other})", one)
    assert covers(f"(?:{other}|{one})", one)
    assert covers(f"x(?:{one})?y", f"x{one}y")


@pytest.mark.parametrize(
    ("wide", "narrow", "answer"),
    [
        (r"\bsuicid(?:e|al)\b", r"\bsuicidal\b", True),
        (r"\bsuicidal\b", r"\bsuicid(?:e|al)\b", False),
        (r"kill", r"\bkill\b", True),
        (r"\bkill\b", r"kill", False),
        (r"cut .{0,40}self", r"cut my ?self", True),
        (r"cut .{0,2}self", r"cut my ?self", False),
        (r"(?:\w+ ){0,3}die", r"to die", True),
        (r"die$", r"die", False),
        (r"die", r"die$", True),
        (r"[^.]{3}", r"\d{3}", True),
        (r"\d{3}", r"[^.]{3}", False),
    ],
)
def test_the_answer_is_known_for_these(wide: str, narrow: str, answer: bool) -> None:
    assert covers(wide, narrow) is answer


def test_a_question_that_takes_too_many_steps_is_a_no() -> None:
    assert not covers(r"(?:\w+ ){0,9}die", r"(?:\w+ ){0,8}die", most=3)


def test_real_patterns_cover_themselves_unless_their_gaps_make_the_question_too_large() -> None:
    short = [pattern for pattern in release_patterns() if len(pattern.regex) < 500 and ".{" not in pattern.regex][:40]
    assert len(short) == 40
    assert all(covers(f"(?:zzz|{pattern.regex})", pattern.regex) for pattern in short)
