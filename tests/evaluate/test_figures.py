"""Tables and figures for a notebook."""

from __future__ import annotations

import io

import pytest

from bh_lib.errors import InputError
from bh_lib.evaluate import (
    decision_figure,
    evaluate,
    flag_figure,
    flag_frame,
    level_figure,
    recall_figure,
    reliability_figure,
    systems_frame,
)
from bh_lib.schema.note import LabelledNote


@pytest.fixture(scope="module")
def metrics():
    notes = [LabelledNote(str(n), "x", flags=("SH-002",), c_ssrs_level=2) for n in range(12)] + [LabelledNote("b", "x", flags=())]
    raised = {"flags": [{"flag_id": "SH-002", "confidence": 0.9}], "c_ssrs": {"ideation_level": 2, "behavior": []}}
    return evaluate(notes, [raised] * 13)


@pytest.fixture(scope="module")
def unlabelled():
    return evaluate([LabelledNote("a", "x")], [{"flags": []}])


def test_the_table_holds_a_row_for_each_flag_that_occurs(metrics, unlabelled):
    frame = flag_frame(metrics)
    assert list(frame.index) == ["SH-002"] and frame.loc["SH-002", "support"] == 12 and frame.loc["SH-002", "recall"] == 1
    assert flag_frame(unlabelled).empty


def test_systems_stand_beside_each_other_and_what_is_not_labelled_is_empty(metrics, unlabelled):
    frame = systems_frame({"one": metrics, "none": unlabelled})
    assert frame.loc["one", "micro-F1"] == pytest.approx(24 / 25)
    assert frame.loc["none"].isna()["micro-F1"] and frame.loc["none", "alerts per 1,000"] == 0


@pytest.mark.parametrize(
    "draw", [flag_figure, level_figure, recall_figure, decision_figure, lambda m: reliability_figure({"one": m})]
)
def test_a_figure_can_be_drawn_and_says_no_when_there_is_nothing_to_draw(draw, metrics, unlabelled):
    out = io.BytesIO()
    draw(metrics).savefig(out, format="png")
    assert out.getvalue().startswith(b"\x89PNG")
    with pytest.raises(InputError):
        draw(unlabelled)
