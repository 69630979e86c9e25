"""From labelled notes to calibrated heads, on features whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from bh_lib.errors import InputError
from bh_lib.lab.calibrate import best_threshold, calibrate_heads, fit_curves, platt
from bh_lib.lab.examples import examples_of, labels_of
from bh_lib.lab.train import TfidfScorer, fit_heads
from bh_lib.schema.mention import Assertion
from bh_lib.schema.note import LabelledNote, Span
from bh_lib.schema.taxonomy import load_taxonomy

IDS = load_taxonomy().ids


def world(n, seed):
    """Two flags that depend on one feature each, one of them rare; the rest never occurs."""
    source = np.random.default_rng(seed)
    features = source.normal(size=(n, 12)).astype(np.float32)
    labels = np.zeros((n, len(IDS)))
    labels[:, 0] = features[:, 0] + source.normal(scale=0.5, size=n) > 1
    labels[:, 1] = features[:, 1] + source.normal(scale=0.5, size=n) > 2
    return features, labels


def f1_of(raised, truth):
    return 2 * (raised & truth).sum() / (raised.sum() + truth.sum())


@pytest.fixture(scope="module")
def fitted():
    train, dev, test = world(2000, 1), world(800, 2), world(1500, 3)
    return fit_heads(*train, *dev, penalties=(3.0, 30.0), min_positives=8), dev, test


def test_what_can_be_learned_is_learned_and_the_rest_is_never_raised(fitted):
    heads, dev, test = fitted
    assert heads.learned.tolist() == [True, True] + [False] * 38
    calibrated = calibrate_heads(heads.logits(dev[0]), dev[1], heads.learned, critical_beta=1.5)
    assert [head.threshold is None for head in calibrated] == [False, False] + [True] * 38
    for column in (0, 1):
        sure = np.array([calibrated[column].confidence(value) for value in heads.logits(test[0])[:, column]])
        raised, truth = sure >= calibrated[column].threshold, test[1][:, column] > 0
        # The labels are noisy: the best possible is a cut on the one feature that they depend on.
        oracle = max(f1_of(test[0][:, column] > cut, truth) for cut in np.arange(0, 3, 0.05))
        assert f1_of(raised, truth) > oracle - 0.07
        assert abs(sure.mean() - truth.mean()) < 0.02


def test_the_same_data_gives_the_same_heads():
    first, second = (fit_heads(*world(500, 1), *world(200, 2), penalties=(3.0,), min_positives=8) for _ in range(2))
    assert (first.weights == second.weights).all() and (first.bias == second.bias).all()


def test_nothing_to_learn_is_an_error():
    features, labels = world(50, 1)
    with pytest.raises(InputError, match="training sentences"):
        fit_heads(features, labels * 0, features, labels, penalties=(1.0,), min_positives=2)


def test_calibration_mends_scores_that_are_twice_too_sure():
    source = np.random.default_rng(0)
    logits = source.normal(scale=2, size=6000)
    labels = (source.random(6000) < 1 / (1 + np.exp(-logits / 2))).astype(float)
    slope, intercept = platt(logits, labels)
    assert slope == pytest.approx(0.5, abs=0.05) and intercept == pytest.approx(0, abs=0.1)


def test_a_flag_with_few_positives_keeps_near_the_curve_of_all():
    source = np.random.default_rng(5)
    logits = source.normal(scale=2, size=400)
    labels = (source.random(400) < 1 / (1 + np.exp(-(logits - 3)))).astype(float)
    few, near = slice(0, 60), (1.0, -3.0)
    free, held = platt(logits[few], labels[few]), platt(logits[few], labels[few], near)
    assert abs(np.log(held[0])) <= abs(np.log(free[0])) and abs(held[1] + 3) <= abs(free[1] + 3)


def test_no_threshold_lies_below_the_least_confidence():
    sure, labels = np.array([0.2, 0.1, 0.05, 0.02]), np.array([1, 1, 0, 0])
    assert best_threshold(sure, labels, 1.0, 0.3) == 0.3 > best_threshold(sure, labels, 1.0, 0.05)


def test_rows_that_count_more_pull_harder():
    features, labels = world(600, 6)
    dev = world(300, 7)
    counts = np.where(labels[:, 0] > 0, 1.0, 6.0)
    plain = fit_heads(features, labels, *dev, penalties=(3.0,), min_positives=8)
    wary = fit_heads(features, labels, *dev, penalties=(3.0,), min_positives=8, counts=counts)
    assert wary.logits(dev[0])[:, 0].mean() < plain.logits(dev[0])[:, 0].mean()


def test_a_higher_beta_never_raises_the_threshold():
    source = np.random.default_rng(4)
    sure = source.random(400)
    labels = (source.random(400) < sure).astype(float)
    assert best_threshold(sure, labels, 3.0) <= best_threshold(sure, labels, 1.0)


def test_a_denied_mention_is_no_positive_and_sentences_are_labelled_apart():
    text = "Denies SI. Drank again last night."
    spans = (Span("SH-002", 0, 9, Assertion.NEGATED), Span("SU-002", 11, 33))
    examples = examples_of([LabelledNote("n", text, flags=("SU-002",), spans=spans, group="g")], window=2)
    assert [(e.text, sorted(e.flags)) for e in examples] == [
        ("Denies SI.", []),
        ("Drank again last night.", ["SU-002"]),
        ("Denies SI. Drank again last night.", ["SU-002"]),
    ]
    assert labels_of(examples).sum(axis=1).tolist() == [0, 1, 1]


def test_flags_without_places_are_used_only_where_there_is_one_sentence():
    assert examples_of([LabelledNote("n", "One. Two.", flags=("SU-002",))]) == []
    assert len(examples_of([LabelledNote("n", "One.", flags=("SU-002",))])) == 1


def test_the_baseline_tells_two_flags_apart():
    texts = [f"drank again on day {n}" for n in range(20)] + [f"hears voices at night {n}" for n in range(20)]
    labels = np.zeros((40, len(IDS)))
    labels[:20, IDS.index("SU-002")] = 1
    labels[20:, IDS.index("CD-005a")] = 1
    scores = TfidfScorer(texts, labels, min_positives=5)(["she drank again", "voices at night"])
    assert scores[0, IDS.index("SU-002")] > 0 > scores[0, IDS.index("CD-005a")]
    assert scores[1, IDS.index("CD-005a")] > 0 > scores[1, IDS.index("SU-002")]


def test_a_layer_that_is_half_as_often_right_as_it_says_is_told_so():
    class Sure:
        def analyze_batch(self, texts):
            return [{"flags": [{"flag_id": "SU-002", "confidence": 0.9, "layers": ("pattern",)}]} for _ in texts]

    notes = [LabelledNote(str(n), f"note {n}", flags=("SU-002",) if n % 2 else ()) for n in range(80)]
    slope, intercept = fit_curves(Sure(), notes)["pattern"]
    assert 1 / (1 + np.exp(-(slope * np.log(9) + intercept))) == pytest.approx(0.5, abs=0.02)
    assert fit_curves(Sure(), notes[:20]) == {}
