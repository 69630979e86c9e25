"""Every score of metrics.json, on answers whose scores are known."""

from __future__ import annotations

import importlib.util
import json
import math

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.errors import InputError
from bh_lib.evaluate import Counts, evaluate, ordinal
from bh_lib.schema.mention import Assertion
from bh_lib.schema.note import LabelledNote, Span

LEVELS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60)


def answer(*flags, level=0, behavior=(), immediate=False, confidence=0.9):
    return {
        "flags": [{"flag_id": flag, "confidence": confidence, "spans": [{"start": 0, "end": 3}]} for flag in flags],
        "suppressed": [],
        "c_ssrs": {"ideation_level": level, "behavior": [{"kind": kind, "window": "unknown"} for kind in behavior]},
        "summary": {"immediate_review": immediate},
    }


@pytest.fixture(scope="module")
def schema(root):
    return json.loads((root / "schema/metrics/1.0/metrics.schema.json").read_text())


@pytest.fixture(scope="module")
def published(shared):
    spec = importlib.util.spec_from_file_location("published_scores", shared / "tools" / "score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_levels_score_as_the_published_script_scores_them(published):
    @settings(max_examples=150, deadline=None)
    @given(LEVELS)
    def same(pairs):
        truth, guess = [t for t, _ in pairs], [g for _, g in pairs]
        theirs, ours = published.ordinal(truth, guess), ordinal(truth, guess)
        assert ours.mae == pytest.approx(theirs["mae"])
        assert ours.off_by_more_than_one == pytest.approx(theirs["off_by_more_than_one"])
        assert ours.at_least[4].recall == pytest.approx(theirs["ge4_sensitivity"])
        assert ours.at_least[4].precision == pytest.approx(theirs["ge4_ppv"])
        assert math.isnan(ours.qwk) == math.isnan(theirs["qwk"])
        if not math.isnan(ours.qwk):
            assert ours.qwk == pytest.approx(theirs["qwk"])

    same()


def test_counts_score_as_the_published_script_scores_them(published):
    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
    def same(pairs):
        truth, guess = [t for t, _ in pairs], [g for _, g in pairs]
        theirs, ours = published.prf(truth, guess), Counts.of(truth, guess)
        assert (ours.precision, ours.recall, ours.support) == (theirs["precision"], theirs["recall"], theirs["positives"])
        assert ours.f1 == pytest.approx(theirs["f1"])

    same()


@settings(max_examples=60, deadline=None)
@given(LEVELS)
def test_a_perfect_guess_is_never_beaten(pairs):
    truth = [t for t, _ in pairs]
    perfect = ordinal(truth, truth)
    assert perfect.mae == perfect.off_by_more_than_one == 0
    assert math.isnan(perfect.qwk) or perfect.qwk == 1


def test_a_score_whose_label_is_missing_is_absent_and_not_zero(schema):
    notes = [LabelledNote("a", "one"), LabelledNote("b", "two")]
    shape = evaluate(notes, [answer("SH-002", level=2), answer()]).to_dict()
    assert not {"per_flag", "micro", "macro", "any_signal", "critical", "c_ssrs", "calibration", "speed"} & shape.keys()
    assert shape["alerts_per_1000"] == 500
    jsonschema.validate(shape, schema)


def test_a_fully_labelled_corpus_holds_the_whole_schema(schema):
    notes = [
        LabelledNote(str(n), "x" * 60 * n, flags=("SH-002",), c_ssrs_level=2, register="journal", group=str(n % 12))
        for n in range(12)
    ] + [LabelledNote(f"b{n}", "y", flags=(), c_ssrs_level=0, register="post", group=f"b{n}") for n in range(12)]
    answers = [answer("SH-002", level=2, immediate=True)] * 11 + [answer()] + [answer("CD-003", confidence=0.4)] + [answer()] * 11
    metrics = evaluate(notes, answers, seconds=0.5)
    shape = metrics.to_dict()
    jsonschema.validate(shape, schema)
    assert shape["per_flag"]["SH-002"]["recall"] == pytest.approx(11 / 12)
    assert shape["per_flag"]["SH-002"]["verdict"] == "ok"
    low, high = shape["per_flag"]["SH-002"]["ci95"]["recall"]
    assert low < 11 / 12 < high <= 1
    assert shape["per_flag"]["CD-003"] == {
        "precision": 0.0,
        "support": 0,
        "ci95": {"precision": [0.0, 0.0]},
        "verdict": "insufficient",
    }
    assert shape["macro"] == {
        "precision": 1.0,
        "recall": pytest.approx(11 / 12),
        "f1": pytest.approx(22 / 23),
        # The twelfth is one of thirteen notes that nothing ranks: it comes at the precision of the corpus.
        "auprc": pytest.approx(11 / 12 + 1 / 12 * 12 / 24),
        "flags": 1,
    }
    assert shape["prevalence"]["critical"]["positives"] == 12 and len(shape["net_benefit"]) == 5
    assert shape["alert_budget"][-1]["budget_per_1000"] == 200 and shape["ranked_by"] == "confidence"
    assert shape["critical"]["sensitivity"] == pytest.approx(11 / 12) and shape["critical"]["ppv"] == 1
    assert shape["c_ssrs"]["confusion"][2][2] == 11 and shape["c_ssrs"]["confusion"][2][0] == 1
    assert shape["any_signal"]["basis"] == "c_ssrs_level" and shape["any_signal"]["ppv"] == 1
    assert shape["alerts_per_1000"] == pytest.approx(500) and shape["immediate_review_per_1000"] == pytest.approx(11000 / 24)
    assert set(shape["slices"]["register"]) == {"journal", "post"} and set(shape["slices"]["length"]) == {
        "0-99",
        "100-499",
        "500-1999",
    }
    assert shape["speed"]["notes_per_s"] == 48


def test_pronouns_and_shorthand_are_slices_of_their_own():
    notes = [LabelledNote("a", "She wants to die.", flags=("SH-002",)), LabelledNote("b", "Pt w/ hx of SI.", flags=("SH-002",))]
    shape = evaluate(notes, [answer("SH-002"), answer()]).slices
    assert {name: each["recall"] for name, each in shape["pronoun"].items()} == {"she": 1.0, "none": 0.0}
    assert {name: each["recall"] for name, each in shape["shorthand"].items()} == {"none": 1.0, "clinical": 0.0}


def test_flags_are_counted_by_the_layers_that_raised_them(schema):
    def raised(flag, *layers):
        return {"flag_id": flag, "confidence": 0.9, "layers": list(layers)}

    notes = [LabelledNote("a", "x", flags=("SH-002",)), LabelledNote("b", "x", flags=())]
    answers = [
        {"flags": [raised("SH-002", "transformer", "pattern"), raised("CD-003", "pattern")]},
        {"flags": [raised("SH-002", "pattern")]},
    ]
    shape = evaluate(notes, answers).to_dict()
    jsonschema.validate(shape, schema)
    both = {"raised": 1, "right": 1, "critical_raised": 1, "critical_right": 1, "ppv": 1.0}
    alone = {"raised": 2, "right": 0, "critical_raised": 1, "critical_right": 0, "ppv": 0.0}
    assert shape["layers"] == {"pattern": alone, "pattern+transformer": both}


def test_sensitivity_and_ppv_of_the_levels_are_those_of_the_published_script(published):
    @settings(max_examples=60, deadline=None)
    @given(LEVELS)
    def same(pairs):
        notes = [LabelledNote(str(k), "x", c_ssrs_level=truth) for k, (truth, _) in enumerate(pairs)]
        answers = [answer(level=min(guess, 5), behavior=["preparatory"] if guess == 6 else []) for _, guess in pairs]
        assert [published.level(each["c_ssrs"]) for each in answers] == [guess for _, guess in pairs]
        theirs, ours = published.ordinal([t for t, _ in pairs], [g for _, g in pairs]), evaluate(notes, answers).to_dict()
        assert ours["any_signal"].get("sensitivity", 0.0) == pytest.approx(theirs["any_sensitivity"])
        assert ours["any_signal"].get("ppv", 0.0) == pytest.approx(theirs["any_ppv"])
        assert ours["c_ssrs"].get("sensitivity_ge4", 0.0) == pytest.approx(theirs["ge4_sensitivity"])
        assert ours["c_ssrs"].get("ppv_ge4", 0.0) == pytest.approx(theirs["ge4_ppv"])

    same()


def test_many_notes_of_one_family_are_not_enough_to_judge_a_flag():
    notes = [LabelledNote(str(n), "x", flags=("SH-002",), group="one family") for n in range(40)]
    score = evaluate(notes, [answer("SH-002")] * 40).per_flag["SH-002"]
    assert score.counts.support == 40 and score.verdict == "insufficient"


def test_self_injury_without_intent_is_no_suicidal_behavior():
    notes = [LabelledNote("a", "x", c_ssrs_level=0), LabelledNote("b", "x", c_ssrs_level=6)]
    scores = evaluate(notes, [answer(behavior=["nssi"]), answer(level=3, behavior=["actual_attempt"])]).c_ssrs
    assert scores.mae == 0


def test_any_signal_is_read_from_the_label_that_most_notes_carry():
    labelled = [LabelledNote("a", "x", any_signal=True, flags=()), LabelledNote("b", "x", any_signal=False, flags=())]
    shape = evaluate(labelled, [answer(level=1), answer("CD-003")]).any_signal
    assert (shape["basis"], shape["f1"]) == ("any_signal", 1.0)
    shape = evaluate([LabelledNote("a", "x", flags=("CD-003",))], [answer("CD-003", "PF-002")]).any_signal
    assert (shape["basis"], shape["f1"]) == ("flags", 1.0)


def test_protective_factors_alone_are_no_alert():
    assert evaluate([LabelledNote("a", "x")], [answer("PF-002")]).alerts_per_1000 == 0


def test_raising_a_flag_for_a_denial_shows_in_the_slice_of_mentions():
    span = Span("SH-002", 0, 9, Assertion.NEGATED)
    notes = [LabelledNote("a", "Denies SI.", flags=(), spans=(span,)), LabelledNote("b", "Denies SI.", flags=(), spans=(span,))]
    shape = evaluate(notes, [answer("SH-002"), answer()]).slices["mention"]
    assert shape == {"negated, flag does not stand": {"n": 2, "raised": 0.5}}


@pytest.mark.parametrize(
    ("notes", "answers", "said"),
    [
        ([LabelledNote("a", "x")], [], "1 notes and 0 analyses"),
        ([LabelledNote("a", "x")], [{**answer(), "id": "b"}], "an id differs"),
        ([LabelledNote("a", "x")], [{"no": "flags"}], "list of flags"),
    ],
)
def test_answers_that_do_not_fit_are_refused(notes, answers, said):
    with pytest.raises(InputError, match=said):
        evaluate(notes, answers)


def test_the_same_answers_give_the_same_metrics_twice():
    notes = [LabelledNote(str(n), "x", flags=("SH-002",) if n % 3 else ()) for n in range(30)]
    answers = [answer("SH-002") if n % 2 else answer() for n in range(30)]
    assert evaluate(notes, answers).to_dict() == evaluate(notes, answers).to_dict()
