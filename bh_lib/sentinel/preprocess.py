"""Folds text to what patterns are written for, and keeps the way back to the text as given.

`fold` changes no length: lower case, straight quotes, plain dashes, no accents, one kind of line break. `reduce` then
takes out, within a sentence, what would come between letters or words (zero-width characters, combining marks, HTML
entities, runs of white space) and says where it did, so that every offset can be told in the original.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from typing import Final

__all__ = ["GONE", "Shifts", "ending", "fold", "original", "reduce"]

GONE: Final = "\x00"
"""Stands in folded text for a character that `reduce` takes out."""

Shifts = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Stretches of the reduced text: where each begins, where that lies in the folded text, and how wide it is there if it is
written in other characters; 0 where it is the same, letter by letter."""

_QUOTES: Final = dict.fromkeys("‘’‚‛′ʼ＇`´", "'") | dict.fromkeys("“”„‟″«»", '"')
_DASHES: Final = dict.fromkeys("‐‑‒–—―−﹣－", "-")
_OTHER: Final = {
    "…": ".",
    "ø": "∅",
    "Ø": "∅",
    "∅": "∅",
    "ı": "i",
    "\u2028": "\n",
    "\u2029": "\n",
    "\x85": "\n",
    "\n": "\n",
    "\r": "\n",
}


def _folded(character: str) -> str:
    for table in (_QUOTES, _DASHES, _OTHER):
        if character in table:
            return table[character]
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me"):
        return GONE
    if category[0] == "C":
        return " "
    if not character.isalnum():
        return character
    plain = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
    if len(plain) == 1 and plain[0].isascii() and plain[0].isalnum():
        return plain[0].lower()
    # Any other letter must still be a letter to an ASCII word boundary, so that "no" is not found in a longer word.
    return "_" if character.isalpha() else character


class _Table(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded


_TABLE: Final = _Table()
_MESSY: Final = re.compile(r"[ \n]{2,}|\n|\x00+|&(?:#\d{2,7}|#x[0-9a-f]{2,6}|[a-z]{2,8});")


def fold(text: str) -> str:
    r"""Fold without changing the length.

    Examples
    --------
    >>> fold("I don’t WANT\r\nto\u00a0live")
    "i don't want \nto live"
    >>> [len(fold(trap)) for trap in ("İstanbul", "ſ", "ß", "\ud800")]
    [8, 1, 1, 1]
    """
    if "\r" in text:
        text = text.replace("\r\n", " \n")
    return text.translate(_TABLE)


def _put(found: str) -> str:
    if found[0] == "&":
        decoded = html.unescape(found)
        return fold(decoded).replace(GONE, "") if len(decoded) == 1 else found
    return "" if found[0] == GONE else " "


def reduce(folded: str) -> tuple[str, Shifts | None]:
    """Take out what comes between letters and words.

    Returns
    -------
    reduced : str
    shifts : Shifts or None
        None where nothing changed. See `original`.

    Examples
    --------
    >>> reduced, shifts = reduce("i don&#39;t  want")
    >>> reduced, original(6, shifts), original(8, shifts)
    ("i don't want", 10, 13)
    """
    if _MESSY.search(folded) is None:
        return folded, None
    pieces: list[str] = []
    places, firsts, widths = [0], [0], [0]
    at = length = 0
    for messy in _MESSY.finditer(folded):
        put = _put(messy[0])
        pieces += (folded[at : messy.start()], put)
        length += messy.start() - at
        if messy[0][0] == "&":
            places.append(length)
            firsts.append(messy.start())
            widths.append(len(messy[0]) if len(put) == 1 else 0)
        length += len(put)
        at = messy.end()
        places.append(length)
        firsts.append(at)
        widths.append(0)
    pieces.append(folded[at:])
    return "".join(pieces), (tuple(places), tuple(firsts), tuple(widths))


def original(offset: int, shifts: Shifts | None) -> int:
    """Where a place in reduced text lies in the folded text."""
    if shifts is None:
        return offset
    places, firsts, widths = shifts
    at = bisect_right(places, offset) - 1
    return firsts[at] if widths[at] else firsts[at] + offset - places[at]


def ending(offset: int, shifts: Shifts | None) -> int:
    """Where the character of reduced text before a place ends in the folded text.

    Examples
    --------
    >>> reduced, shifts = reduce("i can&#39;")
    >>> ending(len(reduced), shifts)
    10
    """
    if shifts is None:
        return offset
    places, firsts, widths = shifts
    at = bisect_right(places, offset - 1) - 1
    return firsts[at] + (widths[at] or offset - places[at])
