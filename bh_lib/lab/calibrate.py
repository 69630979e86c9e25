"""From a logit to a confidence that means what it says, and to a threshold: on the development split alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import require
from bh_lib.evaluate import true_flags
from bh_lib.evaluate.file import Analyzer
from bh_lib.evaluate.outcome import as_analysis
from bh_lib.schema.note import LabelledNote
from bh_lib.schema.taxonomy import Severity, load_taxonomy
from bh_lib.sentinel.layers.transformer import Head

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["best_threshold", "calibrate_heads", "fit_curves", "platt"]

ENOUGH: Final = 8
_MANY: Final = 30
_CEILING: Final = 0.9
_PULL: Final = (8.0, 1.0)
"""How strongly a flag's curve is held to that of all flags, in log slope and intercept: a dozen positives tell no slope."""


def platt(logits: NDArray[Any], labels: NDArray[Any], near: tuple[float, float] | None = None) -> tuple[float, float]:
    """Slope and intercept of a logistic curve over logits, with Platt's smoothed targets (1999); the slope is never negative.

    Parameters
    ----------
    logits, labels : array, shape (n,)
    near : tuple of float, optional
        Slope and intercept of a curve that this one keeps near to, unless the labels say otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> slope, intercept = platt(np.array([-2.0, -1.0, 1.0, 2.0] * 50), np.array([0, 0, 1, 1] * 50))
    >>> slope > 1, abs(intercept) < 0.1
    (True, True)
    """
    np = require("numpy", extra="ml")
    optimize = require("scipy.optimize", extra="train")
    positives = labels.sum()
    negatives = len(labels) - positives
    targets = np.where(labels > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    middle = np.zeros(2) if near is None else np.array([np.log(near[0]), near[1]])
    pull = np.array([1.0, 0.0]) if near is None else np.array(_PULL)

    def objective(pair: Any) -> tuple[float, Any]:
        scores = np.exp(pair[0]) * logits + pair[1]
        wrong = 1 / (1 + np.exp(-np.clip(scores, -40, 40))) - targets
        away = pull * (pair - middle)
        loss = (np.logaddexp(0, scores) - targets * scores).sum() + 0.5 * (away * (pair - middle)).sum()
        return float(loss), np.array([(wrong * logits).sum() * np.exp(pair[0]), wrong.sum()]) + away

    found = optimize.minimize(objective, middle, jac=True, method="L-BFGS-B", bounds=[(-4, 3), (-30, 30)])
    return float(np.exp(found.x[0])), float(found.x[1])


def best_threshold(confidences: NDArray[Any], labels: NDArray[Any], beta: float, least: float = 0.15) -> float:
    """The threshold of the highest F-beta, midway to the next lower confidence, so that it isn't drawn to one example.

    It is never below ``least``: with few positives the best F-beta may lie where most alarms are false.

    Examples
    --------
    >>> import numpy as np
    >>> best_threshold(np.array([0.1, 0.3, 0.7, 0.9]), np.array([0, 0, 1, 1]), 1.0)
    0.5
    """
    np = require("numpy", extra="ml")
    order = np.argsort(-confidences, kind="stable")
    ranked, right = confidences[order], labels[order]
    hits, alarms = np.cumsum(right), np.arange(1, len(right) + 1)
    scores = (1 + beta**2) * hits / (alarms + beta**2 * max(right.sum(), 1))
    # Equal confidences can't be parted, so only the last of them is a place to cut.
    scores = np.where(np.append(ranked[1:] < ranked[:-1], True), scores, -1)
    cut = int(scores.argmax())
    below = ranked[cut + 1] if cut + 1 < len(ranked) else ranked[cut]
    return float(np.clip((ranked[cut] + below) / 2, least, _CEILING))


def calibrate_heads(
    logits: NDArray[Any],
    labels: NDArray[Any],
    learned: Sequence[bool] | NDArray[Any],
    *,
    critical_beta: float,
    least_confidence: float = 0.15,
) -> list[Head]:
    """Calibrate every flag and set its threshold.

    A flag's curve is held to that of all flags together, the more the fewer sentences of the development split carry it; with
    fewer than eight it takes their curve and threshold.

    Parameters
    ----------
    logits, labels : array, shape (n, flags)
        Of the development split.
    learned : sequence of bool
        Flags that the model knows; others get no threshold and are never raised.
    critical_beta : float
        Above 1, a critical flag's threshold favors recall.
    least_confidence : float
        No threshold lies below it.
    """
    np = require("numpy", extra="ml")
    flags, known = list(load_taxonomy()), np.asarray(learned, dtype=bool)
    together = platt(logits[:, known].ravel(), labels[:, known].ravel())
    curves = [platt(logits[:, c], labels[:, c], together) if labels[:, c].sum() >= ENOUGH else together for c in range(len(flags))]
    sure = np.stack([1 / (1 + np.exp(-np.clip(a * logits[:, c] + b, -40, 40))) for c, (a, b) in enumerate(curves)], axis=1)
    shared = best_threshold(sure[:, known].ravel(), labels[:, known].ravel(), 1.0, least_confidence)
    heads = []
    for column, flag in enumerate(flags):
        beta = critical_beta if flag.severity is Severity.CRITICAL else 1.0
        enough = labels[:, column].sum() >= ENOUGH
        threshold = best_threshold(sure[:, column], labels[:, column], beta, least_confidence) if enough else shared
        heads.append(Head(flag.flag_id, *curves[column], threshold if known[column] else None))
    return heads


def fit_curves(system: Analyzer, notes: Iterable[LabelledNote]) -> dict[str, tuple[float, float]]:
    """How often the whole sentinel's confidences were right, a curve for each set of layers that raised a flag.

    Layers that agree on fewer than thirty flags get no curve, and their confidence stays as it is.

    Parameters
    ----------
    system : Analyzer
        Without curves of its own.
    notes : iterable of LabelledNote
        Of the development split.
    """
    np = require("numpy", extra="ml")
    found: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    labelled = [(note.text, flags) for note in notes if (flags := true_flags(note)) is not None]
    for (_, truth), analysis in zip(labelled, system.analyze_batch([text for text, _ in labelled]), strict=True):
        for flag in as_analysis(analysis)["flags"]:
            found["+".join(sorted(flag["layers"]))].append((float(flag["confidence"]), flag["flag_id"] in truth))
    curves = {}
    for layers, rows in sorted(found.items()):
        if len(rows) >= _MANY:
            sure = np.clip([confidence for confidence, _ in rows], 1e-4, 1 - 1e-4)
            curves[layers] = platt(np.log(sure / (1 - sure)), np.array([float(right) for _, right in rows]))
    return curves
