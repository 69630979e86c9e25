"""Reads shorthand that means one thing only ("w/o", "thru", "SI & HI") as the words that it stands for.

The words stand in ``knowledge/shorthand.toml``. A place in what is written out is a place of the whole of what was written.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from bh_lib.errors import KnowledgeError
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.knowledge import KNOWLEDGE, read_toml
from bh_lib.sentinel.preprocess import GONE, Shifts, ending, original

__all__ = ["Shorthand", "load_shorthand", "read_shorthand", "shortened", "written_out"]

_SHORT: Final = re.compile(r"[a-z0-9]+(?:/[a-z]*)?")
_MARK: Final = re.compile(r"[^a-z0-9\s]")
_WORDS: Final = re.compile(r"[a-z]+(?: [a-z]+)*")


@dataclass(frozen=True, slots=True)
class Shorthand:
    """What is read as what.

    Attributes
    ----------
    meanings : mapping of str to str
    regex : re.Pattern
        Finds what is to be written out; with a phrase to keep in its group ``keep``.
    hints : tuple of (str, re.Pattern)
        A text in which none of the strings stands, each as its expression asks, holds no shorthand.
    """

    meanings: Mapping[str, str]
    regex: re.Pattern[str]
    hints: tuple[tuple[str, re.Pattern[str]], ...]


def _table(path: Path, value: object, name: str, shape: re.Pattern[str]) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(shape.fullmatch(key) for key in value):
        raise KnowledgeError("holds lower-case shorthand, as the comment above it says", path=path.name, place=f"[{name}]")
    if not all(isinstance(word, str) and _WORDS.fullmatch(word) and word not in value for word in value.values()):
        raise KnowledgeError("shorthand stands for lower-case words, not for shorthand", path=path.name, place=f"[{name}]")
    return value


def _any(strings: list[str]) -> str:
    return "|".join(re.escape(string) for string in sorted(strings, key=lambda string: (-len(string), string)))


def read_shorthand(path: Path) -> Shorthand:
    """Read the table.

    Raises
    ------
    KnowledgeError
        If the file is unsound.
    """
    _, data = read_toml(path)
    if set(data) != {"taxonomy_version", "words", "between", "keep"} or data["taxonomy_version"] != load_taxonomy().version:
        raise KnowledgeError(
            f"holds taxonomy_version = {load_taxonomy().version}, [words], [between] and [keep]", path=path.name, place="top"
        )
    words, between = _table(path, data["words"], "words", _SHORT), _table(path, data["between"], "between", _MARK)
    keep = data["keep"].get("phrases") if isinstance(data["keep"], dict) and set(data["keep"]) == {"phrases"} else None
    if not words or not between or not isinstance(keep, list) or not all(isinstance(p, str) and " " in p for p in keep) or not keep:
        raise KnowledgeError("words and marks, and phrases of two words or more to keep", path=path.name, place="[keep]")
    glued = [word for word in words if word.endswith("/")]
    alone = rf"(?<![a-z0-9_/&'-])(?P<word>{_any(list(words))})(?![a-z0-9_/'])"
    joined = rf"|(?<![a-z0-9_/&'-])(?P<glued>{_any(glued)})(?=[a-z]{{3}})" if glued else ""
    mark = _any(list(between))
    amid = rf"|(?<=[a-z]{{2}})(?P<amid>{mark})(?=[a-z]{{2}})|(?<=[a-z]{{2}} )(?P<apart>{mark})(?= (?:[a-z]{{2}}|i\b))"
    regex = re.compile(rf"\b(?P<keep>{_any(keep)})\b|{alone}{joined}{amid}")
    return Shorthand({**words, **between}, regex, _hints([*words, *between]))


def _hints(keys: list[str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """A string that stands in several is looked for once; a word's end keeps "tho" from being found in each "thought"."""
    shortest = [key for key in keys if not any(other in key for other in keys if other != key)]

    def hint(string: str) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(key) + (r"\b" if key[-1].isalnum() else "") for key in keys if string in key))

    return tuple((string, hint(string)) for string in shortest)


@cache
def load_shorthand() -> Shorthand:
    """The shorthand of this release, read once."""
    return read_shorthand(KNOWLEDGE / "shorthand.toml")


def shortened(folded: str) -> bool:
    """Whether a folded text can hold shorthand at all: one quick look spares most texts the rest.

    Examples
    --------
    >>> shortened("thought of those"), shortened("sad tho")
    (False, True)
    """
    text = folded.replace(GONE, "") if GONE in folded else folded
    return any(key in text and regex.search(text) for key, regex in load_shorthand().hints)


def written_out(norm: str, shifts: Shifts | None) -> tuple[str, Shifts | None]:
    """A sentence's normal form with its shorthand written out, and the way back to the folded text.

    Examples
    --------
    >>> norm, shifts = written_out("si w/ plan & hi", None)
    >>> norm, original(norm.index("plan"), shifts), ending(len("si with"), shifts)
    ('si with plan and hi', 6, 5)
    """
    known = load_shorthand()
    found = [match for match in known.regex.finditer(norm) if match["keep"] is None]
    if not found:
        return norm, shifts
    pieces: list[str] = []
    stretches: list[tuple[int, int, int]] = []
    at = length = 0
    for match in found:
        start, end = match.span()
        stretches += _moved(shifts, at, start, length - at)
        length += start - at
        meaning = known.meanings[match[0]]
        # What was glued to a word is still parted from it.
        put = meaning + " " if match["glued"] else f" {meaning} " if match["amid"] else meaning
        left = original(start, shifts)
        stretches.append((length, left, ending(end, shifts) - left))
        pieces += (norm[at:start], put)
        length += len(put)
        at = end
    stretches += _moved(shifts, at, len(norm), length - at)
    pieces.append(norm[at:])
    places, firsts, widths = zip(*stretches, strict=True)
    return "".join(pieces), (places, firsts, widths)


def _moved(shifts: Shifts | None, start: int, end: int, by: int) -> list[tuple[int, int, int]]:
    """The stretches of ``start:end``, so many places further on."""
    if start >= end:
        return []
    if shifts is None:
        return [(start + by, start, 0)]
    places, firsts, widths = shifts
    rows = range(bisect_right(places, start) - 1, bisect_left(places, end))
    begins = [max(places[row], start) for row in rows]
    return [
        (at + by, firsts[row] if widths[row] else firsts[row] + at - places[row], widths[row])
        for at, row in zip(begins, rows, strict=True)
    ]
