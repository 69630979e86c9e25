"""What an experiment changes, and why: a TOML file of overrides. An unknown key is an error, never a silent default."""

from __future__ import annotations

import os
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from bh_lib.errors import ConfigError

__all__ = ["MODELS", "ExperimentConfig", "parse_config", "read_config"]

MODELS: Final = ("none", "tfidf", "frozen", "tuned")


@dataclass(frozen=True, slots=True)
class ExperimentConfig:
    """One experiment.

    Attributes
    ----------
    name : str
        Of the run; letters, digits and hyphens.
    reason : str
        What is changed and why: a config that doesn't say can't be judged later.
    model : {"none", "tfidf", "frozen", "tuned"}
        Rules only; TF-IDF and logistic regression; heads on a frozen encoder; an encoder and its head trained together.
    encoder : str or None
        A folder with another encoder's weights; the embedded one where not given.
    encoder_layers : int
        How many of its layers are kept, from the first: fewer are faster.
    int8 : bool
        Whether its weights are quantized. The heads are trained on what the quantized encoder gives.
    max_tokens : int
        Longer sentences are cut.
    window : int
        The longest window of neighboring sentences that is scored, 1-3.
    tuned_layers, epochs, rate : int, float, float
        Of a tuned encoder: how many layers, from the last, are trained, how often it sees each sentence, and its learning rate.
    penalties : tuple of float
        L2 penalties to try; the one with the least loss on the development split is kept, for each flag.
    pattern_examples : bool
        Whether the sentences that stand beside the patterns, as what they must raise and spare, join the seeds in training.
    min_positives : int
        A flag with fewer training sentences gets no head.
    hard_weight : float
        How much a hard negative counts in training; other sentences count 1.
    critical_beta : float
        Thresholds of CRITICAL flags maximize F-beta on the development split, others F1: above 1 favors recall.
    least_confidence : float
        No threshold lies below it, whatever the development split would like: a floor for the PPV of a single alarm. Its default
        was chosen with figures of the real development data at hand.
    train_notes : int
        Composed notes whose sentences join the seeds in training.
    dev_notes, test_notes : int
        Composed notes to score on, beside the seeds themselves.
    train_share, judge_share : float
        The share of seed families that are used as examples: of the training split, and of the other two. Composed dev and
        test notes draw on all of theirs.
    seed : int
    """

    name: str
    reason: str
    model: str = "frozen"
    encoder: str | None = None
    encoder_layers: int = 6
    int8: bool = True
    max_tokens: int = 96
    window: int = 1
    tuned_layers: int = 6
    epochs: float = 3.0
    rate: float = 1.5e-4
    pattern_examples: bool = False
    penalties: tuple[float, ...] = (30.0, 100.0, 300.0, 1000.0)
    min_positives: int = 8
    hard_weight: float = 2.0
    critical_beta: float = 1.5
    least_confidence: float = 0.3
    train_notes: int = 0
    dev_notes: int = 300
    test_notes: int = 300
    train_share: float = 1.0
    judge_share: float = 1.0
    seed: int = 7

    def to_dict(self) -> dict[str, Any]:
        """All settings, defaults with them."""
        return asdict(self)


_RANGES: Final[dict[str, tuple[float, float]]] = {
    "encoder_layers": (1, 48),
    "max_tokens": (8, 512),
    "window": (1, 3),
    "tuned_layers": (1, 48),
    "epochs": (0.01, 100),
    "rate": (1e-7, 0.1),
    "min_positives": (2, 10_000),
    "hard_weight": (0.1, 100),
    "critical_beta": (0.1, 10),
    "least_confidence": (0.01, 0.9),
    "train_share": (0.001, 1),
    "judge_share": (0.001, 1),
    "train_notes": (0, 1_000_000),
    "dev_notes": (0, 1_000_000),
    "test_notes": (0, 1_000_000),
    "seed": (0, 2**31),
}


def _value(key: str, value: object, kind: str, path: str | None) -> object:
    def refuse(rule: str) -> ConfigError:
        return ConfigError(rule, path=path, place=key)

    if kind.startswith("tuple"):
        if not isinstance(value, list) or not value or not all(type(each) in (int, float) and each > 0 for each in value):
            raise refuse("a list of numbers above 0")
        return tuple(float(each) for each in value)
    if kind.startswith("str"):
        if not isinstance(value, str) or not value.strip():
            raise refuse("a string that is not empty")
        return value
    if kind == "bool":
        if not isinstance(value, bool):
            raise refuse("true or false")
        return value
    low, high = _RANGES[key]
    if type(value) is not int and not (kind == "float" and type(value) is float):
        raise refuse("a number" if kind == "float" else "an integer")
    if not low <= float(value) <= high:
        raise refuse(f"from {low} to {high}")
    return value


def parse_config(text: str, path: str | None = None) -> ExperimentConfig:
    """Read an experiment's settings.

    Raises
    ------
    ConfigError
        If the text is not TOML, ``name`` or ``reason`` is missing, or a key is unknown or has a value that is not allowed.

    Examples
    --------
    >>> parse_config('name = "x"\\nreason = "to see"\\nmodel = "tfidf"').model
    'tfidf'
    >>> parse_config('name = "x"\\nreason = "to see"\\npenalty = 3')
    Traceback (most recent call last):
    ...
    bh_lib.errors.ConfigError: penalty: unknown key
    """
    try:
        rows = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not valid TOML: {error}", path=path) from None
    kinds = {field.name: str(field.type) for field in fields(ExperimentConfig)}
    for key in rows:
        if key not in kinds:
            raise ConfigError("unknown key", path=path, place=key)
    for key in ("name", "reason"):
        if key not in rows:
            raise ConfigError("is missing: an experiment has a name and a reason", path=path, place=key)
    config = ExperimentConfig(**{key: _value(key, value, kinds[key], path) for key, value in rows.items()})  # type: ignore[arg-type]
    if not all(each.isalnum() or each == "-" for each in config.name):
        raise ConfigError("letters, digits and hyphens only", path=path, place="name")
    if config.model not in MODELS:
        raise ConfigError(f"one of {', '.join(MODELS)}", path=path, place="model")
    return config


def read_config(folder: str | os.PathLike[str]) -> ExperimentConfig:
    """Read ``config.toml`` of an experiment's folder, or such a file itself; faults as in `parse_config`."""
    path = Path(folder)
    if path.is_dir():
        path = path / "config.toml"
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError("no such file: an experiment is a folder with a config.toml", path=str(path)) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8", path=str(path)) from None
    return parse_config(text, str(path))
