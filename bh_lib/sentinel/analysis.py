"""What the sentinel answers. No text is ever in it: offsets point into the text that the caller holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import Severity
from bh_lib.sentinel.cssrs import CSsrs

__all__ = ["CLINICAL_USE_NOTICE", "Analysis", "Finding", "Place", "Summary", "Suppressed"]

CLINICAL_USE_NOTICE: Final = (
    "Decision support, not a diagnosis: these are possible signals in a text. Read the passages, ask the person, use a validated "
    "instrument, and decide yourself. A text without flags is not a person without risk."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding stands, and what found it.

    Attributes
    ----------
    start, end : int
        Python string indices into the text as given, end exclusive.
    sentence : int
        Number of the sentence, from 0.
    cues : tuple of str
        Ids of the pattern or model, and of each context cue that decided.
    """

    start: int
    end: int
    sentence: int
    cues: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in ``schema/analysis``."""
        return {"start": self.start, "end": self.end, "sentence": self.sentence, "cue": " ".join(self.cues)}


@dataclass(frozen=True, slots=True)
class Finding:
    """A flag that is raised, with every place that raised it.

    ``assertion``, ``temporality`` and ``experiencer`` are those of its gravest mention; each other mention keeps its own place.
    """

    flag_id: str
    domain: str
    name: str
    severity: Severity
    confidence: float
    assertion: Assertion
    temporality: Temporality
    experiencer: Experiencer
    layers: tuple[str, ...]
    spans: tuple[Place, ...]
    basis: str

    def to_dict(self) -> dict[str, Any]:
        """As in ``schema/analysis``."""
        return {
            "flag_id": self.flag_id,
            "domain": self.domain,
            "name": self.name,
            "severity": self.severity.name,
            "confidence": round(self.confidence, 4),
            "assertion": self.assertion.value,
            "temporality": self.temporality.value,
            "experiencer": self.experiencer.value,
            "layers": list(self.layers),
            "spans": [span.to_dict() for span in self.spans],
            "basis": self.basis,
        }


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A flag that was mentioned and not raised, and why: negated, historical, other_person, hypothetical, figurative, …"""

    flag_id: str
    reason: str
    spans: tuple[Place, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in ``schema/analysis``."""
        return {"flag_id": self.flag_id, "reason": self.reason, "spans": [span.to_dict() for span in self.spans]}


@dataclass(frozen=True, slots=True)
class Summary:
    """What to do first."""

    max_severity: Severity | None
    immediate_review: bool
    recommended_action: str

    def to_dict(self) -> dict[str, Any]:
        """As in ``schema/analysis``."""
        return {
            "max_severity": None if self.max_severity is None else self.max_severity.name,
            "immediate_review": self.immediate_review,
            "recommended_action": self.recommended_action,
        }


@dataclass(frozen=True, slots=True)
class Analysis:
    """The sentinel's answer to one text; `to_dict` gives the JSON of ``schema/analysis/1.0``.

    Attributes
    ----------
    flags : tuple of Finding
        Raised flags, gravest first.
    suppressed : tuple of Suppressed
    emotions : mapping of str to float
        How strongly the strongest sentence speaks of each of eleven emotions, 0 to 1.
    c_ssrs : CSsrs
    summary : Summary
    status : mapping of str to str
        ``ok``, ``off`` or ``failed`` a layer.
    taxonomy_version : str
    note_id : str or None
        ``id`` in JSON.
    """

    flags: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    emotions: Mapping[str, float]
    c_ssrs: CSsrs
    summary: Summary
    status: Mapping[str, str]
    taxonomy_version: str
    note_id: str | None = None
    clinical_use_notice: str = field(default=CLINICAL_USE_NOTICE, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``schema/analysis/1.0``."""
        return {
            "schema_version": "1.0",
            "id": self.note_id,
            "taxonomy_version": self.taxonomy_version,
            "flags": [finding.to_dict() for finding in self.flags],
            "suppressed": [item.to_dict() for item in self.suppressed],
            "emotions": {name: round(score, 4) for name, score in self.emotions.items()},
            "c_ssrs": self.c_ssrs.to_dict(),
            "summary": self.summary.to_dict(),
            "status": dict(self.status),
            "clinical_use_notice": self.clinical_use_notice,
        }
