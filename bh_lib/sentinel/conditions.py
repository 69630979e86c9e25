"""The conditions of a rule, typed: each reads mentions, emotions and the C-SSRS level, and nothing that a rule changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import Severity, load_taxonomy
from bh_lib.sentinel.mention import Mention

__all__ = ["All", "AnyOf", "Clause", "Condition", "Evidence", "IdeationAtLeast", "Not", "Strong"]

# A mention that isn't raised counts only for a clause that asks for just that.
_ASKS_FOR = {"historical": Temporality.HISTORICAL, "negated": Assertion.NEGATED, "hypothetical": Assertion.HYPOTHETICAL}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What conditions read."""

    mentions: Sequence[Mention]
    emotions: Mapping[str, float]
    ideation_level: int
    flags: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "flags", frozenset(mention.flag_id for mention in self.mentions))


class Condition(Protocol):
    """Holds, or doesn't."""

    def holds(self, evidence: Evidence) -> bool:
        """Whether the evidence is so."""
        ...


@dataclass(frozen=True, slots=True)
class Clause:
    """A flag is mentioned: which, how often, and how it stands."""

    flags: frozenset[str]
    count: int = 1
    assertion: frozenset[Assertion] = frozenset({Assertion.PRESENT, Assertion.POSSIBLE})
    temporality: frozenset[Temporality] = frozenset(Temporality)
    experiencer: frozenset[Experiencer] = frozenset({Experiencer.PATIENT})
    layers: int = 1
    confidence: float = 0.0
    within: int | None = None

    def _admits(self, mention: Mention) -> bool:
        if mention.flag_id not in self.flags or mention.confidence < self.confidence:
            return False
        if mention.assertion not in self.assertion or mention.experiencer not in self.experiencer:
            return False
        if mention.temporality not in self.temporality:
            return False
        if mention.reason is None:
            return True
        if mention.reason == "historical":
            return self.temporality != frozenset(Temporality)
        return mention.reason == "other_person" or _ASKS_FOR.get(mention.reason) in self.assertion

    def admitted(self, evidence: Evidence) -> list[Mention]:
        """The mentions that satisfy it one by one."""
        if self.flags.isdisjoint(evidence.flags):
            return []
        return [mention for mention in evidence.mentions if self._admits(mention)]

    def holds(self, evidence: Evidence) -> bool:
        """Whether enough mentions do, by enough layers."""
        found = self.admitted(evidence)
        return len(found) >= self.count and len({mention.layer for mention in found}) >= self.layers


@dataclass(frozen=True, slots=True)
class Strong:
    """An emotion is at least so strong."""

    emotion: str
    at_least: float

    def holds(self, evidence: Evidence) -> bool:
        """Whether it is."""
        return evidence.emotions.get(self.emotion, 0.0) >= self.at_least


@dataclass(frozen=True, slots=True)
class IdeationAtLeast:
    """The C-SSRS ideation item is at least so high."""

    level: int

    def holds(self, evidence: Evidence) -> bool:
        """Whether it is."""
        return evidence.ideation_level >= self.level


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; parts with ``within`` by mentions that stand that close together."""

    parts: tuple[Condition, ...]

    def holds(self, evidence: Evidence) -> bool:
        """Whether all do."""
        if not all(part.holds(evidence) for part in self.parts):
            return False
        near = [part for part in self.parts if isinstance(part, Clause) and part.within is not None]
        if not near:
            return True
        places = [[mention.sentence for mention in clause.admitted(evidence)] for clause in near]
        reach = near[0].within or 0
        # A window that holds one of each begins at the sentence of some mention.
        return any(
            all(any(start <= sentence <= start + reach for sentence in found) for found in places)
            for start in {sentence for found in places for sentence in found}
        )


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def holds(self, evidence: Evidence) -> bool:
        """Whether one does."""
        return any(part.holds(evidence) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """The part doesn't hold."""

    part: Condition

    def holds(self, evidence: Evidence) -> bool:
        """Whether it doesn't."""
        return not self.part.holds(evidence)


def flags_at_least(severity: Severity) -> frozenset[str]:
    """The flags of that severity or above."""
    return frozenset(flag.flag_id for flag in load_taxonomy() if flag.severity >= severity)


def flags_of(condition: Condition) -> frozenset[str]:
    """Every flag that a condition asks to be there, what stands under a `Not` aside."""
    if isinstance(condition, Clause):
        return condition.flags
    if isinstance(condition, All | AnyOf):
        return frozenset().union(*(flags_of(part) for part in condition.parts))
    return frozenset()
