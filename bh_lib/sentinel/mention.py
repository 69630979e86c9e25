"""The atom of the sentinel: one flag, in one place, and how it stands there."""

from __future__ import annotations

from dataclasses import dataclass

from bh_lib.schema.mention import Assertion, Experiencer, Temporality

__all__ = ["Context", "Mention"]


@dataclass(frozen=True, slots=True)
class Context:
    """How a span stands in its sentence.

    Attributes
    ----------
    assertion, temporality, experiencer
    cues : tuple of str
        The id of each cue that decided, ours and never the text's words.
    reason : str or None
        Why a mention here is not raised: negated, hypothetical, education, figurative, fiction, other_person or
        historical.
    window_days : int or None
        It happened within so many days, where the text says when.
    """

    assertion: Assertion = Assertion.PRESENT
    temporality: Temporality = Temporality.CURRENT
    experiencer: Experiencer = Experiencer.PATIENT
    cues: tuple[str, ...] = ()
    reason: str | None = None
    window_days: int | None = None

    @property
    def negated(self) -> bool:
        """Whether the text denies it."""
        return self.assertion is Assertion.NEGATED

    @property
    def hypothetical(self) -> bool:
        """Whether the text speaks of it as not real, or not yet."""
        return self.assertion is Assertion.HYPOTHETICAL


@dataclass(frozen=True, slots=True)
class Mention:
    """A flag in a place. Offsets are indices into the text as given, end exclusive."""

    flag_id: str
    start: int
    end: int
    sentence: int
    assertion: Assertion = Assertion.PRESENT
    temporality: Temporality = Temporality.CURRENT
    experiencer: Experiencer = Experiencer.PATIENT
    layer: str = "pattern"
    confidence: float = 1.0
    cues: tuple[str, ...] = ()
    window_days: int | None = None
    reason: str | None = None
    timed: bool = False
    """Whether a cue says when; without one, ``temporality`` is only the default."""
    behavior: str | None = None
    """A kind of suicidal behavior that the phrase itself tells, such as ``aborted``."""

    @property
    def raised(self) -> bool:
        """Whether it counts for the patient: nothing says that it is denied, another's, unreal or over."""
        return self.reason is None
