"""A config is overrides and a reason; what it doesn't know, it refuses."""

from __future__ import annotations

import pytest

from bh_lib.errors import ConfigError
from bh_lib.lab import parse_config, read_config

GOOD = 'name = "x-1"\nreason = "to see"\n'


def test_what_is_not_said_is_the_default():
    assert parse_config(GOOD).to_dict() == {**parse_config(GOOD + "seed = 7").to_dict()}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("learning_rate = 3", "learning_rate: unknown key"),
        ('model = "gpt"', "model: one of"),
        ("seed = -1", "seed: from"),
        ("seed = true", "seed: an integer"),
        ('window = "2"', "window: an integer"),
        ("penalties = []", "penalties: a list"),
        ("int8 = 1", "int8: true or false"),
        ("x =", "not valid TOML"),
    ],
)
def test_a_wrong_line_is_refused_by_name(line, said):
    with pytest.raises(ConfigError, match=said):
        parse_config(GOOD + line)


def test_an_experiment_without_a_reason_is_refused():
    with pytest.raises(ConfigError, match="reason: is missing"):
        parse_config('name = "x"')


def test_every_experiment_of_the_checkout_reads(root):
    folders = [path.parent for path in (root / "experiments").glob("*/config.toml")]
    assert len(folders) >= 3
    for folder in folders:
        assert read_config(folder).name == folder.name
        assert "## Verdict" in (folder / "README.md").read_text()
