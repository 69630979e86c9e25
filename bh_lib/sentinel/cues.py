"""The context cues as a tree of words: phrases match as whole words, and the longest at a place wins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Final

from bh_lib.errors import KnowledgeError
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.knowledge import KNOWLEDGE, read_toml

__all__ = ["Cue", "CueKind", "CueTree", "Found", "Token", "load_cues", "tokens"]

_TOKEN: Final = re.compile(r"w/o(?:ut)?\b|w/|[a-z0-9_]+(?:'[a-z]+)?|[^\sa-z0-9_]")
# Shorthand is the word that it stands for, in a cue as in a text.
_SHORTHAND: Final = {"w/": "with", "w/o": "without", "w/out": "without", "u": "you", "ur": "your", "hx": "history", "pt": "patient"}
_UNLIMITED: Final = 60
Token = tuple[str, int, int]


class CueKind(StrEnum):
    """What a cue does."""

    NEGATION = "negation"
    POSSIBLE = "possible"
    HYPOTHETICAL = "hypothetical"
    EDUCATION = "education"
    FICTION = "fiction"
    FAMILY = "family"
    OTHER = "other"
    HISTORICAL = "historical"
    RECENT = "recent"
    FIGURATIVE = "figurative"
    PSEUDO = "pseudo"
    STOP = "stop"
    SECTION = "section"


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase and its reach. ``words`` is how many words away it still speaks; ``through`` whether past commas and "and"."""

    cue_id: str
    kind: CueKind
    forward: bool = False
    backward: bool = False
    words: int = _UNLIMITED
    through: bool = True
    final: bool = False
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A cue in a sentence: token positions, end exclusive."""

    cue: Cue
    first: int
    last: int


_Node = dict[str, Any]
_CUE: Final = ""


def tokens(norm: str) -> list[Token]:
    """The words and marks of a normalized sentence, with their places.

    Examples
    --------
    >>> [word for word, _, _ in tokens("si/hi: denied, doesn't know")]
    ['si', '/', 'hi', ':', 'denied', ',', "doesn't", 'know']
    """
    long = _SHORTHAND.get
    return [(long(word := found[0], word), found.start(), found.end()) for found in _TOKEN.finditer(norm)]


@dataclass(frozen=True, slots=True)
class CueTree:
    """All cues. ``reference_year``: an earlier year is past."""

    root: _Node
    reference_year: int

    def find(self, words: list[Token]) -> Iterator[Found]:
        """Cues from left to right, none within another; a phrase may be two, one a direction."""
        at, count, root = 0, len(words), self.root
        while at < count:
            node = root.get(words[at][0])
            best: list[Found] = []
            ahead = at
            while node is not None:
                ahead += 1
                here = [Found(cue, at, ahead) for cue in node.get(_CUE, ()) if not cue.final or _ends(words, ahead)]
                best = here or best
                node = node.get(words[ahead][0]) if ahead < count else None
            yield from best
            at = best[0].last if best else at + 1


def _ends(words: list[Token], at: int) -> bool:
    """Whether a clause ends here, so that "no" is an answer, not the beginning of "no plan"."""
    return at >= len(words) or not (words[at][0][0].isalpha() or words[at][0] == "/")


def _choices(phrase: str) -> Iterator[tuple[str, ...]]:
    parts: list[tuple[str, ...]] = []
    for word in phrase.split():
        optional = len(word) > 1 and word.endswith("?")
        options = tuple((word[:-1] if optional else word).split("|"))
        parts.append((*options, "") if optional else options)
    for chosen in product(*parts):
        run = tuple(token for word in chosen if word for token, _, _ in tokens(word))
        if run:
            yield run


def _cue(row: Mapping[str, Any], place: str) -> Cue:
    unknown = set(row) - {"id", "kind", "direction", "reach", "final", "phrases"}
    kind, direction, reach = row.get("kind"), row.get("direction", ""), row.get("reach", "list")
    if unknown:
        raise KnowledgeError(f"unknown keys {sorted(unknown)}", path="context.toml", place=place)
    if kind not in set(CueKind) - {CueKind.SECTION}:
        raise KnowledgeError("its kind is not one of those listed at the top", path="context.toml", place=place)
    directed = kind not in (CueKind.PSEUDO, CueKind.STOP, CueKind.FIGURATIVE)
    if (direction not in ("forward", "backward", "both")) if directed else direction:
        raise KnowledgeError(
            "direction is forward, backward or both, and only where the kind reaches out", path="context.toml", place=place
        )
    if reach not in ("list", "clause") and type(reach) is not int:
        raise KnowledgeError("reach is list, clause or a number of words", path="context.toml", place=place)
    return Cue(
        str(row["id"]),
        CueKind(kind),
        forward=direction in ("forward", "both"),
        backward=direction in ("backward", "both"),
        words=reach if isinstance(reach, int) else _UNLIMITED if reach == "list" else 14,
        through=reach != "clause",
        final=bool(row.get("final", False)),
    )


def _plant(root: _Node, phrase: str, cue: Cue) -> None:
    for run in _choices(phrase):
        node = root
        for word in run:
            node = node.setdefault(word, {})
        # The kind that was planted first keeps its phrase; it may speak in two directions, as "denied" does.
        cues = node.setdefault(_CUE, [])
        if not cues or (cues[0].kind is cue.kind and cues[0].forward is not cue.forward):
            cues.append(cue)


def parse_cues(data: Mapping[str, Any]) -> CueTree:
    """Build the tree.

    Raises
    ------
    KnowledgeError
        Naming the cue.
    """
    if data.get("taxonomy_version") != load_taxonomy().version or type(data.get("reference_year")) is not int:
        raise KnowledgeError(
            "taxonomy_version of schema/flags.toml and reference_year are needed", path="context.toml", place="top"
        )
    root: _Node = {}
    for number, row in enumerate(data.get("cue", []), 1):
        place = f"cue {number} ({row.get('id', 'no id')})"
        phrases = row.get("phrases")
        if (
            "id" not in row
            or not isinstance(phrases, list)
            or not all(isinstance(phrase, str) and phrase.strip() for phrase in phrases)
        ):
            raise KnowledgeError("id and phrases, a list of strings, are needed", path="context.toml", place=place)
        cue = _cue(row, place)
        for phrase in phrases:
            _plant(root, phrase, cue)
    for number, row in enumerate(data.get("section", []), 1):
        if set(row) != {"effect", "names"} or row["effect"] not in ("historical", "family", "hypothetical", "negated"):
            raise KnowledgeError(
                "names, and an effect: historical, family, hypothetical, negated", path="context.toml", place=f"section {number}"
            )
        for name in row["names"]:
            _plant(root, f"{name} :", Cue(f"section.{row['effect']}", CueKind.SECTION, effect=row["effect"]))
    return CueTree(root, data["reference_year"])


@cache
def load_cues(path: Path | None = None) -> CueTree:
    """The cues of a file, or of this release, read once."""
    _, data = read_toml(path or KNOWLEDGE / "context.toml")
    return parse_cues(data)
