"""What a pattern may be written with."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.sentinel.expression import compiled, expanded, expression_fault, lowered


@pytest.mark.parametrize(
    "regex",
    [
        r"no(?=x)",
        r"(?<!a)bc",
        r"(ab)\1",
        r"(?i)abc",
        r"(?P<a>bc)",
        r"(a+b)+",
        r".*abc",
        r"[^.]+abc",
        r"(?:ab",
        r"a|bc",
        r"x*",
        r"\Aabc",
        r"a++b",
    ],
)
def test_what_engines_read_differently_or_slowly_is_refused(regex: str) -> None:
    assert expression_fault(regex) is not None


@pytest.mark.parametrize("regex", [r"\bsuicid(?:e|al)\b", r"want(?:s|ed)? to .{0,40}die", r"\d+ +pills", r"[ab]{2,9}c"])
def test_what_both_engines_read_alike_is_accepted(regex: str) -> None:
    assert expression_fault(regex) is None


def test_macros_that_are_unknown_or_hold_themselves_are_named() -> None:
    with pytest.raises(KeyError, match="selv"):
        expanded("{{selv}}", {})
    with pytest.raises(KeyError, match="holds itself"):
        expanded("{{a}}", {"a": "{{b}}", "b": "{{a}}"})


@given(st.text(alphabet="abXY 1", min_size=1))
def test_a_lowered_expression_matches_the_lowered_text(text: str) -> None:
    assert compiled(lowered(re.escape(text))).search(text.lower())
