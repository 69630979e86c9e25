"""A single layer judged by itself, beside the whole sentinel: without context, rules or merge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.document import Document, read_document
from bh_lib.sentinel.mention import Mention

__all__ = ["LayerAlone"]

_BEHAVIOR: Final = {"SH-006": "preparatory", "SH-008": "actual_attempt", "SH-007": "nssi"}


class _Layer(Protocol):
    name: str

    def mentions(self, document: Document) -> list[Mention]: ...


def _shape(mentions: Iterable[Mention]) -> dict[str, Any]:
    found: dict[str, list[Mention]] = {}
    for mention in mentions:
        if mention.raised:
            found.setdefault(mention.flag_id, []).append(mention)
    taxonomy = load_taxonomy()
    return {
        "flags": [
            {
                "flag_id": flag,
                "confidence": max(mention.confidence for mention in of),
                "spans": [{"start": mention.start, "end": mention.end, "sentence": mention.sentence} for mention in of],
            }
            for flag, of in found.items()
        ],
        "suppressed": [],
        "c_ssrs": {
            "ideation_level": max((taxonomy[flag].ideation or 0 for flag in found), default=0),
            "behavior": [{"kind": _BEHAVIOR[flag], "window": "unknown"} for flag in found if flag in _BEHAVIOR],
        },
    }


class LayerAlone:
    """Gives a layer's mentions the shape of an analysis, so that it is scored as the sentinel is.

    Parameters
    ----------
    layer : Layer
    """

    def __init__(self, layer: _Layer) -> None:
        self._layer = layer

    @property
    def classifier(self) -> _Layer:
        """The layer itself, for what it did not raise."""
        return self._layer

    def analyze_batch(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """One analysis a text: flags as raised, and the C-SSRS level that they map to."""
        return [_shape(self._layer.mentions(read_document(text))) for text in texts]
