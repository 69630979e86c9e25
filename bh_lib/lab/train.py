"""Logistic heads, all flags at once, on whatever features a text was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bh_lib._extras import require
from bh_lib.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LinearHeads", "TfidfScorer", "fit_heads"]

Scorer = Callable[[Sequence[str]], "NDArray[Any]"]


@dataclass(frozen=True, slots=True)
class LinearHeads:
    """``logits = features @ weights + bias``; a flag that was not learned has weights of zero.

    Attributes
    ----------
    weights : array, shape (features, flags)
    bias : array, shape (flags,)
    learned : array of bool, shape (flags,)
    penalties : array, shape (flags,)
        The L2 penalty that was kept.
    """

    weights: NDArray[Any]
    bias: NDArray[Any]
    learned: NDArray[Any]
    penalties: NDArray[Any]

    def logits(self, features: NDArray[Any]) -> NDArray[Any]:
        """Shape (n, flags)."""
        return features @ self.weights + self.bias  # type: ignore[no-any-return]


def _losses(logits: Any, labels: Any, weights: Any) -> Any:
    np = require("numpy", extra="ml")
    return (weights * (np.logaddexp(0, logits) - labels * logits)).sum(axis=0)


def _fit(features: Any, labels: Any, weights: Any, penalty: float) -> tuple[Any, Any]:
    np = require("numpy", extra="ml")
    optimize = require("scipy.optimize", extra="train")
    width, flags = features.shape[1], labels.shape[1]

    def objective(flat: Any) -> tuple[float, Any]:
        # Features in single precision halve the time; the optimizer's own arithmetic stays in double.
        matrix = flat.reshape(width + 1, flags).astype(np.float32)
        logits = features @ matrix[:-1] + matrix[-1]
        wrong = weights * (1 / (1 + np.exp(-np.clip(logits, -40, 40))) - labels)
        slope = np.vstack([features.T @ wrong.astype(np.float32) + penalty * matrix[:-1], wrong.sum(axis=0)]).astype(float)
        return float(_losses(logits, labels, weights).sum() + penalty / 2 * (matrix[:-1] ** 2).sum()), slope.ravel()

    start = np.zeros((width + 1) * flags)
    # One thread: matrices this small lose a factor of ten to threads that wait for each other, and the sums keep their order.
    with require("threadpoolctl", extra="train").threadpool_limits(1, user_api="blas"):
        found = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 150, "ftol": 1e-7})
    matrix = found.x.reshape(width + 1, flags)
    return matrix[:-1], matrix[-1]


def fit_heads(
    features: NDArray[Any],
    labels: NDArray[Any],
    dev_features: NDArray[Any],
    dev_labels: NDArray[Any],
    *,
    penalties: Sequence[float],
    min_positives: int,
    counts: NDArray[Any] | None = None,
) -> LinearHeads:
    """Fit one logistic head a flag; each keeps the penalty with the least loss on the development split.

    Positives weigh the square root of how rare they are, so that a rare flag is learned and its scores stay near its odds;
    ``counts`` weighs whole rows besides.

    Raises
    ------
    InputError
        If no flag has enough positives.
    """
    np = require("numpy", extra="ml")
    positives = labels.sum(axis=0)
    learned = positives >= min_positives
    if not learned.any():
        raise InputError(f"no flag has {min_positives} training sentences")
    # One scale for all: their lengths say how much the encoder's dimensions matter, and scaling each would level that.
    middle, spread = features.mean(axis=0), float(features.std()) + 1e-6
    scaled, dev_scaled = ((each - middle) / spread for each in (features.astype(np.float32), dev_features.astype(np.float32)))
    rarity = np.sqrt((len(labels) - positives[learned]) / positives[learned])
    truth, dev_truth = labels[:, learned], dev_labels[:, learned]
    weights = np.where(truth > 0, rarity, 1.0) * (1.0 if counts is None else counts[:, None])
    fits = [_fit(scaled, truth, weights, penalty) for penalty in penalties]
    dev_weights = np.where(dev_truth > 0, rarity, 1.0)
    losses = np.stack([_losses(dev_scaled @ matrix + bias, dev_truth, dev_weights) for matrix, bias in fits])
    # A flag that the development split hardly shows takes the penalty that is best for all together.
    shown = dev_truth.sum(axis=0) >= 5
    best = np.where(shown, losses.argmin(axis=0), losses.sum(axis=1).argmin())
    width, flags = features.shape[1], labels.shape[1]
    matrix, bias, kept = np.zeros((width, flags)), np.full(flags, -20.0), np.zeros(flags)
    for column, (flag, choice) in enumerate(zip(np.flatnonzero(learned), best, strict=True)):
        chosen, offset = fits[choice]
        matrix[:, flag] = chosen[:, column] / spread
        bias[flag] = offset[column] - matrix[:, flag] @ middle
        kept[flag] = penalties[choice]
    return LinearHeads(matrix, bias, learned, kept)


class TfidfScorer:
    """The baseline to beat: word and character n-grams, and a logistic regression a flag."""

    def __init__(
        self, sentences: Sequence[str], labels: NDArray[Any], *, min_positives: int, counts: NDArray[Any] | None = None
    ) -> None:
        np = require("numpy", extra="ml")
        text = require("sklearn.feature_extraction.text", extra="train")
        pipeline = require("sklearn.pipeline", extra="train")
        linear = require("sklearn.linear_model", extra="train")
        self.learned = labels.sum(axis=0) >= min_positives
        if not self.learned.any():
            raise InputError(f"no flag has {min_positives} training sentences")
        self._features = pipeline.make_union(
            text.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"[\w']+|[^\w\s]"),  # noqa: S106 - words, no password
            text.TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2, sublinear_tf=True),
        )
        matrix = self._features.fit_transform(sentences)
        self._models = {
            int(flag): linear.LogisticRegression(C=10.0, class_weight="balanced", solver="liblinear", random_state=0).fit(
                matrix, labels[:, flag], counts
            )
            for flag in np.flatnonzero(self.learned)
        }

    def __call__(self, sentences: Sequence[str]) -> NDArray[Any]:
        """Logits, shape (sentences, flags)."""
        np = require("numpy", extra="ml")
        matrix = self._features.transform(sentences)
        logits = np.full((len(sentences), len(self.learned)), -20.0)
        for flag, model in self._models.items():
            logits[:, flag] = model.decision_function(matrix)
        return logits  # type: ignore[no-any-return]
