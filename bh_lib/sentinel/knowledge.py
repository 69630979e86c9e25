"""Loads pattern packs, and refuses a wrong one whole, naming file, line and pattern of each fault."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from bh_lib.errors import KnowledgeError
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.expression import expanded, expression_fault, lowered

__all__ = [
    "KNOWLEDGE",
    "Fault",
    "Pattern",
    "default_packs",
    "header_lines",
    "load_macros",
    "load_patterns",
    "read_pack",
    "read_toml",
]

KNOWLEDGE: Final = Path(__file__).resolve().parent / "knowledge"

_NEEDED: Final = {"id", "flag", "voice", "regex", "precision", "raises", "spares"}
_ALLOWED: Final = _NEEDED | {"assertion", "temporality", "experiencer", "negatable", "behavior", "note"}
_ID: Final = re.compile(r"([A-Z]{2,3}-\d{3}[a-d]?)\.([cp])(\d{2,3})")
_BEHAVIORS: Final = ("preparatory", "aborted", "interrupted", "actual_attempt")
_VOICES: Final = {"c": "clinician", "p": "patient"}
_Value = TypeVar("_Value", bound=StrEnum)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong in a knowledge file, and where.

    Examples
    --------
    >>> str(Fault("self_harm.toml", "line 12, SH-002.c01", "unknown macro selv"))
    'self_harm.toml, line 12, SH-002.c01: unknown macro selv'
    """

    path: str
    place: str
    rule: str

    def __str__(self) -> str:
        return f"{self.path}, {self.place}: {self.rule}"

    def error(self) -> KnowledgeError:
        """The same as an exception."""
        return KnowledgeError(self.rule, path=self.path, place=self.place)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way in which a flag is worded.

    Attributes
    ----------
    pattern_id, flag_id, voice : str
    regex : str
        Macros expanded, lower case; for normalized text.
    precision : float
        The author's estimate that a match, with context applied, is a true mention.
    raises, spares : tuple of str
        Sentences in which it must, and must not, raise its flag.
    assertion, temporality, experiencer : optional
        What the phrase itself says, whatever stands around it.
    negatable : bool
        False where the phrase is itself negative ("no reason to live"), so that its own "no" denies nothing.
    behavior : str, optional
        The suicidal behavior that the phrase tells, where the flag alone doesn't: ``aborted``, ``interrupted``, …
    path, line : str, int
        Where it is written.
    """

    pattern_id: str
    flag_id: str
    voice: str
    regex: str
    precision: float
    raises: tuple[str, ...]
    spares: tuple[str, ...]
    assertion: Assertion | None = None
    temporality: Temporality | None = None
    experiencer: Experiencer | None = None
    negatable: bool = True
    behavior: str | None = None
    path: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """Line and id, for messages."""
        return f"line {self.line}, {self.pattern_id}"


def default_packs() -> tuple[Path, ...]:
    """The packs that this release carries, by name."""
    return tuple(sorted((KNOWLEDGE / "patterns").glob("*.toml")))


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Read a knowledge file: its text and its data.

    Raises
    ------
    KnowledgeError
        If it can't be read or is not TOML; the message holds the line.
    """
    try:
        text = path.read_text("utf-8")
    except OSError:
        raise KnowledgeError("can't be read", path=str(path)) from None
    except UnicodeDecodeError:
        raise KnowledgeError("is not UTF-8", path=str(path)) from None
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"is not valid TOML: {error}", path=path.name) from None


