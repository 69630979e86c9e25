"""What identifiers look like in text: one pattern a shape, and the plain form of a text in which they are sought."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

__all__ = ["AGENT", "CODE", "FREE", "Rules", "name_pattern", "plain_form"]

Rules = tuple[tuple[re.Pattern[str], str], ...]

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
# Up to three characters between two groups of one number: "-", " - ", ") ".
_GAP = r"[\s._/()-]{0,3}"
_APART = r"[\s._/()-]{1,3}"
_START, _END = r"(?<!\d)", r"(?!\d)"

_EMAIL = (r"(?<![\w.+%'-])[\w.+%'-]++\"?\s?@\s?[\w.-]++(?:\s?\.\s?[a-z]{2,}\b)?", "[EMAIL]")
_LABELLED = (
    r"\b(?:mrn|medical record(?: number| no)?|record no|patient (?:id|no|number)|account no|member id|ssn|dob|nhs no)\b"
    r"[\s:#.=_-]*[\w-]*\d[\w-]*",
    "[ID]",
)
_DATES = (
    (rf"{_START}\d{{4}}[-/._]\d{{1,2}}[-/._]\d{{1,2}}(?:[t ]\d{{2}}:\d{{2}}(?::\d{{2}})?)?", "[DATE]"),
    (rf"{_START}\d{{1,2}}\s?[-/._]\s?\d{{1,2}}\s?[-/._]\s?(?:\d{{4}}|\d{{2}}){_END}", "[DATE]"),
    (rf"(?<![a-z]){_MONTH}[\s._/-]{{1,2}}{_DAY}{_END}(?:,?[\s._/-]{{1,2}}'?\d{{2,4}}{_END})?", "[DATE]"),
    (rf"{_START}{_DAY}[\s._/-]{{0,2}}(?:of )?{_MONTH}(?![a-z])(?:[\s,._/-]{{0,2}}'?\d{{2,4}}{_END})?", "[DATE]"),
    (rf"(?<![a-z]){_MONTH}[\s.,_/-]{{1,2}}\d{{4}}{_END}", "[DATE]"),
    (rf"{_START}\d{{4}}[\s,._/-]{{1,2}}{_MONTH}[\s._/-]{{1,2}}{_DAY}{_END}", "[DATE]"),
)


def _compiled(*rules: tuple[str, str]) -> Rules:
    return tuple((re.compile(pattern, re.IGNORECASE), mark) for pattern, mark in rules)


# In this order: a longer shape first, so that a social security number is not half taken for something else.
# Each is linear: quantifiers are bounded, or begin where no other match could.
#: For text that anybody may have written.
FREE = _compiled(
    _EMAIL,
    _DATES[5],
    (rf"{_START}\d{{3}}{_GAP}\d{{2}}{_GAP}\d{{4}}{_END}", "[SSN]"),
    (rf"{_START}(?:\+?\d{{1,2}}{_GAP})?\(?\d{{3}}{_GAP}\d{{3}}{_GAP}\d{{4}}{_END}", "[PHONE]"),
    (r"\+\s?\d(?:[\s.()/-]{0,2}\d){6,14}", "[PHONE]"),
    *_DATES[:5],
    _LABELLED,
    # Digits that only spaces and strokes part: numbers are read out and written in groups.
    (r"\d(?:[\s()/_-]{0,3}\d){6,}", "[NUMBER]"),
    (r"\d{5,}", "[NUMBER]"),
)
#: For codes: LOINC and SNOMED CT are runs of digits, and stay.
CODE = _compiled(
    _EMAIL,
    _DATES[5],
    (rf"{_START}\d{{3}}{_APART}\d{{2}}{_APART}\d{{4}}{_END}", "[SSN]"),
    (rf"{_START}(?:\+?\d{{1,2}}{_APART})?\(?\d{{3}}{_APART}\d{{3}}{_APART}\d{{4}}{_END}", "[PHONE]"),
    *_DATES[:5],
    _LABELLED,
)
#: For the names and versions of models, which hold dates of their own.
AGENT = tuple(rule for rule in CODE if rule[1] != "[DATE]")

_STROKES = str.maketrans(dict.fromkeys("\u2212\u2044\u2215\u00b7\u2022\u2027\u30fb\u02d7\u2e31", "-"))


def plain_form(text: str) -> str:
    """The text as a reader sees it: one form for each letter and digit, every dash a hyphen, nothing invisible.

    Full-width digits, zero-width characters between digits, and percent-encoding would walk past every pattern.

    Examples
    --------
    >>> plain_form("１２３\\u200b\\u201145%2D6789")
    '123-45-6789'
    """
    if "%" in text:
        text = unquote(text, errors="ignore")
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cs", "Co", "Cn"))
        text = "".join("-" if unicodedata.category(c) == "Pd" else c for c in text).translate(_STROKES)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text


def name_pattern(names: list[str]) -> re.Pattern[str] | None:
    """One pattern for registered names: as words, in any case, however they are spaced.

    Examples
    --------
    >>> name_pattern(["Ann Example"]).sub("[NAME]", "seen_by_ANN  example2")
    'seen_by_[NAME]2'
    """
    words = sorted({plain_form(name).strip() for name in names if name.strip()}, key=len, reverse=True)
    if not words:
        return None
    # A letter on either side makes it another word; a digit or an underscore doesn't.
    each = (r"[\s_.-]{1,3}".join(re.escape(part) for part in word.split()) for word in words)
    return re.compile("|".join(rf"(?<![^\W\d_]){word}(?![^\W\d_])" for word in each), re.IGNORECASE)
