"""Text in, flags out, clinician decides."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.analysis import Analysis
from bh_lib.sentinel.conditions import Evidence
from bh_lib.sentinel.context import ContextEngine
from bh_lib.sentinel.cssrs import DEFAULT_PROFILE, Profile, assess
from bh_lib.sentinel.cues import load_cues
from bh_lib.sentinel.document import Document, Sentence, read_document
from bh_lib.sentinel.emotion import EMOTIONS, load_lexicon, score_emotions
from bh_lib.sentinel.findings import findings, summarize, suppressed
from bh_lib.sentinel.knowledge import release_patterns
from bh_lib.sentinel.layers.base import Layer
from bh_lib.sentinel.layers.patterns import PatternLayer
from bh_lib.sentinel.mention import Context, Mention
from bh_lib.sentinel.merge import merge
from bh_lib.sentinel.rules import Decision, apply_rules, load_rules

__all__ = ["Sentinel"]

_NO_DECISION = Decision({}, False, (), ())


@cache
def _release_layer(fast: bool) -> tuple[PatternLayer, ContextEngine]:
    """This release's patterns compiled, once a process: that is most of what loading takes, and they hold nothing of any text."""
    engine = ContextEngine(load_cues())
    return PatternLayer(release_patterns(), engine, fast=fast), engine


class Sentinel:
    """Finds possible safety signals in a text. Made by `load`; safe to share between threads; keeps no text.

    Examples
    --------
    >>> sentinel = Sentinel.load()
    >>> analysis = sentinel.analyze("Denies homicidal ideation. Endorses suicidal ideation without a plan.")
    >>> [flag.flag_id for flag in analysis.flags], analysis.c_ssrs.ideation_level, analysis.summary.immediate_review
    (['SH-002'], 2, True)
    >>> {item.reason for item in analysis.suppressed if item.flag_id == "HO-001"}
    {'negated'}
    """

    def __init__(
        self, pattern: Layer, engine: ContextEngine, transformer: Layer | None = None, profile: Profile = DEFAULT_PROFILE
    ) -> None:
        self._pattern, self._engine, self._transformer, self._profile = pattern, engine, transformer, profile

    @classmethod
    def load(
        cls, classifier: str | os.PathLike[str] | Layer | None = None, *, profile: Profile = DEFAULT_PROFILE, fast: bool = True
    ) -> Sentinel:
        """Read the knowledge packs of this release, and a classifier if one is given.

        Parameters
        ----------
        classifier : path or Layer, optional
            Layer 2: a folder that an experiment exported. Needs the ``ml`` extra, not torch and not mlflow.
        profile : Profile
            The site's triage policy.
        fast : bool
            Use google-re2 where it is installed; the results are the same.

        Raises
        ------
        KnowledgeError
            If a knowledge pack is wrong.
        InputError, IntegrityError
            If the classifier's folder can't be used, or isn't what its manifest says.
        """
        layer, engine = _release_layer(fast)
        load_rules()
        load_lexicon()
        if isinstance(classifier, str | os.PathLike):
            from bh_lib.sentinel.layers.transformer import TransformerLayer

            classifier = TransformerLayer.load(classifier)
        return cls(layer, engine, classifier, profile)

    @property
    def classifier(self) -> Layer | None:
        """Layer 2, where there is one: an evaluation also asks it what it did not raise."""
        return self._transformer

    def analyze(self, text: str, id: str | None = None) -> Analysis:  # noqa: A002  (the contract's word)
        """Analyze one text.

        Parameters
        ----------
        text : str
            0 to 1,000,000 characters, any Unicode. Time is linear in its length.
        id : str, optional
            The caller's name of the text, given back in the analysis.

        Raises
        ------
        InputError
            If it is not a string, or longer.
        """
        document = read_document(text)
        status = {"pattern": "ok", "transformer": "off", "emotion": "ok", "rules": "ok"}
        mentions = merge(self._found("pattern", self._pattern, document, status), self._layer_2(document, status))
        emotions = self._emotions(document, status)
        c_ssrs = assess(mentions, self._profile)
        decision = self._decision(Evidence(mentions, emotions, c_ssrs.ideation_level), status)
        raised = findings(mentions, decision, getattr(self._transformer, "curves", {}))
        failed = [name for name, state in status.items() if state == "failed"]
        return Analysis(
            raised,
            suppressed(mentions),
            emotions,
            c_ssrs,
            summarize(raised, decision, c_ssrs, failed),
            status,
            load_taxonomy().version,
            id,
        )

    def analyze_batch(self, texts: Sequence[str]) -> list[Analysis]:
        """Analyze texts, in order."""
        return [self.analyze(text) for text in texts]

    def qualify(self, text: str, start: int, end: int) -> Context:
        """How a span stands: denied, past, somebody else's, hypothetical; with the cues that decided.

        Parameters
        ----------
        text : str
        start, end : int
            Indices into the text, end exclusive.

        Raises
        ------
        InputError
            If the text can't be used, or ``0 <= start < end <= len(text)`` doesn't hold.

        Examples
        --------
        >>> Sentinel.load().qualify("Her mother had depression.", 15, 25).experiencer.value
        'family'
        """
        from bh_lib.errors import InputError

        document = read_document(text)
        if not 0 <= start < end <= len(text):
            raise InputError("a span has 0 <= start < end <= length of the text")
        if not document.sentences:
            return Context()
        sentence = document.sentences[max(0, bisect_right(document.sentences, start, key=lambda s: s.start) - 1)]
        scene = self._engine.scene(document, sentence, self._engine.sections(document)[sentence.index])
        first, last = _in_norm(sentence, start), _in_norm(sentence, end)
        return self._engine.judge(scene, first, max(last, first + 1))

    def _found(self, name: str, layer: Layer, document: Document, status: dict[str, str]) -> list[Mention]:
        # A layer that fails takes nothing from the others; what it says of its failure may hold text, so it goes nowhere.
        # So is one whose mentions name no flag of ours, or no place of this text.
        try:
            found, end = layer.mentions(document), len(document.text)
            if all(mention.flag_id in load_taxonomy() and 0 <= mention.start < mention.end <= end for mention in found):
                return found
            raise ValueError("a mention of an unknown flag, or outside of the text")
        except Exception:  # noqa: BLE001
            status[name] = "failed"
            return []

    def _layer_2(self, document: Document, status: dict[str, str]) -> list[Mention]:
        if self._transformer is None:
            return []
        status["transformer"] = "ok"
        found = self._found("transformer", self._transformer, document, status)
        return [replace(mention, layer="transformer") for mention in found]

    def _emotions(self, document: Document, status: dict[str, str]) -> dict[str, float]:
        try:
            return score_emotions(document)
        except Exception:  # noqa: BLE001
            status["emotion"] = "failed"
            return dict.fromkeys(EMOTIONS, 0.0)

    def _decision(self, evidence: Evidence, status: dict[str, str]) -> Decision:
        try:
            return apply_rules(evidence)
        except Exception:  # noqa: BLE001
            status["rules"] = "failed"
            return _NO_DECISION


def _in_norm(sentence: Sentence, place: int) -> int:
    """A place of the text as a place of the sentence's normal form."""
    if sentence.shifts is None:
        return min(max(place - sentence.start, 0), len(sentence.norm))
    return bisect_left(range(len(sentence.norm)), place, key=lambda offset: sentence.place(offset, offset + 1)[0])
