"""Decides how a span stands: denied, past, another's, not real. Each decision keeps the cue that made it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Final

from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.sentinel.cues import Cue, CueKind, CueTree, Found, Token, tokens
from bh_lib.sentinel.document import Document, Sentence
from bh_lib.sentinel.mention import Context
from bh_lib.sentinel.when import RECENT_DAYS, Placed, moments, when

__all__ = ["ContextEngine", "Scene"]

_HEADING: Final = re.compile(r"[a-z][a-z0-9 /&()'-]{1,45}:")
_SELF: Final = frozenset(
    {"i", "i'm", "im", "i've", "ive", "i'd", "me", "myself", "pt", "patient", "client", "himself", "herself", "themself"}
)
_CLOSERS: Final = frozenset({";", "}"})
_OF_THE_PAST: Final = frozenset({"negation.history", "family.history"})
_SOFT: Final = frozenset({",", "and", "-"})
_BOX: Final = re.compile(r"\[ ?[x✓✔]? ?\]|[☐☑☒]")
_FORM_MARKS: Final = frozenset("-+[☐☑☒")
_WHOSE: Final = (CueKind.FAMILY, CueKind.OTHER)
_MINUS: Final = re.compile(r"(?:^|[\s,;:/(])(?:\(-\)|-) ?$")
_PLUS: Final = re.compile(r"(?:\(\+\)|\+) ?$")
_AFTER_MINUS: Final = re.compile(r"^ ?\(-\)")


@dataclass(frozen=True, slots=True)
class Scene:
    """A sentence read for its cues; made once, asked for each span in it."""

    sentence: Sentence
    words: list[Token]
    found: list[Found]
    section: str
    told: list[Placed]
    starts: list[int]
    ends: list[int]
    stops: list[int]
    closers: list[int]
    softs: list[int]
    selves: list[int]
    marked: bool


class ContextEngine:
    """Reads cues; it holds nothing of any text."""

    def __init__(self, cues: CueTree) -> None:
        self._cues = cues

    def sections(self, document: Document) -> list[str]:
        """For each sentence, the effect of the section that it stands in."""
        effects: list[str] = []
        effect, block, content = "", 0, False
        for sentence in document.sentences:
            # A section ends at the next heading, or at a blank line after something stood in it.
            if sentence.block != block and content:
                effect, content = "", False
            block = sentence.block
            heading = _HEADING.match(sentence.norm) if ":" in sentence.norm else None
            if heading:
                named = next(self._cues.find(tokens(heading[0])), None)
                effect = named.cue.effect if named is not None and named.cue.kind is CueKind.SECTION and named.first == 0 else ""
                content = False
            content = content or heading is None or heading.end() < len(sentence.norm)
            effects.append(effect)
        return effects

    def scene(self, document: Document, sentence: Sentence, section: str) -> Scene:  # noqa: ARG002
        """Read one sentence. The document is for engines that look beyond it."""
        words, norm = tokens(sentence.norm), sentence.norm
        found = list(self._cues.find(words))
        return Scene(
            sentence,
            words,
            found,
            section,
            moments(norm, self._cues.reference_year),
            starts=[word[1] for word in words],
            ends=[word[2] for word in words],
            stops=[each.first for each in found if each.cue.kind is CueKind.STOP],
            closers=[n for n, word in enumerate(words) if word[0] in _CLOSERS],
            softs=[n for n, word in enumerate(words) if word[0] in _SOFT],
            selves=[n for n, word in enumerate(words) if word[0] in _SELF],
            marked=not _FORM_MARKS.isdisjoint(norm),
        )

    def judge(self, scene: Scene, start: int, end: int) -> Context:
        """How the span ``start:end`` of the sentence's normal form stands."""
        words = scene.words
        first, last = bisect_right(scene.ends, start), bisect_left(scene.starts, end)
        section = scene.section
        kinds: dict[CueKind, str] = {}
        near: dict[CueKind, int] = {}
        for found in scene.found:
            cue = found.cue
            if cue.kind is CueKind.SECTION and found.first <= first:
                # Another heading on the same line ends the section that this one opened.
                section = "" if any(word[0] == ":" for word in words[found.last : first]) else cue.effect
            elif cue.kind is CueKind.FIGURATIVE:
                if found.first < last and found.last > first:
                    kinds[cue.kind] = cue.cue_id
            elif (cue.forward and found.first < first and _reaches(scene, cue, min(found.last, first), first)) or (
                cue.backward and found.first >= last and _reaches(scene, cue, last, found.first)
            ):
                gap = max(0, first - found.last) if found.first < first else found.first - last
                if gap < near.get(cue.kind, 1_000):
                    kinds[cue.kind], near[cue.kind] = cue.cue_id, gap
        # "Currently", said of something else earlier in the sentence, makes no history present.
        if near.get(CueKind.RECENT, 0) > near.get(CueKind.HISTORICAL, 1_000):
            del kinds[CueKind.RECENT]
        if scene.marked:
            _forms(scene.sentence.norm, start, end, kinds)
        return _context(scene, start, end, kinds, section)


