"""Average precision, against scikit-learn; and what is ranked where."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.evaluate import Outcome, evaluate, pair
from bh_lib.evaluate.ranking import average_precision, flag_auprc, pr_curves, rank
from bh_lib.evaluate.scores import classifier_scores
from bh_lib.schema.note import LabelledNote
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.layers.transformer import Head, TransformerLayer

PAIRS = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.4, 0.4001, 0.9, 1.0])), min_size=1, max_size=60)


@settings(max_examples=200, deadline=None)
@given(PAIRS)
def test_average_precision_is_that_of_scikit_learn_ties_and_all(pairs):
    metrics = pytest.importorskip("sklearn.metrics")
    truth, scores = [t for t, _ in pairs], [s for _, s in pairs]
    ours = average_precision(truth, scores)
    if any(truth):
        assert ours == pytest.approx(metrics.average_precision_score(truth, scores))
    else:
        assert ours is None


def outcome(number, truth, confidence=None, score=0.0, **more):
    guess = {} if confidence is None else {"SH-002": confidence}
    return Outcome(
        str(number),
        frozenset({"SH-002"} if truth else ()),
        guess,
        group=str(number),
        scores={"SH-002": score} if score else {},
        **more,
    )


def test_the_area_of_a_flag_is_that_of_its_notes_in_order_of_rank():
    metrics = pytest.importorskip("sklearn.metrics")
    cases = [(k % 3 == 0, 0.5 + k / 200 if k % 4 else None, k / 100) for k in range(1, 60)]
    outcomes = [outcome(k, *case) for k, case in enumerate(cases)]
    value, (low, high) = flag_auprc(outcomes)["SH-002"]
    reference = metrics.average_precision_score([t for t, _, _ in cases], [rank(o, "SH-002") for o in outcomes])
    assert value == pytest.approx(reference) and low < value < high


def test_what_nothing_ranks_is_worth_no_more_than_the_prevalence():
    silent = [outcome(k, k < 20) for k in range(100)]
    assert flag_auprc(silent)["SH-002"][0] == pytest.approx(0.2)
    assert pr_curves(silent)["critical"] == []


def test_a_raised_flag_stands_before_any_score_and_a_denied_one_after_all():
    raised, scored = outcome(1, True, 0.2, 0.9), outcome(2, True, None, 0.9)
    denied = outcome(3, True, None, 0.9, suppressed={"SH-002": "negated"})
    assert rank(raised, "SH-002") > rank(scored, "SH-002") > rank(denied, "SH-002") == 0


def test_many_notes_of_one_family_widen_the_interval():
    def width(group):
        kept = [outcome(k, k % 2, 0.9 if k % 3 else 0.1) for k in range(80)]
        grouped = [Outcome(o.note_id, o.truth, o.guess, group=group(k)) for k, o in enumerate(kept)]
        low, high = flag_auprc(grouped)["SH-002"][1]
        return high - low

    assert width(lambda k: str(k // 20)) != width(str)


def classifier(known=("SH-002", "CD-003")):
    np = pytest.importorskip("numpy")

    def scorer(sentences):
        return np.array([[0.0 if "maybe" in each else -9.0 for _ in load_taxonomy()] for each in sentences])

    heads = [Head(flag, threshold=0.9 if flag in known else None) for flag in load_taxonomy().ids]
    return Sentinel.load(classifier=TransformerLayer(scorer, heads))


def test_a_classifier_tells_what_it_held_below_its_threshold_of_flags_that_it_knows():
    first, second = classifier_scores(classifier(), ["Slept well. Went out, maybe.", ""])
    assert set(first) == {"SH-002", "CD-003"} and first["SH-002"] == pytest.approx(0.5) and second == {}


def test_metrics_say_what_the_notes_were_ranked_by():
    notes = [LabelledNote("a", "Went out, maybe.", flags=("SH-002",)), LabelledNote("b", "Slept well.", flags=())]
    system = classifier()
    analyses = system.analyze_batch([note.text for note in notes])
    assert evaluate(notes, analyses).ranked_by == "confidence"
    with_scores = pair(notes, analyses, classifier_scores(system, [note.text for note in notes]))
    assert flag_auprc(with_scores)["SH-002"][0] == 1.0 and flag_auprc(pair(notes, analyses))["SH-002"][0] == 0.5


def test_a_classifier_that_fails_leaves_a_note_without_scores():
    class Broken:
        heads = ()

        def score(self, sentences):
            raise RuntimeError("what it says may hold text")

    class System:
        classifier = Broken()

    assert classifier_scores(System(), ["Slept well."]) == [{}]
