"""Formats: the same verdict as the ``jsonschema`` package's."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.schema._formats import FORMATS

CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER
SHAPED = {
    "date-time": r"[0-9]{3,5}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
    r"(\.[0-9]{1,9})?([Zz]|[+-][0-2][0-9]:[0-6][0-9])\n?",
    "uuid": r"[{]?[0-9a-fA-F_]{7,9}-?[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f_]{11,13}[}]?",
    "ipv4": r"[0-9]{1,3}(\.[0-9]{1,3}){2,4}\n?",
    "ipv6": r"([0-9a-f]{0,5}:){1,8}[0-9a-f]{0,4}(%[a-z0-9]{0,3})?|::ffff:[0-9]{1,3}(\.[0-9]{1,3}){3}",
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_shaped_text_gets_the_judges_verdict(name):
    @settings(max_examples=400, deadline=None)
    @given(text=st.from_regex(SHAPED[name], fullmatch=True) | st.text(max_size=40))
    def same(text):
        assert FORMATS[name](text) is CHECKER.conforms(text, name)

    same()


@pytest.mark.parametrize(
    "day",
    [f"{year}-{month:02}-{day:02}T00:00:00Z" for year in (1900, 2000, 2023, 2024) for month in (2, 4, 12) for day in range(27, 33)],
)
def test_the_calendar_is_kept(day):
    assert FORMATS["date-time"](day) is CHECKER.conforms(day, "date-time")
