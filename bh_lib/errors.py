"""Every error that the library raises, in one tree.

::

    BhError
    ├── InputError            what was given can't be used: the message says what to do (exit status 2)
    │   ├── ConfigError       a setting is unknown, or has a value that is not allowed
    │   ├── KnowledgeError    a knowledge pack (flags, patterns, cues, lexicon, rules, controls) is wrong
    │   └── SchemaError       an event, note or analysis doesn't hold its schema, or can't be converted
    ├── MissingExtraError     an optional dependency is not installed (also an ImportError)
    ├── SinkError             a sink could not keep an event
    ├── IntegrityError        bytes are not what their digest or signature says
    └── GateError             a check or a promotion gate refused to go on

A message names the place and the rule, never the value: a value may be PHI.
"""

from __future__ import annotations

__all__ = [
    "BhError",
    "ConfigError",
    "GateError",
    "InputError",
    "IntegrityError",
    "KnowledgeError",
    "MissingExtraError",
    "SchemaError",
    "SinkError",
]


class BhError(Exception):
    """Base of every error here."""


class InputError(BhError):
    """What was given can't be used.

    Parameters
    ----------
    rule : str
        What is expected, in words that say what to do. Never the value that was found.
    path : str, optional
        The file it concerns.
    place : str, optional
        Where in it: ``line 3``, or a path such as ``/actor/subject_id``.

    Examples
    --------
    >>> str(InputError("is not valid JSON", path="notes.jsonl", place="line 3"))
    'notes.jsonl, line 3: is not valid JSON'
    >>> str(InputError("at least one event is needed"))
    'at least one event is needed'
    """

    def __init__(self, rule: str, *, path: str | None = None, place: str | None = None) -> None:
        self.rule, self.path, self.place = rule, path, place
        where = ", ".join(part for part in (path, place) if part)
        super().__init__(f"{where}: {rule}" if where else rule)


class ConfigError(InputError):
    """A setting is unknown, or has a value that is not allowed."""


class KnowledgeError(InputError):
    """A knowledge pack is wrong; it is refused whole, and the message names file and place."""


class SchemaError(InputError):
    """A document doesn't hold its schema, or can't be converted without lying."""


class MissingExtraError(BhError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


class SinkError(BhError):
    """A sink could not keep an event; the message names the event id and the sink, never the event."""


class IntegrityError(BhError):
    """Bytes are not what their digest or signature says."""


class GateError(BhError):
    """A check or a promotion gate refused to go on; the message names what failed."""
