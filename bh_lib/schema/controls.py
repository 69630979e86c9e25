"""The compliance mapping: section, what an auditor asks, the fields that answer, and queries that run over a log.

An engineering reference, not legal advice. The data is ``schema/controls.toml``; it is refused whole where a field is not
one of the event, a query is unknown, or a key is misspelt.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from bh_lib._resources import schema_path
from bh_lib.errors import KnowledgeError, SchemaError
from bh_lib.schema.validate import event_schema

__all__ = ["Condition", "Control", "ControlStatus", "Query", "controls_checked_on", "load_controls", "parse_controls"]


class ControlStatus(StrEnum):
    """What the rule says of the section, on the date that the mapping was checked."""

    REQUIRED = "required"
    ADDRESSABLE = "addressable"
    PROPOSED = "proposed"
    NOT_IN_FORCE = "not_in_force"
    CRITERION = "criterion"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on an event: a path, an operator (equals, any_of, contains, exists, differs_from), its operand."""

    path: str
    operator: str
    operand: Any


@dataclass(frozen=True, slots=True)
class Query:
    """A question that a log answers.

    Attributes
    ----------
    query_id, says : str
    where : tuple of Condition
        Which events it is about; all of them hold.
    has : tuple of Condition
        What each of those must hold as well; empty where it is enough that there are some.
    span_days : int or None
        The log must cover at least this many days.
    occasional : bool
        It is about what need not happen: where it never did, nothing is missing.
    """

    query_id: str
    says: str
    where: tuple[Condition, ...]
    has: tuple[Condition, ...] = ()
    span_days: int | None = None
    occasional: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """One section of one framework."""

    control_id: str
    framework: str
    section: str
    title: str
    asks: str
    status: ControlStatus
    fields: tuple[str, ...]
    queries: tuple[Query, ...]
    sources: tuple[str, ...]
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON, without the queries' conditions."""
        return {
            "id": self.control_id,
            "framework": self.framework,
            "section": self.section,
            "title": self.title,
            "asks": self.asks,
            "status": self.status.value,
            "note": self.note,
            "fields": list(self.fields),
            "queries": [query.query_id for query in self.queries],
            "sources": list(self.sources),
        }


_FILE: Final = "controls.toml"
_OPERATORS: Final[dict[str, type]] = {"equals": object, "any_of": list, "contains": str, "exists": bool, "differs_from": str}
_TOP: Final = {"version", "checked_on", "notice", "framework", "source", "query", "control"}
_CONTROL: Final = {"id", "framework", "section", "title", "asks", "status", "fields", "queries", "sources"}


def _refuse(rule: str, place: str) -> KnowledgeError:
    return KnowledgeError(rule, path=_FILE, place=place)


def _field(path: Any, place: str) -> str:
    schema: Mapping[str, Any] = event_schema()
    for key in path[1:].split("/") if isinstance(path, str) and path.startswith("/") else [""]:
        schema = schema.get("properties", {}).get(key)
        if schema is None:
            raise _refuse("a path must be a field of the event, such as /actor/subject_id", place)
    return str(path)


def _condition(row: Any, place: str) -> Condition:
    if not isinstance(row, dict) or len(row) != 2 or "path" not in row:
        raise _refuse("a condition is a path and one operator", place)
    operator = next(key for key in row if key != "path")
    if operator not in _OPERATORS or not isinstance(row[operator], _OPERATORS[operator]):
        raise _refuse(f"a condition's operator is one of {', '.join(_OPERATORS)}, with an operand of its kind", place)
    operand = _field(row[operator], place) if operator == "differs_from" else row[operator]
    return Condition(_field(row["path"], place), operator, operand)


def _query(query_id: str, row: dict[str, Any]) -> Query:
    place = f"query {query_id}"
    if set(row) - {"says", "where", "has", "span_days", "occasional"} or not {"says", "where"} <= set(row):
        raise _refuse("a query has says and where, and may have has, span_days or occasional", place)
    where = tuple(_condition(condition, place) for condition in row["where"])
    has = tuple(_condition(condition, place) for condition in row.get("has", ()))
    span = row.get("span_days")
    if span is not None and (type(span) is not int or span < 1 or has):
        raise _refuse("span_days is a positive whole number, and stands without has", place)
    if not where and not has and span is None:
        raise _refuse("a query without a condition asks nothing", place)
    if not isinstance(row.get("occasional", False), bool):
        raise _refuse("occasional is true or false", place)
    return Query(query_id, row["says"], where, has, span, row.get("occasional", False))


def _control(row: dict[str, Any], data: dict[str, Any], queries: dict[str, Query], place: str) -> Control:
    if set(row) - _CONTROL - {"note"} or _CONTROL - set(row):
        raise _refuse(f"a control has {', '.join(sorted(_CONTROL))}, and may have a note", place)
    if row["framework"] not in data["framework"]:
        raise _refuse("its framework must be declared at the top", place)
    if row["status"] not in set(ControlStatus):
        raise _refuse(f"status is one of {', '.join(ControlStatus)}", place)
    if not row["queries"] or set(row["queries"]) - set(queries):
        raise _refuse("it needs queries, each declared above", place)
    if not row["sources"] or set(row["sources"]) - set(data["source"]):
        raise _refuse("it needs sources, each declared at the top", place)
    return Control(
        row["id"],
        row["framework"],
        row["section"],
        row["title"],
        row["asks"],
        ControlStatus(row["status"]),
        tuple(_field(path, place) for path in row["fields"]),
        tuple(queries[query_id] for query_id in row["queries"]),
        tuple(row["sources"]),
        row.get("note", ""),
    )


def parse_controls(text: str) -> tuple[Control, ...]:
    """Read a mapping; refuse it whole, naming the control or query, where anything is wrong.

    Raises
    ------
    KnowledgeError
        If the text is not TOML, or a key, path, operator, query, source or status is unknown, or an id stands twice.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"is not valid TOML: {error}", path=_FILE) from None
    if set(data) != _TOP:
        raise KnowledgeError(f"its top has {', '.join(sorted(_TOP))}", path=_FILE)
    queries = {query_id: _query(query_id, row) for query_id, row in data["query"].items()}
    controls: dict[str, Control] = {}
    for number, row in enumerate(data["control"], 1):
        place = f"control {number} ({row.get('id', 'no id')})"
        control = _control(row, data, queries, place)
        if control.control_id in controls:
            raise _refuse("its id stands twice", place)
        controls[control.control_id] = control
    return tuple(controls.values())


@cache
def _all() -> tuple[Control, ...]:
    return parse_controls(schema_path(_FILE).read_text("utf-8"))


def load_controls(framework: str | None = None) -> tuple[Control, ...]:
    """The mapping of this release.

    Parameters
    ----------
    framework : str, optional
        ``hipaa``, ``soc2`` or ``part2``; all where none is given.

    Raises
    ------
    SchemaError
        If there is no such framework.

    Examples
    --------
    >>> [control.section for control in load_controls("soc2")]
    ['CC4.1', 'CC6.1', 'CC6.2', 'CC6.3', 'CC7.2', 'CC7.3']
    """
    known = {control.framework for control in _all()}
    if framework is not None and framework not in known:
        raise SchemaError(f"unknown framework: it is one of {', '.join(sorted(known))}")
    return tuple(control for control in _all() if framework in (None, control.framework))


def controls_checked_on() -> str:
    """The day on which the statuses of this release's mapping were checked, as ``YYYY-MM-DD``.

    Examples
    --------
    >>> len(controls_checked_on())
    10
    """
    return str(tomllib.loads(schema_path(_FILE).read_text("utf-8"))["checked_on"])
