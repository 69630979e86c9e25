"""Variants change how a text is written, and their flips are counted as they fall."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.evaluate import VARIANTS, robustness

WORDS = st.text(alphabet="abcdefgh IJ'.w/", max_size=60)


def answers(**by_word: str):
    """An analyzer that raises a flag wherever its word stands, in just that spelling."""
    return lambda text: SimpleNamespace(
        flags=[SimpleNamespace(flag_id=flag.replace("_", "-")) for flag, word in by_word.items() if word in text]
    )


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("pronoun he", "She hurt herself.", "He hurt himself."),
        ("pronoun she", "Told him of his plan.", "Told her of her plan."),
        ("no apostrophe", "I can't, I won\u2019t", "I cant, I wont"),
        ("curly apostrophe", "don't", "don\u2019t"),
        ("shorthand", "Patient with history", "Pt w/ hx"),
        ("written out", "pt w/ hx", "patient with history"),
        ("no-break spaces", "a b", "a\u00a0b"),
    ],
)
def test_a_variant_writes_it_otherwise(name: str, before: str, after: str) -> None:
    assert VARIANTS[name](before) == after


@given(WORDS)
def test_a_typing_slip_moves_two_letters_and_loses_none(text: str) -> None:
    slipped = VARIANTS["typing slip"](text)
    assert sorted(slipped) == sorted(text)
    assert sum(a != b for a, b in zip(slipped, text, strict=True)) in (0, 2)


def test_a_lost_critical_flag_is_counted_apart_from_other_flips() -> None:
    found = robustness(answers(SH_002="Die", CD_003="Sleep"), ["Die", "Sleep", "Die Sleep", "low"], {"lower": str.lower})["lower"]
    assert (found.n, found.flips, found.critical_lost) == (3, 3, 2)
    assert found.rate == 1.0


def test_texts_that_a_variant_leaves_alone_are_not_counted() -> None:
    found = robustness(answers(), ["low", "lower"], {"lower": str.lower})["lower"]
    assert (found.n, found.rate) == (0, None)
