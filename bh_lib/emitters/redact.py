"""What may be in an event: metadata by allowlist, scalars only; free text scrubbed and capped.

This is the first stage of the pipeline, so that nothing behind it (validation, sinks, spool, diagnostics) ever holds
what was taken out. Identifiers that the standard asks for (``subject_id``, ``patient_id``) are the event's purpose and stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from bh_lib.errors import ConfigError

__all__ = ["Redactor", "scrub"]

_LONGEST = 4096
_METADATA_ENTRIES = 20
_EXACT_INTEGERS = 2**53

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*"
# In this order: a longer shape first, so that a social security number is not half taken for something else.
# Each is linear: no quantifier stands inside another.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), mark)
    for pattern, mark in (
        (r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)*", "[EMAIL]"),
        (r"(?<!\d)\d{3}[-. ]?\d{2}[-. ]?\d{4}(?!\d)", "[SSN]"),
        (r"(?<!\d)(?:\+?\d{1,2}[-. ]?)?(?:\(\d{3}\) ?|\d{3}[-. ]?)\d{3}[-. ]?\d{4}(?!\d)", "[PHONE]"),
        (r"(?<!\d)\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[t ]\d{2}:\d{2}(?::\d{2})?)?", "[DATE]"),
        (r"(?<!\d)\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?!\d)", "[DATE]"),
        (rf"\b{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{2,4}}\b", "[DATE]"),
        (rf"(?<!\d)\d{{1,2}}(?:st|nd|rd|th)? {_MONTH}\.?,? \d{{2,4}}\b", "[DATE]"),
        (r"\b(?:mrn|medical record(?: number| no)?|patient id|ssn|dob)\b[\s:#.=]*[\w-]*\d[\w-]*", "[ID]"),
        (r"\d{5,}", "[NUMBER]"),
    )
)


def scrub(text: str, *, limit: int = 256) -> str:
    """Take identifiers out of free text, then cap it.

    Removed: e-mail addresses, US social security and phone numbers, dates, labelled record numbers, and any run of
    five digits or more. That is the reach of patterns: a name in free text passes unless the caller registers it with
    `Redactor`. A text of more than 4,096 characters is no label and is replaced whole.

    Parameters
    ----------
    text : str
        What a caller, a client or an exception said.
    limit : int
        Most characters to keep. The cap comes last: a number cut in half would no longer look like one.

    Examples
    --------
    >>> scrub("SSN 123-45-6789, call (555) 010-4477 or ann@example.org by 3/14/2026")
    'SSN [SSN], call [PHONE] or [EMAIL] by [DATE]'
    """
    if len(text) > _LONGEST:
        return "[LONG TEXT REMOVED]"[:limit]
    # Full-width digits, and zero-width characters between digits, would walk past every pattern below.
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cs", "Co", "Cn"))
        text = "".join("-" if unicodedata.category(c) == "Pd" else c for c in text)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    for pattern, mark in _RULES:
        text = pattern.sub(mark, text)
    return text[:limit]


class Redactor:
    """The redacting stage: an event in, an event without free-text identifiers out.

    Parameters
    ----------
    metadata : iterable of str
        The metadata keys that may pass. Every other key is dropped and counted; the default lets none pass.
    names : iterable of str
        Names to take out of free text wherever they stand, in any case.
    limit : int
        Most characters of one free-text value.

    Attributes
    ----------
    dropped : int
        Metadata entries that were dropped so far.

    Examples
    --------
    >>> redact = Redactor(metadata=["format"], names=["Ann Example"])
    >>> event = redact({"metadata": {"format": "pdf for Ann Example", "note": "x", "rows": [1]}})
    >>> event["metadata"], redact.dropped
    ({'format': 'pdf for [NAME]'}, 2)
    """

    __slots__ = ("_limit", "_metadata", "_names", "dropped")

    def __init__(self, metadata: Iterable[str] = (), names: Iterable[str] = (), limit: int = 256) -> None:
        if isinstance(metadata, str) or isinstance(names, str):
            raise ConfigError("is a list of strings, not one string", place="metadata or names")
        self._metadata = frozenset(metadata)
        words = sorted({name.strip() for name in names if name.strip()}, key=len, reverse=True)
        self._names = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words), re.IGNORECASE) if words else None
        self._limit = limit
        self.dropped = 0

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """Redact in place what the logger built; what the caller handed in is replaced, never changed."""
        outcome = event.get("outcome")
        if outcome is not None and len(outcome) > 1:
            event["outcome"] = self._texts(outcome, ("error_type", "error_message"))
        action = event.get("action")
        if action is not None and "name" in action:
            event["action"] = self._texts(action, ("name",))
        http = event.get("http")
        if http is not None:
            event["http"] = self._http(http)
        if "attribution" in event:
            event["attribution"] = self._texts(event["attribution"], ("method",))
        if "metadata" in event:
            kept = self._kept(event["metadata"])
            if kept:
                event["metadata"] = kept
            else:
                del event["metadata"]
        return event

    def text(self, value: str, limit: int | None = None) -> str:
        """Scrub one free text, the registered names included."""
        if self._names is not None and len(value) <= _LONGEST:
            value = self._names.sub("[NAME]", value)
        return scrub(value, limit=limit or self._limit)

    def _texts(self, block: Any, keys: tuple[str, ...]) -> Any:
        if not isinstance(block, Mapping):
            return block
        return {
            key: self.text(value, 128 if key != "error_message" else None) if key in keys and isinstance(value, str) else value
            for key, value in block.items()
        }

    def _http(self, block: Any) -> Any:
        if not isinstance(block, Mapping):
            return block
        if "user_agent" in block:
            block = self._texts(block, ("user_agent",))
        route = block.get("route_template")
        if isinstance(route, str) and ("?" in route or "#" in route):
            block = {**block, "route_template": re.split(r"[?#]", route, maxsplit=1)[0]}
        return block

    def _kept(self, metadata: Any) -> dict[str, Any]:
        if not isinstance(metadata, Mapping):
            self.dropped += 1
            return {}
        kept: dict[str, Any] = {}
        for key, value in metadata.items():
            if key not in self._metadata or len(kept) == _METADATA_ENTRIES:
                continue
            if isinstance(value, str):
                kept[key] = self.text(value)
            elif _is_plain(value):
                kept[key] = value
        self.dropped += len(metadata) - len(kept)
        return kept


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < _EXACT_INTEGERS)
