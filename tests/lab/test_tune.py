"""A tuned classifier learns what it was shown, the same call gives the same, and a sentence scores the same beside any other."""

from __future__ import annotations

import numpy as np
import pytest

from bh_lib.errors import InputError
from bh_lib.lab.tune import tune_classifier

pytest.importorskip("torch")

TEXTS = [f"drank again on day {n}" for n in range(32)] + [f"hears voices at night {n}" for n in range(32)]
LABELS = np.repeat(np.eye(40)[:2], 32, axis=0)
BRIEF = {"layers": 2, "tuned_layers": 1, "epochs": 6.0, "rate": 1e-3, "max_tokens": 16}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BH_LIB_CACHE", str(tmp_path))
    return tmp_path


def test_it_learns_what_it_was_shown_and_the_same_call_gives_the_same_network(cache):
    made = tune_classifier(TEXTS, LABELS, np.ones(64), **BRIEF)
    logits = made.features(["drank again on day 40", "hears voices at night 41"])
    assert logits.shape == (2, 40)
    assert logits[0, 0] > logits[0, 1] and logits[1, 1] > logits[1, 0]
    assert tune_classifier(TEXTS, LABELS, np.ones(64), **BRIEF) == made
    assert tune_classifier(TEXTS[:40], LABELS[:40], np.ones(40), **BRIEF) != made


def test_trained_again_from_nothing_kept_it_gives_the_same_numbers(tmp_path, monkeypatch):
    logits = []
    for place in ("one", "two"):
        monkeypatch.setenv("BH_LIB_CACHE", str(tmp_path / place))
        logits.append(tune_classifier(TEXTS, LABELS, np.ones(64), **BRIEF).features(["drank again", "slept well"]))
    assert np.array_equal(*logits)


def test_a_sentence_scores_the_same_whatever_stands_beside_it(cache):
    made = tune_classifier(TEXTS, LABELS, np.ones(64), **BRIEF)
    alone = made.features(["drank again"])
    beside = made.features(["drank again", "hears voices at night and in the morning as well"])
    assert np.allclose(alone[0], beside[0], atol=1e-4)


def test_nothing_to_learn_from_is_an_error(cache):
    with pytest.raises(InputError, match="no training sentences"):
        tune_classifier([], LABELS[:0], np.ones(0))


def test_more_layers_than_there_are_is_an_error(cache):
    with pytest.raises(InputError, match="as many layers"):
        tune_classifier(TEXTS, LABELS, np.ones(64), **{**BRIEF, "layers": 12})
