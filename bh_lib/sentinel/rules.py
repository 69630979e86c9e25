"""Layer 4: rules that a clinician can read, in ``knowledge/rules.toml``.

A condition never reads what another rule changed, severities only go to the higher of what rules ask for, and two rules that pull
one flag both ways are refused at load: so the order of rules can't matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from bh_lib.errors import KnowledgeError
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import Severity, load_taxonomy
from bh_lib.sentinel.conditions import (
    All,
    AnyOf,
    Clause,
    Condition,
    Evidence,
    IdeationAtLeast,
    Not,
    Strong,
    flags_at_least,
    flags_of,
)
from bh_lib.sentinel.emotion import EMOTIONS
from bh_lib.sentinel.knowledge import KNOWLEDGE, header_lines, read_toml

__all__ = ["Decision", "Rule", "apply_rules", "load_rules", "read_rules"]

_RULE_KEYS: Final = {"id", "name", "reason", "source", "when", "then"}
_ACTIONS: Final = {"escalate", "de_escalate", "to", "review", "recommend"}
_MODIFIERS: Final = {"count", "temporality", "assertion", "experiencer", "within_sentences", "layers", "confidence"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, with the clinical reason for it and where that is from."""

    rule_id: str
    name: str
    reason: str
    source: str
    when: Condition
    escalate: frozenset[str] = frozenset()
    de_escalate: frozenset[str] = frozenset()
    to: Severity | None = None
    review: bool = False
    recommend: str | None = None
    touches: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "touches", self.escalate | self.de_escalate | flags_of(self.when))


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules changed, and which of them.

    Attributes
    ----------
    severity : mapping of flag id to Severity
        Only flags whose severity a rule changed.
    review : bool
        Whether a rule asks for a person at once.
    recommend : tuple of str
    applied : tuple of Rule
        Every rule that held, by id: the order of the file doesn't matter.
    """

    severity: Mapping[str, Severity]
    review: bool
    recommend: tuple[str, ...]
    applied: tuple[Rule, ...]

    def touching(self, flag_id: str) -> tuple[Rule, ...]:
        """The rules that held and speak of a flag: they stand in its basis."""
        return tuple(rule for rule in self.applied if flag_id in rule.touches)


class _Reader:
    """Reads one rule; every fault names file, line and rule."""

    def __init__(self, path: Path, place: str) -> None:
        self._path, self._place = path, place

    def refuse(self, rule: str) -> KnowledgeError:
        return KnowledgeError(rule, path=self._path.name, place=self._place)

    def severity(self, name: object) -> Severity:
        if not isinstance(name, str) or name not in Severity.__members__:
            raise self.refuse(f"a severity is one of {', '.join(Severity.__members__)}")
        return Severity[name]

    def flags(self, value: object) -> frozenset[str]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(name in load_taxonomy() for name in names):
            raise self.refuse("flags are ids of schema/flags.toml")
        return frozenset(names)

    def choices(self, kind: Any, value: object, default: frozenset[Any]) -> frozenset[Any]:
        if value is None:
            return default
        if value == []:
            raise self.refuse(f"{kind.__name__.lower()} needs at least one value, or no clause could hold")
        try:
            return frozenset(kind(each) for each in (value if isinstance(value, list) else [value]))
        except ValueError:
            raise self.refuse(f"{kind.__name__.lower()} is of {', '.join(each.value for each in kind)}") from None

    def number(self, table: Mapping[str, Any], key: str, low: float, high: float, *, whole: bool) -> Any:
        value = table[key]
        if type(value) not in ((int,) if whole else (int, float)) or not low <= value <= high:
            raise self.refuse(f"{key} is a number from {low:g} to {high:g}")
        return value

    def clause(self, kind: str, table: Mapping[str, Any]) -> Clause:
        unknown = set(table) - _MODIFIERS - {kind}
        if unknown:
            raise self.refuse(f"unknown key {sorted(unknown)[0]} beside {kind}")
        if kind == "flag":
            flags = self.flags(table["flag"])
        elif kind == "severity":
            flags = flags_at_least(self.severity(table["severity"]))
        else:
            flags = frozenset(flag.flag_id for flag in load_taxonomy() if flag.domain == table["domain"])
            if not flags:
                raise self.refuse("domain is one of schema/flags.toml")
        plain = Clause(flags)
        return Clause(
            flags,
            count=self.number(table, "count", 1, 1000, whole=True) if "count" in table else 1,
            assertion=self.choices(Assertion, table.get("assertion"), plain.assertion),
            temporality=self.choices(Temporality, table.get("temporality"), plain.temporality),
            experiencer=self.choices(Experiencer, table.get("experiencer"), plain.experiencer),
            layers=self.number(table, "layers", 1, 2, whole=True) if "layers" in table else 1,
            confidence=self.number(table, "confidence", 0, 1, whole=False) if "confidence" in table else 0.0,
            within=self.number(table, "within_sentences", 0, 1000, whole=True) if "within_sentences" in table else None,
        )

    def condition(self, table: object) -> Condition:
        if not isinstance(table, dict):
            raise self.refuse("a condition is a table")
        kinds = set(table) & {"flag", "domain", "severity", "emotion", "c_ssrs", "all", "any", "not"}
        if len(kinds) != 1:
            raise self.refuse("a condition is exactly one of flag, domain, severity, emotion, c_ssrs, all, any, not")
        kind = kinds.pop()
        if kind in ("flag", "domain", "severity"):
            return self.clause(kind, table)
        if set(table) - {kind} - ({"at_least"} if kind == "emotion" else set()):
            raise self.refuse(f"unknown key beside {kind}")
        if kind == "emotion":
            if table["emotion"] not in EMOTIONS or "at_least" not in table:
                raise self.refuse("an emotion is one of the lexicon's, with at_least")
            return Strong(table["emotion"], self.number(table, "at_least", 0, 1, whole=False))
        if kind == "c_ssrs":
            return IdeationAtLeast(self.number(table, "c_ssrs", 1, 5, whole=True))
        if kind == "not":
            return Not(self.condition(table["not"]))
        if not isinstance(table[kind], list) or not table[kind]:
            raise self.refuse(f"{kind} is a list of conditions")
        parts = tuple(self.condition(part) for part in table[kind])
        return All(self._one_reach(parts)) if kind == "all" else AnyOf(parts)

    def _one_reach(self, parts: tuple[Condition, ...]) -> tuple[Condition, ...]:
        reaches = {part.within for part in parts if isinstance(part, Clause) and part.within is not None}
        if len(reaches) > 1:
            raise self.refuse("within_sentences is the same on each clause of an all")
        return parts

    def rule(self, row: Mapping[str, Any]) -> Rule:
        if set(row) != _RULE_KEYS or not all(isinstance(row[key], str) and row[key] for key in ("id", "name", "reason", "source")):
            raise self.refuse(f"a rule has {', '.join(sorted(_RULE_KEYS))}; all but when and then are text")
        then = row["then"]
        if not isinstance(then, dict) or not then or set(then) - _ACTIONS:
            raise self.refuse(f"then is a table of {', '.join(sorted(_ACTIONS))}")
        moves = "escalate" in then or "de_escalate" in then
        if moves != ("to" in then) or ("escalate" in then and "de_escalate" in then):
            raise self.refuse("escalate or de_escalate needs to = a severity, one of them a rule")
        if not isinstance(then.get("review", True), bool) or not isinstance(then.get("recommend", ""), str):
            raise self.refuse("review is true or false, recommend is text")
        rule = Rule(
            row["id"],
            row["name"],
            row["reason"],
            row["source"],
            self.condition(row["when"]),
            escalate=self.flags(then["escalate"]) if "escalate" in then else frozenset(),
            de_escalate=self.flags(then["de_escalate"]) if "de_escalate" in then else frozenset(),
            to=self.severity(then["to"]) if moves else None,
            review=then.get("review", False),
            recommend=then.get("recommend"),
        )
        self._safe(rule)
        return rule

    def _safe(self, rule: Rule) -> None:
        taxonomy = load_taxonomy()
        for flag_id in rule.escalate | rule.de_escalate:
            own, to = taxonomy[flag_id].severity, rule.to
            if to is None or (flag_id in rule.escalate and to <= own) or (flag_id in rule.de_escalate and to != own - 1):
                raise self.refuse(f"{flag_id}: escalate goes above the taxonomy's severity, de_escalate one step below")
            if flag_id in rule.de_escalate and own is Severity.CRITICAL:
                raise self.refuse(f"{flag_id}: a critical flag is never lowered")
        if rule.de_escalate and any(taxonomy[flag_id].severity is Severity.POSITIVE for flag_id in flags_of(rule.when)):
            raise self.refuse("a protective factor lowers nothing")


def _refuse_both_ways(rules: list[Rule], path: Path) -> None:
    for up in rules:
        for down in rules:
            pulled = up.escalate & down.de_escalate
            apart = Not(up.when) in _parts(down.when) or Not(down.when) in _parts(up.when)
            if pulled and not apart:
                both = f"{up.rule_id} and {down.rule_id}"
                raise KnowledgeError(
                    f"{both} pull {sorted(pulled)[0]} both ways: let one's condition hold the other's under not", path=path.name
                )


def _parts(condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, All) else (condition,)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read rules; a file with any fault is refused whole.

    Raises
    ------
    KnowledgeError
        Naming file, line and rule.
    """
    text, data = read_toml(path)
    if set(data) - {"taxonomy_version", "rule"} or data.get("taxonomy_version") != load_taxonomy().version:
        raise KnowledgeError(f"holds taxonomy_version = {load_taxonomy().version} and [[rule]] tables", path=path.name)
    rows, lines = data.get("rule", []), header_lines(text, "rule")
    if not isinstance(rows, list) or len(rows) != len(lines) or not all(isinstance(row, dict) for row in rows):
        raise KnowledgeError("rules are [[rule]] tables, each header on a line of its own", path=path.name)
    rules: list[Rule] = []
    for line, row in zip(lines, rows, strict=True):
        reader = _Reader(path, f"line {line}, {row.get('id', 'no id')}")
        rule = reader.rule(row)
        if any(rule.rule_id == other.rule_id for other in rules):
            raise reader.refuse("its id stands twice")
        rules.append(rule)
    _refuse_both_ways(rules, path)
    return tuple(rules)


