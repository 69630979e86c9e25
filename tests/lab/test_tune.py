"""A tuned encoder: what it was shown moves its last layers and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from bh_lib.errors import InputError
from bh_lib.lab.encoder import find_encoder
from bh_lib.lab.tune import tune_encoder

pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.numpy")

TEXTS = [f"drank again on day {n}" for n in range(32)] + [f"hears voices at night {n}" for n in range(32)]
LABELS = np.repeat(np.eye(40)[:2], 32, axis=0)
BRIEF = {"layers": 2, "tuned_layers": 1, "epochs": 1.0, "rate": 1e-3, "max_tokens": 16}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BH_LIB_CACHE", str(tmp_path))
    return tmp_path


def test_only_the_last_kept_layers_move_and_the_same_call_gives_the_same_folder(cache):
    folder = tune_encoder(TEXTS, LABELS, np.ones(64), **BRIEF)
    before = safetensors.load_file(find_encoder() / "model.safetensors")
    after = safetensors.load_file(find_encoder(folder) / "model.safetensors")
    moved = {name for name in after if not np.array_equal(before[name], after[name])}
    assert moved and all(name.startswith("encoder.layer.1.") for name in moved)
    assert tune_encoder(TEXTS, LABELS, np.ones(64), **BRIEF) == folder
    assert tune_encoder(TEXTS[:40], LABELS[:40], np.ones(40), **BRIEF) != folder


def test_nothing_to_learn_from_is_an_error(cache):
    with pytest.raises(InputError, match="no training sentences"):
        tune_encoder([], LABELS[:0], np.ones(0))


def test_more_layers_than_there_are_is_an_error(cache):
    with pytest.raises(InputError, match="as many layers"):
        tune_encoder(TEXTS, LABELS, np.ones(64), **{**BRIEF, "layers": 12})
