"""Layer 3: how strongly a text speaks of eleven emotions, by our own lexicon."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from bh_lib.errors import KnowledgeError
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.document import Document
from bh_lib.sentinel.knowledge import KNOWLEDGE, read_toml

__all__ = ["EMOTIONS", "Lexicon", "load_lexicon", "score_emotions"]

EMOTIONS: Final = (
    "hopelessness",
    "agitation",
    "anxiety",
    "anger",
    "sadness",
    "guilt",
    "shame",
    "mania",
    "dissociation",
    "positive_valence",
    "negative_valence",
)
_WORD: Final = re.compile(r"[a-z0-9']+")
_SCOPE: Final = 4
"""Words before a term in which a negation or an intensity word is looked for."""
_STEM: Final = 4


@dataclass(frozen=True, slots=True)
class Term:
    """A lexicon entry: its words, whether its last word is a stem, and its intensity a category."""

    words: tuple[str, ...]
    stem: bool
    weights: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Terms by their first word (or the first letters of a stem), and the words that change them."""

    by_word: Mapping[str, tuple[Term, ...]]
    by_stem: Mapping[str, tuple[Term, ...]]
    negators: frozenset[str]
    intensity: Mapping[str, float]

    def __len__(self) -> int:
        return sum(map(len, self.by_word.values())) + sum(map(len, self.by_stem.values()))


def _refuse(path: Path, place: str, rule: str) -> KnowledgeError:
    return KnowledgeError(rule, path=path.name, place=place)


def _terms(path: Path, data: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    weights: dict[str, dict[str, float]] = {}
    for emotion in EMOTIONS:
        table = data.get(emotion)
        if not isinstance(table, dict) or not table:
            raise _refuse(path, f"[{emotion}]", "a table of terms and intensities is needed")
        for term, weight in table.items():
            bare = term.removesuffix("*")
            if bare != " ".join(_WORD.findall(bare)) or (term != bare and len(bare.split(" ")[-1]) < _STEM):
                raise _refuse(path, f"[{emotion}] {term}", "lower case words, single spaces; a * only after four letters or more")
            if type(weight) not in (int, float) or not 0 < weight <= 1:
                raise _refuse(path, f"[{emotion}] {term}", "intensity is above 0 and at most 1")
            weights.setdefault(term, {})[emotion] = float(weight)
    return weights


def _modifiers(path: Path, data: Mapping[str, Any]) -> tuple[frozenset[str], dict[str, float]]:
    negators, intensity = data.get("negators"), data.get("intensity")
    if not isinstance(negators, list) or not negators or not all(isinstance(w, str) and _WORD.fullmatch(w) for w in negators):
        raise _refuse(path, "negators", "a list of single lower case words is needed")
    if not isinstance(intensity, dict):
        raise _refuse(path, "[intensity]", "a table of words and factors is needed")
    for word, factor in intensity.items():
        if not _WORD.fullmatch(word) or type(factor) not in (int, float) or not 0 < factor <= 10:
            raise _refuse(path, f"[intensity] {word}", "a lower case word, and a factor above 0 and at most 10")
    return frozenset(negators), {word: float(factor) for word, factor in intensity.items()}


def read_lexicon(path: Path, modifiers: Path) -> Lexicon:
    """Read the lexicon and its modifiers; a fault is a KnowledgeError naming file, table and term."""
    _, data = read_toml(path)
    _, change = read_toml(modifiers)
    unknown = set(data) - set(EMOTIONS) - {"taxonomy_version"}
    if unknown:
        raise _refuse(path, f"[{sorted(unknown)[0]}]", f"tables are {', '.join(EMOTIONS)}")
    for file, version in ((path, data.get("taxonomy_version")), (modifiers, change.get("taxonomy_version"))):
        if version != load_taxonomy().version:
            raise _refuse(file, "taxonomy_version", f"is the taxonomy's, {load_taxonomy().version}")
    negators, intensity = _modifiers(modifiers, change)
    by_word: dict[str, list[Term]] = {}
    by_stem: dict[str, list[Term]] = {}
    for text, weights in _terms(path, data).items():
        words = tuple(text.removesuffix("*").split(" "))
        term = Term(words, text.endswith("*"), tuple(weights.items()))
        if term.stem and len(words) == 1:
            by_stem.setdefault(words[0][:_STEM], []).append(term)
        else:
            by_word.setdefault(words[0], []).append(term)
    # The longest term wins where several begin at one word.
    order = {key: tuple(sorted(terms, key=lambda t: (-len(t.words), -len(t.words[-1])))) for key, terms in by_word.items()}
    stems = {key: tuple(sorted(terms, key=lambda t: -len(t.words[0]))) for key, terms in by_stem.items()}
    return Lexicon(order, stems, negators, intensity)


@cache
def load_lexicon() -> Lexicon:
    """The lexicon of this release, read once."""
    return read_lexicon(KNOWLEDGE / "emotion.toml", KNOWLEDGE / "emotion_modifiers.toml")


def _match(lexicon: Lexicon, words: list[str], at: int) -> Term | None:
    for term in lexicon.by_word.get(words[at], ()):
        size = len(term.words)
        here = words[at : at + size]
        if len(here) < size or tuple(here[:-1]) != term.words[:-1]:
            continue
        if here[-1] == term.words[-1] or (term.stem and here[-1].startswith(term.words[-1])):
            return term
    for term in lexicon.by_stem.get(words[at][:_STEM], ()):
        if words[at].startswith(term.words[0]):
            return term
    return None


def _strength(lexicon: Lexicon, before: list[str]) -> float:
    if any(word in lexicon.negators or word.endswith("n't") for word in before):
        return 0.0
    return max((lexicon.intensity[word] for word in before if word in lexicon.intensity), key=lambda x: abs(x - 1), default=1.0)


def _sentence(lexicon: Lexicon, text: str, left: dict[str, float]) -> None:
    words = _WORD.findall(text)
    by_word, by_stem = lexicon.by_word, lexicon.by_stem
    at = last = 0
    for place, word in enumerate(words):
        if place < at or (word not in by_word and word[:_STEM] not in by_stem):
            continue
        at = place
        term = _match(lexicon, words, at)
        if term is None:
            continue
        strength = _strength(lexicon, words[max(last, at - _SCOPE) : at])
        for emotion, weight in term.weights:
            left[emotion] = left.get(emotion, 1.0) * (1.0 - min(1.0, weight * strength))
        at += len(term.words)
        last = at


def score_emotions(document: Document, lexicon: Lexicon | None = None) -> dict[str, float]:
    """How strongly the strongest sentence speaks of each emotion.

    Within a sentence, terms add up as independent evidence, ``1 - Π (1 - intensity)``; a negated term adds nothing, and words such
    as "very" or "slightly" change its intensity. The strongest sentence counts, so a long calm note doesn't drown one that isn't.

    Returns
    -------
    dict of str to float
        The eleven `EMOTIONS`, each 0 to 1.

    Examples
    --------
    >>> from bh_lib.sentinel.document import read_document
    >>> told, denied = (score_emotions(read_document(t))["hopelessness"] for t in ("I feel hopeless.", "I don't feel hopeless."))
    >>> told > 0.5 > denied
    True
    """
    lexicon = lexicon or load_lexicon()
    strongest = dict.fromkeys(EMOTIONS, 0.0)
    for sentence in document.sentences:
        left: dict[str, float] = {}
        _sentence(lexicon, sentence.norm, left)
        for emotion, share in left.items():
            strongest[emotion] = max(strongest[emotion], 1.0 - share)
    return strongest
