"""How a mention of a flag stands: is it so, when, and of whom. Shared by who writes labels and who predicts them."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Assertion", "Experiencer", "Temporality"]


class Assertion(StrEnum):
    """Whether the text says that it is so."""

    PRESENT = "present"
    NEGATED = "negated"
    POSSIBLE = "possible"
    HYPOTHETICAL = "hypothetical"


class Temporality(StrEnum):
    """When it is so. Unknown never lowers a level."""

    CURRENT = "current"
    RECENT = "recent"
    HISTORICAL = "historical"
    UNKNOWN = "unknown"


class Experiencer(StrEnum):
    """Of whom it is so."""

    PATIENT = "patient"
    FAMILY = "family"
    OTHER = "other"