@cache
def load_rules() -> tuple[Rule, ...]:
    """The rules of this release, read once."""
    return read_rules(KNOWLEDGE / "rules.toml")


def apply_rules(evidence: Evidence, rules: tuple[Rule, ...] | None = None) -> Decision:
    """See which rules hold, and what they ask for. A higher severity wins over a lower one.

    Examples
    --------
    >>> from bh_lib.sentinel.mention import Mention
    >>> both = Evidence([Mention("SH-001", 0, 1, 0), Mention("CD-001", 2, 3, 0)], {}, 1)
    >>> [rule.rule_id for rule in apply_rules(both).applied]
    ['R-001']
    """
    held = (rule for rule in (load_rules() if rules is None else rules) if rule.when.holds(evidence))
    applied = tuple(sorted(held, key=lambda rule: rule.rule_id))
    severity: dict[str, Severity] = {}
    for direction in ("de_escalate", "escalate"):
        for rule in applied:
            for flag_id in _moved(rule, direction):
                if rule.to is not None:
                    severity[flag_id] = max(severity.get(flag_id, rule.to), rule.to)
    recommend = tuple(dict.fromkeys(rule.recommend for rule in applied if rule.recommend))
    return Decision(severity, any(rule.review for rule in applied), recommend, applied)


def _moved(rule: Rule, direction: str) -> frozenset[str]:
    return rule.escalate if direction == "escalate" else rule.de_escalate
