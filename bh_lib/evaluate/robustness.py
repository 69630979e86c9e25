"""Does a small change of wording change the verdict? CheckList-style invariance (Ribeiro et al., ACL 2020).

Each variant changes how a text is written and not what it says: pronouns, casing, apostrophes, spacing, a typing slip, shorthand. A
verdict that changes is a flip; a critical flag that is lost is counted apart, for it is the flip that harms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from bh_lib.schema.taxonomy import Severity, load_taxonomy

__all__ = ["VARIANTS", "Flips", "robustness"]

Variant = Callable[[str], str]

_HE: Final = {"she": "he", "her": "his", "hers": "his", "herself": "himself"}
_SHE: Final = {"he": "she", "him": "her", "his": "her", "himself": "herself"}
_SHORT: Final = {
    "with": "w/", "without": "w/o", "because": "bc", "patient": "pt", "history": "hx", "medication": "med", "weeks": "wks",
    "you": "u", "are": "r", "your": "ur", "people": "ppl", "though": "tho", "right now": "rn",
}  # fmt: skip
_LONG: Final = {
    "pt": "patient", "hx": "history", "w/": "with", "wks": "weeks", "u": "you", "ur": "your", "bc": "because", "tho": "though",
}  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z]+")


def _swapped(table: Mapping[str, str]) -> Variant:
    words = re.compile(rf"(?<![\w/])({'|'.join(map(re.escape, sorted(table, key=len, reverse=True)))})(?![\w/])", re.IGNORECASE)

    def change(text: str) -> str:
        def put(found: re.Match[str]) -> str:
            new = table[found[0].lower()]
            return new.capitalize() if found[0][0].isupper() else new

        return words.sub(put, text)

    return change


def _slip(text: str) -> str:
    """Two neighbouring letters of one long word change places, inside the word; which word, the text decides."""
    words = [found for found in _WORD.finditer(text) if len(found[0]) >= 6]
    if not words:
        return text
    rng = Random(text)  # noqa: S311  a reproducible slip, not a secret
    word = rng.choice(words)
    at = word.start() + rng.randrange(1, len(word[0]) - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


VARIANTS: Final[Mapping[str, Variant]] = {
    "lower case": str.lower,
    "upper case": str.upper,
    "pronoun he": _swapped(_HE),
    "pronoun she": _swapped(_SHE),
    "no apostrophe": lambda text: text.replace("'", "").replace("\u2019", ""),
    "curly apostrophe": lambda text: text.replace("'", "\u2019"),
    "no final stop": lambda text: text.rstrip(" .!"),
    "exclamation": lambda text: text.rstrip(" .!") + "!!",
    "double spaces": lambda text: text.replace(" ", "  "),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "shorthand": _swapped(_SHORT),
    "written out": _swapped(_LONG),
    "typing slip": _slip,
}
"""Name to change. A text that a variant leaves as it is isn't counted for it."""


@dataclass(frozen=True, slots=True)
class Flips:
    """What a variant did.

    Attributes
    ----------
    n : int
        Texts that it changed.
    flips : int
        Of them, those whose set of raised flags is another.
    critical_lost : int
        Of them, those that lost a CRITICAL flag.
    """

    n: int
    flips: int
    critical_lost: int

    @property
    def rate(self) -> float | None:
        """Flips of all; None where no text was changed."""
        return self.flips / self.n if self.n else None

    def to_dict(self) -> dict[str, int]:
        """As in ``metrics.json``."""
        return {"n": self.n, "flips": self.flips, "critical_lost": self.critical_lost}


def robustness(analyze: Callable[[str], Any], texts: Iterable[str], variants: Mapping[str, Variant] = VARIANTS) -> dict[str, Flips]:
    """Count the verdicts that each variant changes.

    Parameters
    ----------
    analyze : callable
        ``Sentinel.analyze``, or anything whose answer has ``flags`` with ``flag_id``.
    texts : iterable of str
    variants : mapping of str to callable

    Examples
    --------
    >>> from bh_lib.sentinel import Sentinel
    >>> found = robustness(Sentinel.load().analyze, ["She doesn't want to live.", "She denies SI."])
    >>> found["pronoun he"].n, found["pronoun he"].flips
    (2, 0)
    """
    taxonomy = load_taxonomy()
    critical = {flag.flag_id for flag in taxonomy if flag.severity is Severity.CRITICAL}

    def raised(text: str) -> frozenset[str]:
        return frozenset(flag.flag_id for flag in analyze(text).flags)

    plain = [(text, raised(text)) for text in texts]
    found = {}
    for name, change in variants.items():
        changed = [(before, raised(new)) for text, before in plain if (new := change(text)) != text]
        found[name] = Flips(
            len(changed),
            sum(before != after for before, after in changed),
            sum(bool((before - after) & critical) for before, after in changed),
        )
    return found
