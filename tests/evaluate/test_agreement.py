"""Two annotators: kappa against the textbook formula, and what they dispute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.errors import InputError
from bh_lib.evaluate import agreement
from bh_lib.schema.note import LabelledNote
from bh_lib.schema.taxonomy import load_taxonomy

FLAGS = st.lists(st.lists(st.sampled_from(load_taxonomy().ids), unique=True), min_size=1, max_size=8)


def notes(flags: list[list[str]], levels: list[int] | None = None) -> list[LabelledNote]:
    return [
        LabelledNote(f"n{number}", "text", flags=tuple(own), c_ssrs_level=levels[number] if levels else None)
        for number, own in enumerate(flags)
    ]


def test_kappa_is_that_of_the_formula() -> None:
    first = notes([["SH-001"]] * 20 + [["SH-001"]] * 5 + [[]] * 10 + [[]] * 15)
    second = notes([["SH-001"]] * 20 + [[]] * 5 + [["SH-001"]] * 10 + [[]] * 15)
    # observed .7; by chance 25/50 * 30/50 + 25/50 * 20/50 = .5
    assert agreement(first, second).flags["SH-001"].kappa == pytest.approx((0.7 - 0.5) / (1 - 0.5))


@given(FLAGS)
def test_who_agrees_with_themself_agrees_fully_and_disputes_nothing(flags: list[list[str]]) -> None:
    found = agreement(notes(flags), notes(flags))
    assert found.disputed == ()
    assert found.overall.kappa in (None, 1.0)


@given(FLAGS, st.data())
def test_the_order_of_the_two_does_not_matter(flags: list[list[str]], data: st.DataObject) -> None:
    other = [data.draw(st.lists(st.sampled_from(load_taxonomy().ids), unique=True)) for _ in flags]
    one, two = agreement(notes(flags), notes(other)), agreement(notes(other), notes(flags))
    assert one.overall.kappa == two.overall.kappa
    assert set(one.disputed) == set(two.disputed)
    assert len(one.disputed) == one.overall.first_only + one.overall.second_only


def test_a_level_that_is_far_off_costs_more_than_one_that_is_near() -> None:
    first = notes([[]] * 4, [0, 2, 4, 6])
    near, far = notes([[]] * 4, [1, 2, 4, 6]), notes([[]] * 4, [6, 2, 4, 6])
    assert (agreement(first, near).level_kappa or 0) > (agreement(first, far).level_kappa or 0)


def test_notes_that_only_one_labelled_are_left_out() -> None:
    assert agreement(notes([["SH-001"], []]), notes([["SH-001"]])).notes == 1


def test_files_without_a_common_note_and_notes_with_two_texts_are_refused() -> None:
    with pytest.raises(InputError, match="labelled by both"):
        agreement(notes([[]]), [LabelledNote("other", "text", flags=())])
    with pytest.raises(InputError, match="one text"):
        agreement(notes([[]]), [LabelledNote("n0", "another", flags=())])