def _within(places: list[int], left: int, right: int) -> bool:
    at = bisect_left(places, left)
    return at < len(places) and places[at] < right


def _reaches(scene: Scene, cue: Cue, left: int, right: int) -> bool:
    """Whether a cue still speaks across the words ``left:right``."""
    if right - left > cue.words:
        return False
    if left >= right:
        return True
    whose = cue.kind in _WHOSE
    # "Another client reported being suicidal": what a person reports right after being named is of that person.
    if _within(scene.stops, left + 1 if whose else left, right) or _within(scene.closers, left, right):
        return False
    return not (not cue.through and _within(scene.softs, left, right)) and not (whose and _within(scene.selves, left, right))


def _forms(norm: str, start: int, end: int, kinds: dict[CueKind, str]) -> None:
    before, after = norm[max(0, start - 6) : start], norm[end : end + 40]
    minus = _MINUS.search(before) and (before.strip() != "-" or start > 2) and not before.endswith("- ")
    if minus or _AFTER_MINUS.match(after):
        kinds[CueKind.NEGATION] = "form.minus"
    elif _PLUS.search(before):
        kinds.pop(CueKind.NEGATION, None)
    boxes = list(_BOX.finditer(norm))
    if not boxes:
        return
    own = [box for box in boxes if box.end() <= start]
    if own:
        empty = own[-1][0] in ("[ ]", "[]", "☐")
        if empty and start - own[-1].end() < 40:
            kinds[CueKind.NEGATION] = "form.box"
        elif not empty:
            kinds.pop(CueKind.NEGATION, None)
        return
    for box in boxes:
        if box[0] in ("[ ]", "[]", "☐"):
            continue
        tail, head = norm[box.end() : box.end() + 5].strip(), norm[max(0, box.start() - 5) : box.start()].strip()
        answer = tail if norm.find("yes", end) > boxes[0].start() or norm.find("no", end) > boxes[0].start() else head
        if answer.startswith("no") or (answer is head and head.endswith("no")):
            kinds[CueKind.NEGATION] = "form.box"


def _context(scene: Scene, start: int, end: int, kinds: dict[CueKind, str], section: str) -> Context:
    moment = when(scene.sentence.norm, start, end, scene.told)
    used: list[str] = []

    def has(kind: CueKind) -> bool:
        if kind in kinds:
            used.append(kinds[kind])
            return True
        return False

    assertion, experiencer, reason = Assertion.PRESENT, Experiencer.PATIENT, None
    now = CueKind.RECENT in kinds
    if has(CueKind.NEGATION) or section == "negated":
        assertion, reason = Assertion.NEGATED, "negated"
    elif has(CueKind.FIGURATIVE):
        assertion, reason = Assertion.HYPOTHETICAL, "figurative"
    elif has(CueKind.EDUCATION):
        assertion, reason = Assertion.HYPOTHETICAL, "education"
    elif has(CueKind.HYPOTHETICAL) or section == "hypothetical":
        assertion, reason = Assertion.HYPOTHETICAL, "hypothetical"
    elif has(CueKind.POSSIBLE):
        assertion = Assertion.POSSIBLE
    if has(CueKind.FAMILY) or section == "family":
        experiencer, reason = Experiencer.FAMILY, reason or "other_person"
    elif has(CueKind.OTHER):
        experiencer, reason = Experiencer.OTHER, reason or "other_person"
    elif has(CueKind.FICTION):
        experiencer, reason = Experiencer.OTHER, reason or "fiction"
    temporality, window = Temporality.CURRENT, None
    if moment is not None:
        used.append(moment.cue)
        window = moment.days
        temporality = Temporality.RECENT if window is not None and window <= RECENT_DAYS else Temporality.HISTORICAL
    elif now:
        has(CueKind.RECENT)
    elif has(CueKind.HISTORICAL) or section == "historical" or not _OF_THE_PAST.isdisjoint(used):
        temporality = Temporality.HISTORICAL
    if section and section in (reason, temporality.value, experiencer.value):
        used.append(f"section.{section}")
    if temporality is Temporality.HISTORICAL:
        reason = reason or "historical"
    return Context(assertion, temporality, experiencer, tuple(used), reason, window)
