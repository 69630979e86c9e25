"""How a text is written, for slices: whose pronouns, and which shorthand. The words are data, in ``traits.toml``."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["pronoun_of", "shorthand_of"]

_WORD: Final = re.compile(r"[a-z0-9]+(?:/[a-z]*)?")


@cache
def _words(kind: str) -> Mapping[str, str]:
    table = tomllib.loads(Path(__file__).with_name("traits.toml").read_text("utf-8"))[kind]
    return {word: name for name, words in table.items() for word in words}


def _counts(text: str, kind: str) -> Counter[str]:
    known = _words(kind)
    return Counter(known[word] for word in _WORD.findall(text.lower().replace("'", "").replace("\u2019", "")) if word in known)


def pronoun_of(text: str) -> str:
    """Of whom a text speaks, by its commonest pronoun: he, she, they, first person, or none.

    A third person goes before the first, since a note quotes its patient; as many of "he" as of "she" is ``he and she``.

    Examples
    --------
    >>> pronoun_of("She says that I worry too much."), pronoun_of("i cant sleep"), pronoun_of("Pt calm.")
    ('she', 'first person', 'none')
    """
    found = _counts(text, "pronoun")
    if found["he"] or found["she"]:
        return "he and she" if found["he"] == found["she"] else max(("he", "she"), key=lambda name: found[name])
    return next((name for name in ("they", "first person") if found[name]), "none")


def shorthand_of(text: str) -> str:
    """Which shorthand a text is written in: clinical, texting, or none.

    Examples
    --------
    >>> shorthand_of("Pt w/ hx of SI"), shorthand_of("idk what u mean"), shorthand_of("Slept well.")
    ('clinical', 'texting', 'none')
    """
    found = _counts(text, "shorthand")
    return "none" if not found else max(("clinical", "texting"), key=lambda name: found[name])
