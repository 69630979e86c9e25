"""A text as the layers see it: its sentences, each folded and reduced, with the way back to the text as given."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bh_lib.errors import InputError
from bh_lib.schema.note import LONGEST_TEXT
from bh_lib.sentinel.preprocess import GONE, Shifts, ending, fold, original, reduce
from bh_lib.sentinel.shorthand import shortened, written_out
from bh_lib.sentinel.spelling import mended

__all__ = ["LONGEST_SENTENCE", "LONGEST_TEXT", "Document", "Sentence", "read_document"]

LONGEST_SENTENCE: Final = 1_000
"""Characters; a longer one is cut at a space, which keeps the time linear in the length of the text."""

_BREAK: Final = re.compile(r"[.!?]+[)\"'\]]*(?=[\s\x00]|$)|(?<=[a-z]{3})[.!?]+(?=[a-z])|[ ]*\n[\s\x00]*")
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(/\x00])(?:mr|mrs|ms|dr|drs|prof|st|jr|sr|vs|pt|pts|approx|appt|dept|hosp|e\.g|i\.e|cf|fig|inc|etc|al|no|[a-z])$"
)
_ITEM: Final = re.compile(r"(?:[-*•▪●◦‣·+>#☐☑☒✓✔✗✘]|\[[ x]?\]|\(?\d{1,2}[.):]|[a-z][a-z0-9 /&()'-]{1,45}:)")
_GOES_ON: Final = re.compile(
    r"(?:[,/&(]|(?:^|\s)(?:and|or|nor|of|the|a|an|to|for|with|without|denies|denied|no|any|not|has|is|in|on|by|from))\s*$"
)
_WRAPPED: Final = 45


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence.

    Attributes
    ----------
    index : int
    start, end : int
        Indices into the text as given.
    norm : str
        Folded, reduced, its shorthand written out: what patterns match.
    norm_start : int
        Where it begins in the document's ``norm``.
    block : int
        Number of the paragraph that it stands in.
    shifts : Shifts or None
    """

    index: int
    start: int
    end: int
    norm: str
    norm_start: int
    block: int = 0
    shifts: Shifts | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """A span of ``norm`` as a span of the text as given."""
        if self.shifts is None:
            return self.start + start, self.start + end
        return self.start + original(start, self.shifts), self.start + ending(end, self.shifts)


@dataclass(frozen=True, slots=True)
class Document:
    """A text and its sentences; ``norm`` joins their normal forms, a line each."""

    text: str
    norm: str
    sentences: tuple[Sentence, ...]
    starts: tuple[int, ...]

    def sentence_at(self, norm_offset: int) -> Sentence:
        """The sentence in which a place of ``norm`` lies."""
        return self.sentences[bisect_right(self.starts, norm_offset) - 1]


def _is_break(text: str, folded: str, found: re.Match[str], line: int) -> bool:
    start, end = found.span()
    mark = found[0]
    if "\n" in mark:
        if mark.count("\n") > 1 or end >= len(folded):
            return True
        before = folded[line:start]
        if _ITEM.match(folded, end):
            return True
        if _GOES_ON.search(before[-16:]):
            return False
        return len(before) < _WRAPPED or not text[end].islower()
    if mark == "." and end < len(folded) and _ABBREVIATION.search(folded[max(0, start - 8) : start]):
        return False
    if mark == "." and not folded[line:start].strip(" \t0123456789()[]"):
        return False
    if end < len(text) and folded[end].isalpha():
        return text[end].isupper() and text[start - 1].islower()
    return True


def _cut(folded: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST_SENTENCE:
        cut = folded.rfind(" ", start + LONGEST_SENTENCE // 2, start + LONGEST_SENTENCE)
        cut = start + LONGEST_SENTENCE if cut < 0 else cut
        yield start, cut
        start = cut
    yield start, end


def _spans(text: str, folded: str) -> Iterator[tuple[int, int, int]]:
    at = line = block = 0
    for found in _BREAK.finditer(folded):
        lines = found[0].count("\n")
        if _is_break(text, folded, found, line):
            for start, end in _cut(folded, at, found.start() if lines else found.end()):
                yield start, end, block
            at = found.end()
        if lines:
            line = found.end()
            block += lines > 1
    for start, end in _cut(folded, at, len(folded)):
        yield start, end, block


def read_document(text: str) -> Document:
    r"""Split a text into sentences in one pass.

    Raises
    ------
    InputError
        If it is not a string, or longer than `LONGEST_TEXT` characters.

    Examples
    --------
    >>> document = read_document("Pt. denies SI.  Mood\xa0is low!\n- Sleep: poor")
    >>> [document.text[s.start : s.end] for s in document.sentences]
    ['Pt. denies SI.', 'Mood\xa0is low!', '- Sleep: poor']
    >>> document.norm
    'pt. denies si.\nmood is low!\n- sleep: poor'
    """
    if not isinstance(text, str):
        raise InputError("a text is a string")
    if len(text) > LONGEST_TEXT:
        raise InputError(f"a text has at most {LONGEST_TEXT:,} characters: split it")
    folded = mended(fold(text))
    short = shortened(folded)
    sentences: list[Sentence] = []
    starts: list[int] = []
    length = 0
    blank = " \n" + GONE
    for start, end, block in _spans(text, folded):
        piece = folded[start:end]
        bare = piece.strip(blank)
        if not bare:
            continue
        start += len(piece) - len(piece.lstrip(blank))
        norm, shifts = reduce(bare)
        if short:
            norm, shifts = written_out(norm, shifts)
        sentences.append(Sentence(len(sentences), start, start + len(bare), norm, length, block, shifts))
        starts.append(length)
        length += len(norm) + 1
    return Document(text, "\n".join(sentence.norm for sentence in sentences), tuple(sentences), tuple(starts))
