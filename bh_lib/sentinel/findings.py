"""From mentions to findings: one a flag, with a sentence that says why it was raised."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import Severity, load_taxonomy
from bh_lib.sentinel.analysis import Finding, Place, Summary, Suppressed
from bh_lib.sentinel.cssrs import CSsrs, Triage
from bh_lib.sentinel.mention import Mention
from bh_lib.sentinel.rules import Decision

__all__ = ["findings", "summarize", "suppressed"]

_ASSERTIONS = tuple(Assertion)
_TIMES = (Temporality.CURRENT, Temporality.RECENT, Temporality.UNKNOWN, Temporality.HISTORICAL)
_ACTIONS = {
    None: "Nothing was flagged. That is no finding of safety: go by your own assessment.",
    Severity.POSITIVE: "Only protective factors were flagged. That is no finding of safety: go by your own assessment.",
    Severity.LOW: "Read the flagged passages at the next contact.",
    Severity.MEDIUM: "Read the flagged passages, and bring them up at the next contact.",
    Severity.HIGH: "Read the flagged passages today, and decide whether to contact the person.",
    Severity.CRITICAL: "Read the flagged passages now, and assess the person's safety.",
}


def _place(mention: Mention) -> Place:
    return Place(mention.start, mention.end, mention.sentence, mention.cues)


def _by_flag(mentions: Iterable[Mention]) -> dict[str, list[Mention]]:
    grouped: dict[str, list[Mention]] = defaultdict(list)
    for mention in mentions:
        grouped[mention.flag_id].append(mention)
    return grouped


def _gravest(mentions: Sequence[Mention]) -> Mention:
    return min(mentions, key=lambda m: (_ASSERTIONS.index(m.assertion), _TIMES.index(m.temporality), -m.confidence, m.start))


def _confidence(mentions: Sequence[Mention], curves: Mapping[str, tuple[float, float]]) -> float:
    # Two layers that agree are two pieces of evidence; ten mentions by one layer are not ten.
    best: dict[str, float] = {}
    for mention in mentions:
        best[mention.layer] = max(best.get(mention.layer, 0.0), mention.confidence)
    doubt = 1.0
    for confidence in best.values():
        doubt *= 1.0 - confidence
    curve = curves.get("+".join(sorted(best)))
    if curve is None:
        return 1.0 - doubt
    sure = min(max(1.0 - doubt, 1e-4), 1.0 - 1e-4)
    return 1.0 / (1.0 + math.exp(-(curve[0] * math.log(sure / (1.0 - sure)) + curve[1])))


def _basis(flag_id: str, mentions: Sequence[Mention], decision: Decision) -> str:
    by = []
    patterns = sorted({mention.cues[0] for mention in mentions if mention.layer == "pattern" and mention.cues})
    if patterns:
        by.append(f"pattern {', '.join(patterns)}")
    if any(mention.layer == "transformer" for mention in mentions):
        by.append("the trained model")
    gravest = _gravest(mentions)
    places = "one place" if len(mentions) == 1 else f"{len(mentions)} places"
    whose = "the patient" if gravest.experiencer is Experiencer.PATIENT else f"somebody else ({gravest.experiencer.value})"
    told = f"read as {gravest.assertion.value}, {gravest.temporality.value}, of {whose}"
    rules = "".join(f"; rule {rule.rule_id} ({rule.name})" for rule in decision.touching(flag_id))
    return f"Raised by {' and '.join(by) or 'a layer'} in {places}, {told}{rules}."


def findings(
    mentions: Iterable[Mention], decision: Decision, curves: Mapping[str, tuple[float, float]] = MappingProxyType({})
) -> tuple[Finding, ...]:
    """One finding a raised flag, gravest first, then in the order of the taxonomy.

    ``curves`` says, for the layers that raised it, how often such a confidence was right: a slope and intercept on its log odds.
    """
    taxonomy = load_taxonomy()
    found = []
    for flag_id, own in _by_flag(mention for mention in mentions if mention.raised).items():
        flag, gravest = taxonomy[flag_id], _gravest(own)
        found.append(
            Finding(
                flag_id,
                flag.domain,
                flag.name,
                decision.severity.get(flag_id, flag.severity),
                _confidence(own, curves),
                gravest.assertion,
                gravest.temporality,
                gravest.experiencer,
                tuple(sorted({mention.layer for mention in own})),
                tuple(map(_place, own)),
                _basis(flag_id, own, decision),
            )
        )
    order = taxonomy.ids.index
    return tuple(sorted(found, key=lambda finding: (-finding.severity, order(finding.flag_id))))


def suppressed(mentions: Iterable[Mention]) -> tuple[Suppressed, ...]:
    """What was mentioned and not raised, a flag and reason each."""
    grouped: dict[tuple[str, str], list[Mention]] = defaultdict(list)
    for mention in mentions:
        if mention.reason is not None:
            grouped[mention.flag_id, mention.reason].append(mention)
    return tuple(Suppressed(flag_id, reason, tuple(map(_place, own))) for (flag_id, reason), own in sorted(grouped.items()))


def summarize(raised: Sequence[Finding], decision: Decision, c_ssrs: CSsrs, failed: Sequence[str]) -> Summary:
    """What to do first. A layer that failed asks for a person: what it would have said is not known."""
    worst = max((finding.severity for finding in raised), default=None)
    review = worst is Severity.CRITICAL or decision.review or c_ssrs.triage is Triage.HIGH or bool(failed)
    advice = [_ACTIONS[worst], *decision.recommend]
    if failed:
        advice.insert(0, f"The {' and '.join(failed)} layer failed: read the whole text yourself.")
    return Summary(worst, review, " ".join(advice))
