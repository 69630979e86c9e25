"""From mentions to the items of the Columbia-Suicide Severity Rating Scale: ideation, behavior, triage.

Item numbers and our own paraphrase only; the instrument itself is asked by a clinician. The default triage follows the published
screener's triage points: HIGH for items 4-5 in the past month or any suicidal behavior within three months, MODERATE for item 3 in
the past month or behavior longer ago, LOW for items 1-2 (Posner et al., Am J Psychiatry 2011;168:1266-77). A site changes it with
a `Profile`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.mention import Mention

__all__ = ["DEFAULT_PROFILE", "Behavior", "CSsrs", "Profile", "Triage", "assess", "window_of"]

_MONTH, _QUARTER = 31, 92
_BEHAVIOR_OF: Final = {"SH-006": "preparatory", "SH-007": "nssi", "SH-008": "actual_attempt"}
_KINDS: Final = ("actual_attempt", "interrupted", "aborted", "preparatory", "nssi")
_WINDOWS: Final = ("≤1mo", "≤3mo", "unknown", "lifetime")


class Triage(IntEnum):
    """How soon a person should look; the order is in the type."""

    NONE = 0
    LOW = 1
    MODERATE = 2
    HIGH = 3


@dataclass(frozen=True, slots=True)
class Behavior:
    """A behavior and the time that it fell in: ≤1mo, ≤3mo, lifetime or unknown."""

    kind: str
    window: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A site's policy.

    Attributes
    ----------
    name : str
    high_item, moderate_item : int
        The lowest ideation item of the past month that makes triage HIGH, or MODERATE.
    recent_behavior : Triage
        For suicidal behavior within three months, and for behavior whose time is not known.
    past_behavior : Triage
        For suicidal behavior longer ago.
    past_ideation : Triage
        For ideation that is told as past.
    nssi : Triage
        For self-injury without suicidal intent, at any time.
    """

    name: str = "default"
    high_item: int = 4
    moderate_item: int = 3
    recent_behavior: Triage = Triage.HIGH
    past_behavior: Triage = Triage.MODERATE
    past_ideation: Triage = Triage.LOW
    nssi: Triage = Triage.LOW

    def __post_init__(self) -> None:
        if not 1 <= self.moderate_item <= self.high_item <= 5:
            raise ValueError("1 <= moderate_item <= high_item <= 5")
        if self.past_behavior > self.recent_behavior:
            raise ValueError("past behavior can't be graver than recent behavior")


DEFAULT_PROFILE: Final = Profile()


@dataclass(frozen=True, slots=True)
class CSsrs:
    """Ideation item 0-5, behaviors, triage, and a sentence for each thing that decided."""

    ideation_level: int
    behavior: tuple[Behavior, ...]
    triage: Triage
    basis: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in ``schema/analysis``."""
        return {
            "ideation_level": self.ideation_level,
            "behavior": [{"kind": each.kind, "window": each.window} for each in self.behavior],
            "triage": self.triage.name.lower(),
            "basis": list(self.basis),
        }


def window_of(mention: Mention) -> str:
    """The time in which a behavior fell.

    Examples
    --------
    >>> window_of(Mention("SH-008", 0, 1, 0, window_days=20)), window_of(Mention("SH-008", 0, 1, 0, window_days=700))
    ('≤1mo', 'lifetime')
    >>> window_of(Mention("SH-008", 0, 1, 0, temporality=Temporality.HISTORICAL)), window_of(Mention("SH-008", 0, 1, 0))
    ('lifetime', 'unknown')
    """
    if mention.window_days is not None:
        days = mention.window_days
        return "≤1mo" if days <= _MONTH else "≤3mo" if days <= _QUARTER else "lifetime"
    if mention.temporality is Temporality.HISTORICAL:
        return "lifetime"
    if mention.temporality is Temporality.RECENT:
        return "≤3mo"
    # Present tense is only the default where no cue says when.
    return "≤1mo" if mention.timed and mention.temporality is Temporality.CURRENT else "unknown"


def _counts(mention: Mention) -> bool:
    return (
        mention.reason in (None, "historical")
        and mention.experiencer is Experiencer.PATIENT
        and mention.assertion in (Assertion.PRESENT, Assertion.POSSIBLE)
    )


def _in_past_month(mention: Mention) -> bool:
    if mention.window_days is not None:
        return mention.window_days <= _MONTH
    # Unknown never lowers a level: only what is told as past is past.
    return mention.temporality is not Temporality.HISTORICAL


def _ideation(mentions: list[Mention]) -> tuple[int, bool]:
    items = load_taxonomy().flags
    told = [(items[m.flag_id].ideation or 0, _in_past_month(m)) for m in mentions]
    return max((item for item, now in told if now), default=0), any(item and not now for item, now in told)


def _behaviors(mentions: list[Mention]) -> tuple[Behavior, ...]:
    latest: dict[str, str] = {}
    for mention in mentions:
        kind = mention.behavior or _BEHAVIOR_OF.get(mention.flag_id)
        if kind is not None:
            window = window_of(mention)
            latest[kind] = min(latest.get(kind, window), window, key=_WINDOWS.index)
    return tuple(Behavior(kind, latest[kind]) for kind in _KINDS if kind in latest)


def assess(mentions: Iterable[Mention], profile: Profile = DEFAULT_PROFILE) -> CSsrs:
    """Read ideation, behavior and triage off the mentions of a text.

    Only what is said of the patient as so, or as possible, counts; what is told as past counts as past. Protective factors are not
    looked at: they never lower a triage level.

    Examples
    --------
    >>> past = Mention("SH-008", 9, 12, 1, temporality=Temporality.HISTORICAL, reason="historical")
    >>> found = assess([Mention("SH-003", 0, 4, 0), past])
    >>> found.ideation_level, [(each.kind, each.window) for each in found.behavior], found.triage.name
    (3, [('actual_attempt', 'lifetime')], 'MODERATE')
    """
    counted = [mention for mention in mentions if _counts(mention)]
    level, past_ideation = _ideation(counted)
    behaviors = _behaviors(counted)
    reasons: list[tuple[Triage, str]] = []
    if level:
        triage = Triage.HIGH if level >= profile.high_item else Triage.MODERATE if level >= profile.moderate_item else Triage.LOW
        reasons.append((triage, f"Ideation item {level}, in the past month or with no time told."))
    elif past_ideation:
        reasons.append((profile.past_ideation, "Suicidal ideation is told as past."))
    for behavior in behaviors:
        words = behavior.kind.replace("_", " ")
        if behavior.kind == "nssi":
            reasons.append((profile.nssi, f"Self-injury without suicidal intent ({behavior.window})."))
        elif behavior.window == "lifetime":
            reasons.append((profile.past_behavior, f"Suicidal behavior longer than three months ago: {words}."))
        else:
            when = (
                "at a time that is not told, so counted as recent"
                if behavior.window == "unknown"
                else f"within {behavior.window[1:]}"
            )
            reasons.append((profile.recent_behavior, f"Suicidal behavior {when}: {words}."))
    triage = max((reason[0] for reason in reasons), default=Triage.NONE)
    return CSsrs(level, behaviors, triage, tuple(words for _, words in reasons))
