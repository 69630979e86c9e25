"""What a layer is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from bh_lib.sentinel.document import Document
from bh_lib.sentinel.mention import Mention

__all__ = ["Layer"]


@runtime_checkable
class Layer(Protocol):
    """Finds mentions; holds nothing of a text after it returns."""

    name: str

    def mentions(self, document: Document) -> list[Mention]:
        """All mentions in a document, raised or not."""
        ...
