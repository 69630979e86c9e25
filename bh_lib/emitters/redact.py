"""What may be in an event: metadata by allowlist, scalars only; free text scrubbed and capped.

This is the first stage of the pipeline, so that nothing behind it (validation, sinks, spool, diagnostics) ever holds
what was taken out.

Identifiers that the standard asks for are the event's purpose and stay as they are: the ids in ``actor``, ``resource``,
``delegation``, ``correlation``, ``consent``, ``disclosure.recipient`` and ``emergency.approved_by``, ``http.client_ip``, and
the dates of a consent. So do the names that the service was configured with, and a number under an allowed metadata key. Every
other text is scrubbed: `FREE`, where anybody may have written it; `CODE` and `AGENT`, where a run of digits, or a date, has a
meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from bh_lib.emitters.shapes import AGENT, CODE, FREE, Rules, name_pattern, plain_form
from bh_lib.errors import ConfigError

__all__ = ["Redactor", "scrub"]

_LONGEST = 4096
_METADATA_ENTRIES = 20
_EXACT_INTEGERS = 2**53
_QUERY = re.compile("[?#]")
_REMEMBERED = 1024
# Which texts of a block are scrubbed, and by which rules. What schema 3.0 holds to a list of words needs none.
_TEXTS: dict[str, tuple[tuple[str, Rules, int | None], ...]] = {
    "outcome": (("error_type", FREE, 128), ("error_message", FREE, None)),
    "action": (("name", FREE, 128),),
    "resource": (("type", FREE, 128),),
    "attribution": (("method", FREE, 64),),
    "consent": (("scope", FREE, 256),),
    "disclosure": (("description_code", CODE, 128),),
    "emergency": (("nature_code", CODE, 128),),
    "http": (("user_agent", FREE, 128), ("route_template", FREE, 512)),
}
_TEXTFUL = (_TEXTS.keys() | {"delegation"}) - {"outcome", "action", "resource", "http"}
_AGENT = tuple((key, AGENT, 128) for key in ("vendor", "model_family", "model_version", "harness", "harness_version"))


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
    return _scrubbed(plain_form(text), FREE)[:limit]


def _scrubbed(text: str, rules: Rules) -> str:
    for pattern, mark in rules:
        text = pattern.sub(mark, text)
    return text


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

    __slots__ = ("_clean", "_limit", "_metadata", "_names", "dropped")

    def __init__(self, metadata: Iterable[str] = (), names: Iterable[str] = (), limit: int = 256) -> None:
        if isinstance(metadata, str) or isinstance(names, str):
            raise ConfigError("is a list of strings, not one string", place="metadata or names")
        self._metadata = frozenset(metadata)
        self._names = name_pattern(list(names))
        self._limit = limit
        # Labels such as "Note" come with every event: those that scrubbing left alone are known by sight.
        self._clean: set[str] = set()
        self.dropped = 0

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """Redact in place what the logger built; what the caller handed in is replaced, never changed."""
        if not self._is_bare(event):
            for name, keys in _TEXTS.items():
                block = event.get(name)
                if isinstance(block, Mapping):
                    event[name] = self._texts(block, keys)
            if isinstance(event.get("actor"), Mapping):
                event["actor"] = self._actor(event["actor"])
            if "delegation" in event:
                event["delegation"] = self._delegation(event["delegation"])
        if "metadata" in event:
            kept = self._kept(event["metadata"])
            if kept:
                event["metadata"] = kept
            else:
                del event["metadata"]
        return event

    def _is_bare(self, event: dict[str, Any]) -> bool:
        """Whether it is of the commonest kind: no text but labels that are known by sight."""
        try:
            actor, resource, http = event["actor"], event["resource"], event.get("http")
            return (
                (http is None or ("user_agent" not in http and http["route_template"] in self._clean))
                and len(event["outcome"]) == 1
                and "name" not in event["action"]
                and resource["type"] in self._clean
                and "auth" not in actor
                and self._clean.issuperset(actor.get("roles", ()))
                and event.keys().isdisjoint(_TEXTFUL)
            )
        except (KeyError, TypeError, AttributeError):
            return False  # not the shape of an event: validation words it

    def text(self, value: str, limit: int | None = None, rules: Rules = FREE) -> str:
        """Scrub one text, the registered names included."""
        if len(value) > _LONGEST:
            return scrub(value, limit=limit or self._limit)
        value = plain_form(value)
        if self._names is not None:
            value = self._names.sub("[NAME]", value)
        return _scrubbed(value, rules)[: limit or self._limit]

    def _label(self, value: Any, rules: Rules, limit: int | None) -> Any:
        if not isinstance(value, str) or value in self._clean:
            return value
        out = self.text(value, limit, rules)
        # Only what the widest rules leave alone: a code that passed as a code may not pass elsewhere, nor a "?" in a template.
        if rules is FREE and out == value and len(value) <= 64 and len(self._clean) < _REMEMBERED and not _QUERY.search(value):
            self._clean.add(value)
        return out

    def _texts(self, block: Mapping[str, Any], keys: tuple[tuple[str, Rules, int | None], ...]) -> Mapping[str, Any]:
        changed: dict[str, Any] = {}
        for key, rules, limit in keys:
            value = block.get(key)
            if value is None or (rules is FREE and isinstance(value, str) and value in self._clean):
                continue
            if key == "route_template" and isinstance(value, str):
                # A route's template has no query; a raw URL, given by mistake, may.
                value = _QUERY.split(value, maxsplit=1)[0]
            changed[key] = self._label(value, rules, limit)
        return {**block, **changed} if changed else block

    def _actor(self, actor: Mapping[str, Any]) -> Mapping[str, Any]:
        roles, auth = actor.get("roles"), actor.get("auth")
        if isinstance(roles, (list, tuple)):
            actor = {**actor, "roles": [self._label(role, FREE, 64) for role in roles]}
        if isinstance(auth, Mapping):
            actor = {**actor, "auth": self._texts(auth, (("method", FREE, 64),))}
        return actor

    def _delegation(self, delegation: Any) -> Any:
        if isinstance(delegation, Mapping) and isinstance(acting := delegation.get("acting"), Mapping):
            agent = acting.get("agent")
            if isinstance(agent, Mapping):
                return {**delegation, "acting": {**acting, "agent": self._texts(agent, _AGENT)}}
        return delegation

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
