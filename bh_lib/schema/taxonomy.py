"""The flag taxonomy: which signals there are, how severe, and which C-SSRS item each maps to."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from types import MappingProxyType
from typing import Any

from bh_lib._resources import schema_path
from bh_lib.errors import InputError, KnowledgeError

__all__ = ["Flag", "Severity", "Taxonomy", "load_taxonomy"]


class Severity(IntEnum):
    """How grave a flag is; the order is in the type.

    Examples
    --------
    >>> Severity.POSITIVE < Severity.LOW < Severity.CRITICAL
    True
    """

    POSITIVE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True, slots=True)
class Flag:
    """One entry of the taxonomy.

    Attributes
    ----------
    flag_id, domain, name, meaning : str
    severity : Severity
    ideation : int or None
        The C-SSRS ideation item, 1-5.
    behavior : str or None
        ``"behavior"`` for suicidal behavior, ``"nssi"`` for self-injury without suicidal intent.
    """

    flag_id: str
    domain: str
    name: str
    meaning: str
    severity: Severity
    ideation: int | None = None
    behavior: str | None = None


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All flags, in the order of ``schema/flags.toml``.

    Examples
    --------
    >>> taxonomy = load_taxonomy()
    >>> len(taxonomy), taxonomy["SH-002"].severity.name, taxonomy["SH-002"].ideation
    (40, 'CRITICAL', 2)
    >>> taxonomy["SH-999"]
    Traceback (most recent call last):
    ...
    bh_lib.errors.InputError: unknown flag id: see schema/flags.toml for the 40 that exist
    """

    version: str
    domains: Mapping[str, str]
    flags: Mapping[str, Flag]

    def __len__(self) -> int:
        return len(self.flags)

    def __iter__(self) -> Iterator[Flag]:
        return iter(self.flags.values())

    def __contains__(self, flag_id: object) -> bool:
        return isinstance(flag_id, str) and flag_id in self.flags

    def __getitem__(self, flag_id: str) -> Flag:
        try:
            return self.flags[flag_id]
        except KeyError:
            # The id may be anything that a caller passed, so it is not repeated.
            raise InputError(f"unknown flag id: see schema/flags.toml for the {len(self)} that exist") from None

    @property
    def ids(self) -> tuple[str, ...]:
        """All flag ids, in order."""
        return tuple(self.flags)

    @property
    def critical(self) -> tuple[str, ...]:
        """The ids whose severity is CRITICAL."""
        return tuple(flag.flag_id for flag in self if flag.severity is Severity.CRITICAL)


def _flag(row: dict[str, Any], domains: dict[str, str], place: str) -> Flag:
    unknown = set(row) - {"id", "domain", "severity", "c_ssrs", "name", "meaning"}
    missing = {"id", "domain", "severity", "name", "meaning"} - set(row)
    item = row.get("c_ssrs")
    if unknown or missing:
        raise KnowledgeError(f"unknown keys {sorted(unknown)}, missing keys {sorted(missing)}", path="flags.toml", place=place)
    if row["domain"] not in domains or row["severity"] not in Severity.__members__:
        raise KnowledgeError("its domain and severity must be declared at the top", path="flags.toml", place=place)
    if item is not None and item not in (1, 2, 3, 4, 5, "behavior", "nssi"):
        raise KnowledgeError('c_ssrs is 1-5, "behavior" or "nssi"', path="flags.toml", place=place)
    return Flag(
        row["id"],
        row["domain"],
        row["name"],
        row["meaning"],
        Severity[row["severity"]],
        ideation=item if isinstance(item, int) else None,
        behavior=item if isinstance(item, str) else None,
    )


def parse_taxonomy(text: str) -> Taxonomy:
    """Read a taxonomy; refuse it whole, naming the flag, where anything is wrong.

    Raises
    ------
    KnowledgeError
        If the text is not TOML, a key is unknown or missing, a value is not allowed, or an id stands twice.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"is not valid TOML: {error}", path="flags.toml") from None
    domains = data.get("domains", {})
    if data.get("severities") != [severity.name for severity in Severity]:
        raise KnowledgeError("severities are POSITIVE, LOW, MEDIUM, HIGH, CRITICAL, in this order", path="flags.toml")
    flags: dict[str, Flag] = {}
    for number, row in enumerate(data.get("flag", []), 1):
        place = f"flag {number} ({row.get('id', 'no id')})"
        flag = _flag(row, domains, place)
        if flag.flag_id in flags:
            raise KnowledgeError("its id stands twice", path="flags.toml", place=place)
        flags[flag.flag_id] = flag
    return Taxonomy(data.get("version", ""), MappingProxyType(dict(domains)), MappingProxyType(flags))


@cache
def load_taxonomy() -> Taxonomy:
    """The taxonomy of this release, read once."""
    return parse_taxonomy(schema_path("flags.toml").read_text("utf-8"))
