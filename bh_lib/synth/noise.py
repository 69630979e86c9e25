"""Noise that needs more than a table of words: slips of the hand, of dictation, of a scanner, of a mail program."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Final

from bh_lib.synth.edit import Edit

__all__ = [
    "filler_words",
    "keyboard_slips",
    "line_wraps",
    "run_on",
    "scan_errors",
    "sentence_casing",
    "spoken_marks",
    "stretched_words",
    "typography",
]

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?]*")
_DENIES: Final = frozenset(
    ("no", "not", "none", "never", "nor", "neither", "without", "deny", "denies", "denied", "negative", "absent", "n")
)
_BESIDE: Final = {
    key: near
    for row, over, under in (("qwertyuiop", "", "asdfghjkl"), ("asdfghjkl", "qwertyuio", "zxcvbnm"), ("zxcvbnm", "asdfghj", ""))
    for place, key in enumerate(row)
    for near in [
        "".join((row[max(0, place - 1) : place], row[place + 1 : place + 2], over[place : place + 1], under[place : place + 1]))
    ]
}


def _words(text: str, least: int, rate: float, rng: Random) -> list[re.Match[str]]:
    """Some of the longer words. Short ones carry negation: a slip there could change what is said, not only how."""
    return [
        word for word in _WORD.finditer(text) if len(word[0]) >= least and word[0].lower() not in _DENIES and rng.random() < rate
    ]


def sentence_casing(text: str, rng: Random) -> list[Edit]:
    """Now and then a sentence in capitals, or one in small letters, beside others as they should be."""
    edits = []
    for sentence in _SENTENCE.finditer(text):
        chance = rng.random()
        change: Callable[[str], str] | None = str.upper if chance < 0.12 else str.lower if chance < 0.4 else None
        if change is not None:
            words = _WORD.finditer(text, sentence.start(), sentence.end())
            edits += [Edit(word.start(), word.end(), change(word[0])) for word in words if change(word[0]) != word[0]]
    return edits


def keyboard_slips(text: str, rng: Random) -> list[Edit]:
    """Two keys at once, the key beside, the space bar too late or not at all."""
    edits = []
    for word in _words(text, 5, 0.06, rng):
        at = word.start() + rng.randrange(1, len(word[0]) - 1)
        near, way = _BESIDE.get(text[at].lower(), ""), rng.randrange(4)
        if way == 0 and near:
            edits.append(Edit(at, at, rng.choice(near)))
        elif way == 1 and near:
            edits.append(Edit(at, at + 1, rng.choice(near)))
        elif way == 2 and text[word.end() : word.end() + 2].strip(" ").isalpha() and text[word.end()] == " ":
            follower = _WORD.match(text, word.end() + 1)
            if follower and len(follower[0]) > 4:
                edits.append(Edit(word.end() - 1, word.end() + 1, " " + text[word.end() - 1]))
        elif way == 3 and text[word.end() : word.end() + 1] == " ":
            follower = _WORD.match(text, word.end() + 1)
            if follower and len(follower[0]) > 4 and follower[0].lower() not in _DENIES:
                edits.append(Edit(word.end(), word.end() + 1, ""))
    return edits


_MARKS: Final = {".": " period", ",": " comma", "?": " question mark", ":": " colon", ";": " semicolon"}


def spoken_marks(text: str, rng: Random) -> list[Edit]:
    """Dictation that writes the marks out as they were said."""
    hits = re.finditer(r"(?<=[^\W\d_])[.,?:;](?=\s|$)", text)
    return [Edit(hit.start(), hit.end(), _MARKS[hit[0]]) for hit in hits if rng.random() < 0.35]


def filler_words(text: str, rng: Random) -> list[Edit]:
    """What a transcriber of speech leaves in."""
    edits = []
    for word in _words(text, 2, 0.07, rng):
        filler = rng.choice(("um", "uh", "like", "you know", "i mean", "er"))
        if text[word.end() : word.end() + 1] == " ":
            edits.append(Edit(word.end(), word.end(), rng.choice((f", {filler},", f" {filler}", f"... {filler}"))))
    return edits


def stretched_words(text: str, rng: Random) -> list[Edit]:
    """Sooo tired, pleeease."""
    edits = []
    for word in _words(text, 2, 0.1, rng):
        vowels = [hit.start() for hit in re.finditer("[aeiou]", word[0].lower())]
        if vowels and len(word[0]) < 8:
            at = word.start() + vowels[-1]
            edits.append(Edit(at, at, text[at] * rng.randint(2, 4)))
    return edits


def run_on(text: str, rng: Random) -> list[Edit]:
    """Sentences that run into each other; never one that ends in a denial, which would then deny the next."""
    edits = []
    for hit in re.finditer(r"([^\W\d_]+)(\. +)([^\W\d_]+)", text):
        if hit[1].lower() in _DENIES or rng.random() > 0.6:
            continue
        # Two edits, so that a span which begins with the second sentence doesn't take in what now joins it to the first.
        edits.append(Edit(hit.start(2), hit.end(2), rng.choice((", ", " and ", " then ", " - "))))
        if hit[3][1:].islower():
            edits.append(Edit(hit.start(3), hit.start(3) + 1, hit[3][0].lower()))
    return edits


_TYPESET: Final = {"'": "’", "...": "…", " - ": " – ", "--": "—"}


def typography(text: str, rng: Random) -> list[Edit]:
    """What a word processor makes of plain marks."""
    edits = [Edit(hit.start(), hit.end(), _TYPESET[hit[0]]) for hit in re.finditer(r"'|\.\.\.| - |--", text)]
    quotes = [hit.start() for hit in re.finditer('"', text)]
    edits += [Edit(at, at + 1, "“" if place % 2 == 0 else "”") for place, at in enumerate(quotes)]
    return edits if rng.random() < 0.9 else edits[: len(edits) // 2]


_MISREAD: Final = {"rn": "m", "m": "rn", "l": "1", "o": "0", "cl": "d", "vv": "w", "i": "l", "e": "c"}


def scan_errors(text: str, rng: Random) -> list[Edit]:
    """What a scanner misreads in a fax."""
    edits = []
    for word in _words(text, 6, 0.05, rng):
        found = [hit for hit in re.finditer("rn|cl|vv|[mloie]", word[0]) if hit.start() > 0]
        if found:
            hit = rng.choice(found)
            edits.append(Edit(word.start() + hit.start(), word.start() + hit.end(), _MISREAD[hit[0]]))
    return edits


def line_wraps(text: str, rng: Random) -> list[Edit]:
    """Lines cut at a width, as mail and old record systems do, at times with a margin."""
    width, margin = rng.choice((40, 60, 72, 80)), rng.choice(("", "", "  ", "> "))
    edits, line = [], 0
    last = -1
    for hit in re.finditer(r"[ \n]", text):
        if hit[0] == "\n":
            line, last = hit.end(), -1
            continue
        if hit.start() - line > width and last >= line:
            edits.append(Edit(last, last + 1, f"\n{margin}"))
            line = last + 1
        last = hit.start()
    return edits
