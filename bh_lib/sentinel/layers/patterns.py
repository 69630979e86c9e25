"""Layer 1: patterns, each match judged by its context."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.sentinel.context import ContextEngine, Scene
from bh_lib.sentinel.document import Document
from bh_lib.sentinel.expression import compiled
from bh_lib.sentinel.index import LiteralIndex
from bh_lib.sentinel.knowledge import Pattern
from bh_lib.sentinel.literals import required_literals
from bh_lib.sentinel.mention import Context, Mention

__all__ = ["PatternLayer"]

_BEFORE: Final = " ,;:("
_AFTER: Final = " .,;:/&+([-?"


class PatternLayer:
    """Runs only the patterns whose required strings stand in a sentence.

    Parameters
    ----------
    patterns : iterable of Pattern
    engine : ContextEngine
    fast : bool
        Look for the required strings with google-re2 where it is installed; what is found is the same.
    """

    name = "pattern"

    def __init__(self, patterns: Iterable[Pattern], engine: ContextEngine, *, fast: bool = True) -> None:
        self.patterns = tuple(patterns)
        self._engine = engine
        self._regexes: tuple[re.Pattern[str], ...] = tuple(compiled(pattern.regex) for pattern in self.patterns)
        self._index = LiteralIndex([required_literals(pattern.regex) for pattern in self.patterns], fast=fast)

    def mentions(self, document: Document) -> list[Mention]:
        """All mentions, in order of place."""
        if not document.sentences:
            return []
        mentions: list[Mention] = []
        sections: list[str] | None = None
        for index, numbers in self._index.candidates(document):
            sentence, scene = document.sentences[index], None
            for number in numbers:
                for match in self._regexes[number].finditer(sentence.norm):
                    if sections is None:
                        sections = self._engine.sections(document)
                    scene = scene or self._engine.scene(document, sentence, sections[index])
                    mentions.append(self._mention(self.patterns[number], scene, *match.span()))
        return mentions

    def _mention(self, pattern: Pattern, scene: Scene, start: int, end: int) -> Mention:
        # An expression may look at the mark after its words; the mark itself belongs to what answers them, as in "SI: no".
        words = scene.sentence.norm[start:end]
        start += len(words) - len(words.lstrip(_BEFORE))
        end -= len(words) - len(words.rstrip(_AFTER))
        context = fixed(self._engine.judge(scene, start, end), pattern)
        left, right = scene.sentence.place(start, end)
        confidence = pattern.precision * (0.6 if context.assertion is Assertion.POSSIBLE else 1.0)
        cues = (pattern.pattern_id, *context.cues)
        timed = context.window_days is not None or context.temporality is not Temporality.CURRENT or "recent" in context.cues
        return Mention(
            pattern.flag_id, left, right, scene.sentence.index, context.assertion, context.temporality, context.experiencer,
            self.name, round(confidence, 4), cues, context.window_days, context.reason, timed, pattern.behavior,
        )  # fmt: skip


def fixed(context: Context, pattern: Pattern) -> Context:
    """A context with what the phrase itself says put over it."""
    assertion, temporality, experiencer, reason = context.assertion, context.temporality, context.experiencer, context.reason
    if not pattern.negatable and assertion is Assertion.NEGATED:
        assertion, reason = Assertion.PRESENT, None
    if pattern.assertion is not None and assertion is Assertion.PRESENT:
        assertion = pattern.assertion
        reason = reason or (assertion.value if assertion in (Assertion.NEGATED, Assertion.HYPOTHETICAL) else None)
    if pattern.experiencer is not None:
        experiencer = pattern.experiencer
        reason = (
            "other_person" if experiencer is not Experiencer.PATIENT else None if reason in ("other_person", "fiction") else reason
        )
    # A phrase that fixes "current" may hold another thing's time: "last filled four months ago" is a gap that lasts.
    own_time = context.window_days is None or pattern.temporality is Temporality.CURRENT
    if pattern.temporality is not None and own_time:
        temporality = pattern.temporality
        reason = None if reason == "historical" else reason
    # What an attempt, preparation or adherence in the past means is for the C-SSRS and the rules to say.
    if reason == "historical" and (pattern.flag_id == "SH-008" or pattern.temporality is not None):
        reason = None
    return Context(assertion, temporality, experiencer, context.cues, reason, context.window_days)
