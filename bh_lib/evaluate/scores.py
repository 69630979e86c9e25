"""A classifier's own scores of each note, for what it did not raise: without them, nothing below a threshold can be ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bh_lib.sentinel.document import read_document

__all__ = ["classifier_scores"]


def _of(layer: Any, text: str) -> dict[str, float]:
    document = read_document(text)
    sentences = list(dict.fromkeys(document.text[each.start : each.end] for each in document.sentences))
    if not sentences:
        return {}
    try:
        rows = layer.score(sentences)
        # A flag that the model never learned has no threshold, and its score means nothing.
        known = [(column, head.flag_id) for column, head in enumerate(layer.heads) if head.threshold is not None]
        return {flag: max(float(row[column]) for row in rows) for column, flag in known}
    except Exception:  # noqa: BLE001 - what a model says of its failure may hold text; a note without scores is ranked by its flags
        return {}


def classifier_scores(system: object, texts: Sequence[str]) -> list[Mapping[str, float]] | None:
    """The highest score of any sentence, by flag, one mapping a text; None where the system has no classifier that scores.

    Parameters
    ----------
    system : object
        With a ``classifier`` that has ``score(sentences)`` and ``heads``, as a `Sentinel` with a trained layer 2 has.
    texts : sequence of str

    Examples
    --------
    >>> from bh_lib.sentinel import Sentinel
    >>> classifier_scores(Sentinel.load(), ["Slept well."]) is None
    True
    """
    layer = getattr(system, "classifier", None)
    if not callable(getattr(layer, "score", None)) or not hasattr(layer, "heads"):
        return None
    return [_of(layer, text) for text in texts]
