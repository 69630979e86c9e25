"""Reads a word with two neighbouring letters changed as the word it is, where a verdict turns on it.

The length stays, so every offset does. The words stand in ``knowledge/spelling.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from bh_lib.errors import KnowledgeError
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.knowledge import KNOWLEDGE, read_toml

__all__ = ["load_spelling", "mended", "read_spelling"]

_SHORTEST: Final = 6
_LONG: Final = re.compile(rf"[a-z]{{{_SHORTEST},}}")


def _slips(word: str) -> set[str]:
    return {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)} - {word}


def read_spelling(path: Path) -> Mapping[str, str]:
    """Each slip, and the word that it stands for.

    Raises
    ------
    KnowledgeError
        If the file is unsound, or a slip stands for two words: it is then left to nobody's guess.
    """
    _, data = read_toml(path)
    words = data.get("words")
    if set(data) != {"taxonomy_version", "words"} or data["taxonomy_version"] != load_taxonomy().version:
        raise KnowledgeError(f"holds taxonomy_version = {load_taxonomy().version} and words", path=path.name)
    if not isinstance(words, list) or not all(isinstance(word, str) and _LONG.fullmatch(word) for word in words):
        raise KnowledgeError(f"words are lower case, of {_SHORTEST} letters or more", path=path.name, place="words")
    slips: dict[str, str] = {}
    for word in words:
        for slip in _slips(word):
            if slip in words or slips.get(slip, word) != word:
                raise KnowledgeError(f"a slip of {word} is another word, or another word's slip", path=path.name, place="words")
            slips[slip] = word
    return slips


@cache
def load_spelling() -> Mapping[str, str]:
    """The slips of this release, read once."""
    return read_spelling(KNOWLEDGE / "spelling.toml")


def mended(norm: str) -> str:
    """A normalized text with its slips undone; as long as before.

    Examples
    --------
    >>> mended("dneies suciidal ideation")
    'denies suicidal ideation'
    """
    slips = load_spelling()
    if slips.keys().isdisjoint(_LONG.findall(norm)):
        return norm
    return _LONG.sub(lambda found: slips.get(found[0], found[0]), norm)
