"""The context cues as a tree of words: phrases match as whole words, and the longest at a place wins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
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


# A word that may stand at a place, as the tokens that it is made of.
_Place = tuple[tuple[str, ...], ...]
# Where a phrase goes on: tokens of a word that has begun, the places after it, and its cue.
_Onward = tuple[tuple[str, ...], tuple[_Place, ...], Cue]


def tokens(norm: str) -> list[Token]:
    """The words and marks of a normalized sentence, with their places.

    Examples
    --------
    >>> [word for word, _, _ in tokens("si/hi: denied, doesn't know")]
    ['si', '/', 'hi', ':', 'denied', ',', "doesn't", 'know']
    """
    long = _SHORTHAND.get
    return [(long(word := found[0], word), found.start(), found.end()) for found in _TOKEN.finditer(norm)]


class _Node:
    """A place in the tree. It is opened when a text first comes by, for some phrases can be worded in a hundred thousand ways."""

    __slots__ = ("_onward", "cues", "next")

    def __init__(self) -> None:
        self._onward: list[_Onward] | None = []
        self.cues: tuple[Cue, ...] = ()
        self.next: dict[str, _Node] = {}

    def add(self, onward: _Onward) -> None:
        """Let a phrase go on here."""
        if self._onward is not None:
            self._onward.append(onward)

    def opened(self) -> _Node:
        """Itself, with its cues and what may follow; two threads that open it make the same of it."""
        onward = self._onward
        if onward is None:
            return self
        cues: list[Cue] = []
        following: dict[str, _Node] = {}
        for run, places, cue in onward:
            for word, rest in _steps(run, places, cue):
                if rest is not None:
                    following.setdefault(word, _Node()).add(rest)
                # The kind that was planted first keeps its phrase; it may speak in two directions, as "denied" does.
                elif not cues or (cues[0].kind is cue.kind and all(other.forward is not cue.forward for other in cues)):
                    cues.append(cue)
        self.cues, self.next = tuple(cues), following
        self._onward = None
        return self


def _steps(run: tuple[str, ...], places: tuple[_Place, ...], cue: Cue) -> Iterator[tuple[str, _Onward | None]]:
    """The next words of a phrase and how it goes on after each; no word and None where it may end."""
    if run:
        yield run[0], (run[1:], places, cue)
    elif not places:
        yield "", None
    else:
        for choice in places[0]:
            yield from _steps(choice, places[1:], cue)


@dataclass(frozen=True, slots=True)
class CueTree:
    """All cues. ``reference_year``: an earlier year is past."""

    root: _Node
    reference_year: int

    def find(self, words: list[Token]) -> Iterator[Found]:
        """Cues from left to right, none within another; a phrase may be two, one a direction."""
        at, count, first = 0, len(words), self.root.opened().next
        while at < count:
            node = first.get(words[at][0])
            best: list[Found] = []
            ahead = at
            while node is not None:
                ahead += 1
                node = node.opened()
                if node.cues:
                    best = [Found(cue, at, ahead) for cue in node.cues if not cue.final or _ends(words, ahead)] or best
                node = node.next.get(words[ahead][0]) if ahead < count else None
            yield from best
            at = best[0].last if best else at + 1


def _ends(words: list[Token], at: int) -> bool:
    """Whether a clause ends here, so that "no" is an answer, not the beginning of "no plan"."""
    return at >= len(words) or not (words[at][0][0].isalpha() or words[at][0] == "/")


def _places(phrase: str) -> tuple[_Place, ...]:
    places: list[_Place] = []
    for word in phrase.split():
        optional = len(word) > 1 and word.endswith("?")
        options = [tuple(token for token, _, _ in tokens(each)) for each in (word[:-1] if optional else word).split("|")]
        places.append((*options, ()) if optional else tuple(options))
    return tuple(places)


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
    root = _Node()
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
            root.add(((), _places(phrase), cue))
    for number, row in enumerate(data.get("section", []), 1):
        if set(row) != {"effect", "names"} or row["effect"] not in ("historical", "family", "hypothetical", "negated"):
            raise KnowledgeError(
                "names, and an effect: historical, family, hypothetical, negated", path="context.toml", place=f"section {number}"
            )
        for name in row["names"]:
            cue = Cue(f"section.{row['effect']}", CueKind.SECTION, effect=row["effect"])
            root.add(((), _places(f"{name} :"), cue))
    return CueTree(root, data["reference_year"])


@cache
def load_cues(path: Path | None = None) -> CueTree:
    """The cues of a file, or of this release, read once."""
    _, data = read_toml(path or KNOWLEDGE / "context.toml")
    return parse_cues(data)
