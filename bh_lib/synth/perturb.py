"""Noise of the kinds that real notes and messages have, with every gold span moved exactly.

A perturbation never writes a new text: it proposes edits, and one function, `apply_edits`, carries them out and moves the
spans. So there is one place where an offset could be wrong, and it is property-tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Final

from bh_lib.schema.note import Span
from bh_lib.synth.edit import Edit, apply_edits
from bh_lib.synth.noise import (
    filler_words,
    keyboard_slips,
    line_wraps,
    run_on,
    scan_errors,
    sentence_casing,
    spoken_marks,
    stretched_words,
    typography,
)

__all__ = ["PERTURBATIONS", "Edit", "apply_edits", "perturb"]


_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_KEYBOARD: Final = {key: neighbour for row in _ROWS for key, neighbour in zip(row, row[1:] + row[-2], strict=True)}


def _typos(text: str, rng: Random) -> list[Edit]:
    edits = []
    # Short words carry negation ("no", "not"): a typo there could change what is said, not only how.
    for word in _WORD.finditer(text):
        if len(word[0]) < 5 or rng.random() > 0.05:
            continue
        at = word.start() + rng.randrange(1, len(word[0]) - 1)
        pair, way = text[at : at + 2], rng.randrange(4)
        if way == 0:
            edits.append(Edit(at, at + 2, pair[1] + pair[0]))
        elif way == 1:
            edits.append(Edit(at, at + 1, ""))
        elif way == 2:
            edits.append(Edit(at, at + 1, pair[0] * 2))
        else:
            edits.append(Edit(at, at + 1, _KEYBOARD.get(pair[0], pair[0])))
    return edits


def _casing(text: str, rng: Random) -> list[Edit]:
    change: Callable[[str], str] = rng.choice((str.lower, str.lower, str.upper))
    return [Edit(w.start(), w.end(), change(w[0])) for w in _WORD.finditer(text) if change(w[0]) != w[0]]


_SHORT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "patient": ("pt", "Pt."), "client": ("ct", "cl"), "with": ("w/",), "without": ("w/o",), "history": ("hx", "h/o"),
    "because": ("bc", "cuz", "b/c"), "please": ("pls", "plz"), "appointment": ("appt",), "medication": ("med", "rx"),
    "medications": ("meds",), "symptoms": ("sx",), "treatment": ("tx",), "diagnosis": ("dx",), "weeks": ("wks",),
    "tonight": ("tn", "2nite"), "tomorrow": ("tmrw", "tmr"), "people": ("ppl",), "though": ("tho",), "really": ("rly", "rlly"),
    "about": ("abt",), "before": ("b4",), "something": ("smth",), "someone": ("sm1",), "probably": ("prob", "prolly"),
    "you": ("u",), "your": ("ur",), "and": ("&", "n"), "for": ("4",), "hospital": ("hosp",), "reports": ("rpts", "c/o"),
    "therapist": ("counselor",), "anymore": ("anymor", "any more"), "going to": ("gonna",), "want to": ("wanna",),
})  # fmt: skip
_SPOKEN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "their": ("there",), "there": ("their",), "they're": ("there",), "your": ("you're",), "you're": ("your",), "its": ("it's",),
    "it's": ("its",), "weak": ("week",), "week": ("weak",), "too": ("to",), "than": ("then",), "then": ("than",),
    "affect": ("effect",), "effect": ("affect",), "whole": ("hole",), "would have": ("would of",), "could have": ("could of",),
    "should have": ("should of",), "a lot": ("alot",), "through": ("threw",), "were": ("where",), "passed": ("past",),
    "patience": ("patients",), "patients": ("patience",), "brakes": ("breaks",), "break": ("brake",), "right": ("write",),
    "meds": ("mends",), "sleep": ("sleet",), "hear": ("here",), "weight": ("wait",), "dose": ("does",),
})  # fmt: skip
_NOT_OWNED: Final = re.compile(
    r"(?:and|or|but|to|in|on|at|of|for|with|that|when|if|as|so|because|by|from|than|about|into|after|before)", re.IGNORECASE
)


def _replacer(table: Mapping[str, tuple[str, ...]], rate: float) -> Callable[[str, Random], list[Edit]]:
    found = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, table), key=len, reverse=True)) + r")\b", re.IGNORECASE)

    def edits(text: str, rng: Random) -> list[Edit]:
        hits = (hit for hit in found.finditer(text) if rng.random() < rate)
        return [Edit(hit.start(), hit.end(), rng.choice(table[hit[0].lower()])) for hit in hits if hit[0].lower() in table]

    return edits


def _apostrophes(text: str, rng: Random) -> list[Edit]:
    new = rng.choice(("", "", "’", " "))
    return [Edit(hit.start(), hit.end(), new) for hit in re.finditer(r"(?<=\w)['’](?=\w)", text)]


def _spacing(text: str, rng: Random) -> list[Edit]:
    edits = []
    for hit in re.finditer(r"(?<=[,;.!?]) (?=\w)| ", text):
        after_mark = hit.start() > 0 and text[hit.start() - 1] in ",;"
        if rng.random() < 0.06:
            edits.append(Edit(hit.start(), hit.end(), "" if after_mark else rng.choice(("  ", "  ", "\u00a0", "\n"))))
    return edits


def _punctuation(text: str, rng: Random) -> list[Edit]:
    # People who type on a phone drop the last stop, or let dots trail.
    return [
        Edit(hit.start(), hit.end(), rng.choice(("...", "..", ".", " ", "!")))
        for hit in re.finditer(r"(?<=[a-z])\.(?= )", text)
        if rng.random() < 0.3
    ]


def _pronouns(text: str, rng: Random) -> list[Edit]:
    to_she = rng.random() < 0.5
    table = (
        {"he": "she", "his": "her", "him": "her", "himself": "herself", "he's": "she's"}
        if to_she
        else {"she": "he", "herself": "himself", "hers": "his", "she's": "he's", "her": "his"}
    )
    edits = []
    for word in _WORD.finditer(text):
        new = table.get(word[0].lower().replace("’", "'"))
        if new is None:
            continue
        if word[0].lower() == "her":
            follower = _WORD.match(text, word.end() + 1)
            new = "his" if follower and not _NOT_OWNED.fullmatch(follower[0]) else "him"
        edits.append(Edit(word.start(), word.end(), new.capitalize() if word[0][0].isupper() else new))
    return edits


PERTURBATIONS: Final[Mapping[str, Callable[[str, Random], list[Edit]]]] = MappingProxyType(
    {
        "typos": _typos,
        "casing": _casing,
        "shorthand": _replacer(_SHORT, 0.6),
        "apostrophes": _apostrophes,
        "spacing": _spacing,
        "punctuation": _punctuation,
        "dictation": _replacer(_SPOKEN, 0.5),
        "pronouns": _pronouns,
        "sentence_casing": sentence_casing,
        "keyboard": keyboard_slips,
        "spoken_marks": spoken_marks,
        "fillers": filler_words,
        "stretched": stretched_words,
        "run_on": run_on,
        "typography": typography,
        "scan": scan_errors,
        "wraps": line_wraps,
    }
)
"""Each takes a text and a source of chance, and proposes edits."""


def perturb(
    text: str, spans: Sequence[Span], rng: Random, kinds: Sequence[str] = tuple(PERTURBATIONS)
) -> tuple[str, tuple[Span, ...]]:
    """Apply the perturbations named, one after another.

    Raises
    ------
    KeyError
        If a name is not one of `PERTURBATIONS`.

    Examples
    --------
    >>> perturb("I can't sleep", [Span("CD-003", 0, 13)], Random(1), ["apostrophes"])[0]
    'I cant sleep'
    """
    moved = tuple(spans)
    for kind in kinds:
        text, moved = apply_edits(text, moved, PERTURBATIONS[kind](text, rng))
    return text, moved