def header_lines(text: str, table: str) -> list[int]:
    """Line numbers of the ``[[table]]`` headers, in order: tomllib keeps no places."""
    header = re.compile(rf"\s*\[\[\s*{re.escape(table)}\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), 1) if header.match(line)]


def load_macros(path: Path | None = None) -> Mapping[str, str]:
    """Read the regex pieces that all packs share."""
    source = path or KNOWLEDGE / "macros.toml"
    _, data = read_toml(source)
    macros = data.get("macros")
    if (
        set(data) - {"taxonomy_version"} != {"macros"}
        or not isinstance(macros, dict)
        or not all(isinstance(value, str) for value in macros.values())
    ):
        raise KnowledgeError("holds one table, [macros], of strings", path=source.name)
    return macros


def _strings(row: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    value = row.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        return None
    return tuple(value)


def _fixed(row: Mapping[str, Any], key: str, values: type[_Value], rules: list[str]) -> _Value | None:
    if key not in row:
        return None
    try:
        return values(row[key])
    except ValueError:
        rules.append(f"{key} must be one of {', '.join(values)}")
        return None


def _pattern(
    row: Mapping[str, Any], macros: Mapping[str, str], path: str, line: int, domain: str
) -> tuple[Pattern | None, list[str]]:
    rules = [f"unknown key {key}" for key in sorted(set(row) - _ALLOWED)]
    rules += [f"{key} is missing" for key in sorted(_NEEDED - set(row))]
    if rules:
        return None, rules
    identity, flag_id = _ID.fullmatch(str(row["id"])), row["flag"]
    taxonomy = load_taxonomy()
    if flag_id not in taxonomy:
        rules.append("its flag is not in schema/flags.toml")
    elif taxonomy[flag_id].domain != domain:
        rules.append(f"its flag belongs to the domain {taxonomy[flag_id].domain}, not to this pack's")
    if identity is None or identity[1] != flag_id or _VOICES[identity[2]] != row["voice"]:
        rules.append("id is its flag, a dot, c (voice clinician) or p (voice patient), and two or three digits")
    precision = row["precision"]
    if not isinstance(precision, int | float) or isinstance(precision, bool) or not 0 < precision <= 1:
        rules.append("precision is a number above 0, at most 1")
        precision = 1.0
    raises, spares = _strings(row, "raises"), _strings(row, "spares")
    if not raises or spares is None:
        rules.append("raises (at least one) and spares are lists of sentences")
    if not isinstance(row.get("negatable", True), bool):
        rules.append("negatable is true or false")
    if "behavior" in row and (row["behavior"] not in _BEHAVIORS or flag_id not in ("SH-006", "SH-008")):
        rules.append(f"behavior is one of {', '.join(_BEHAVIORS)}, and of SH-006 or SH-008 only")
    assertion = _fixed(row, "assertion", Assertion, rules)
    temporality = _fixed(row, "temporality", Temporality, rules)
    experiencer = _fixed(row, "experiencer", Experiencer, rules)
    regex = ""
    try:
        regex = lowered(expanded(str(row["regex"]), macros))
        if fault := expression_fault(regex):
            rules.append(f"regex: {fault}")
    except KeyError as error:
        rules.append(f"regex: {error.args[0]}")
    if rules:
        return None, rules
    fixed = (assertion, temporality, experiencer, bool(row.get("negatable", True)), row.get("behavior"))
    return Pattern(row["id"], flag_id, row["voice"], regex, float(precision), raises or (), spares or (), *fixed, path, line), []


def read_pack(path: Path, macros: Mapping[str, str]) -> tuple[list[Pattern], list[Fault]]:
    """Read one pack: the patterns that are sound, and every fault.

    Raises
    ------
    KnowledgeError
        If the file can't be read or is not TOML.
    """
    text, data = read_toml(path)
    taxonomy, faults = load_taxonomy(), list[Fault]()
    own, rows, domain = data.get("macros", {}), data.get("pattern", []), data.get("domain")
    if unknown := set(data) - {"taxonomy_version", "domain", "macros", "pattern"}:
        faults.append(Fault(path.name, "top", f"unknown keys {sorted(unknown)}"))
    if data.get("taxonomy_version") != taxonomy.version:
        faults.append(Fault(path.name, "top", f"taxonomy_version must be {taxonomy.version}, that of schema/flags.toml"))
    if domain not in taxonomy.domains:
        faults.append(Fault(path.name, "top", f"domain is one of {', '.join(taxonomy.domains)}"))
    if not isinstance(own, dict) or not all(isinstance(value, str) for value in own.values()):
        faults.append(Fault(path.name, "[macros]", "is a table of strings"))
        own = {}
    faults += [Fault(path.name, "[macros]", f"{name} stands in macros.toml already") for name in sorted(set(own) & set(macros))]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return [], [*faults, Fault(path.name, "top", "patterns are [[pattern]] tables")]
    lines = header_lines(text, "pattern")
    lines += [0] * (len(rows) - len(lines))
    patterns: list[Pattern] = []
    for row, line in zip(rows, lines, strict=False):
        pattern, rules = _pattern(row, {**macros, **own}, path.name, line, str(domain))
        faults += [Fault(path.name, f"line {line}, {row.get('id', 'no id')}", rule) for rule in rules]
        if pattern is not None:
            patterns.append(pattern)
    return patterns, faults


def twice(patterns: Iterable[Pattern]) -> list[Fault]:
    """Faults for ids or expressions that stand twice."""
    ids: dict[str, Pattern] = {}
    seen: dict[tuple[str, str], Pattern] = {}
    faults: list[Fault] = []
    for pattern in patterns:
        first = ids.setdefault(pattern.pattern_id, pattern)
        if first is not pattern:
            faults.append(Fault(pattern.path, pattern.place, f"its id stands twice: first in {first.path}, line {first.line}"))
        same = seen.setdefault((pattern.flag_id, pattern.regex), pattern)
        if same is not pattern:
            faults.append(Fault(pattern.path, pattern.place, f"its regex is that of {same.pattern_id}"))
    return faults


def load_patterns(paths: Sequence[Path] | None = None) -> tuple[Pattern, ...]:
    """All patterns of the given packs, or of this release's.

    Raises
    ------
    KnowledgeError
        At the first fault, naming file, line and pattern.
    """
    macros, patterns = load_macros(), list[Pattern]()
    for path in default_packs() if paths is None else paths:
        found, faults = read_pack(path, macros)
        patterns += found
        if faults:
            raise faults[0].error()
    if faults := twice(patterns):
        raise faults[0].error()
    return tuple(patterns)


@cache
def release_patterns() -> tuple[Pattern, ...]:
    """This release's patterns, read once."""
    return load_patterns()
