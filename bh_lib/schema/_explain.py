"""Says what is wrong with an event that the compiled check refused: a path and a rule for each fault, never a value.

A name that no version defines may itself be a leak, so it is not repeated: the path stops at the object that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bh_lib.schema._compile import is_integer, is_number
from bh_lib.schema._formats import FORMATS

__all__ = ["Problem", "explain"]

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault.

    Attributes
    ----------
    path : str
        JSON pointer (RFC 6901) of what is wrong or missing; empty for the event itself. ``*`` stands for a name that
        the sender chose.
    rule : str
        What the standard asks for there. Never the value that was found.

    Examples
    --------
    >>> str(Problem("/outcome/error_type", "DENIED needs error_type"))
    '/outcome/error_type: DENIED needs error_type'
    """

    path: str
    rule: str

    def __str__(self) -> str:
        return f"{self.path or '(event)'}: {self.rule}"


_IS: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda x: isinstance(x, dict),
    "array": lambda x: isinstance(x, list),
    "string": lambda x: isinstance(x, str),
    "boolean": lambda x: isinstance(x, bool),
    "integer": is_integer,
    "number": is_number,
    "null": lambda x: x is None,
}
_SAYS: Final = {
    "date-time": "an RFC 3339 date-time with a zone",
    "uuid": "a UUID",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
}


def _words(kinds: str | list[str]) -> str:
    return "must be " + (f"of type {kinds}" if isinstance(kinds, str) else "a string, a number, true, false or null")


def explain(schema: Schema, value: Any, path: str = "", names: Collection[str] = ()) -> Iterator[Problem]:
    """Yield every problem of a value.

    Parameters
    ----------
    schema : mapping
    value : object
        Whatever JSON can hold.
    path : str
        Where the value stands.
    names : collection of str
        Names that some version defines, which are safe to repeat.
    """
    kinds = schema.get("type")
    if kinds is not None and not any(_IS[kind](value) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield Problem(path, _words(kinds))
        return
    if "const" in schema and value != schema["const"]:
        yield Problem(path, f"must be {schema['const']}")
    if "enum" in schema and not (isinstance(value, str) and value in schema["enum"]):
        yield Problem(path, f"must be one of {', '.join(schema['enum'])}")
    if isinstance(value, str):
        yield from _string(schema, value, path)
    elif isinstance(value, list):
        yield from _array(schema, value, path, names)
    elif isinstance(value, dict):
        yield from _object(schema, value, path, names)
    elif is_number(value):
        yield from _sized(schema, value, path, "minimum", "maximum", "")
    yield from _combined(schema, value, path, names)


def _sized(schema: Schema, size: float, path: str, low: str, high: str, unit: str) -> Iterator[Problem]:
    if low in schema and size < schema[low]:
        yield Problem(path, f"must be at least {schema[low]}{unit}")
    if high in schema and size > schema[high]:
        yield Problem(path, f"must be at most {schema[high]}{unit}")


def _string(schema: Schema, value: str, path: str) -> Iterator[Problem]:
    yield from _sized(schema, len(value), path, "minLength", "maxLength", " characters long")
    if "format" in schema and not FORMATS[schema["format"]](value):
        yield Problem(path, f"must be {_SAYS[schema['format']]}")


def _array(schema: Schema, value: list[Any], path: str, names: Collection[str]) -> Iterator[Problem]:
    yield from _sized(schema, len(value), path, "minItems", "maxItems", " items long")
    if "items" in schema:
        for place, item in enumerate(value):
            yield from explain(schema["items"], item, f"{path}/{place}", names)


def _object(schema: Schema, value: dict[Any, Any], path: str, names: Collection[str]) -> Iterator[Problem]:
    properties = schema.get("properties", {})
    for key in schema.get("required", ()):
        if key not in value:
            yield Problem(f"{path}/{key}", "is required")
    yield from _sized(schema, len(value), path, "minProperties", "maxProperties", " properties")
    more, nameless = schema.get("additionalProperties", True), 0
    for key, inner in value.items():
        if key in properties:
            yield from explain(properties[key], inner, f"{path}/{key}", names)
        elif more is False and key in names:
            yield Problem(f"{path}/{key}", "is not defined here in this version")
        elif more is False:
            nameless += 1
        elif isinstance(more, dict):
            yield from explain(more, inner, f"{path}/*", names)
    if nameless:
        yield Problem(path, f"holds {nameless} {'property' if nameless == 1 else 'properties'} that no version defines")
    for key, others in schema.get("dependentRequired", {}).items():
        for other in others:
            if key in value and other not in value:
                yield Problem(f"{path}/{other}", f"{key} needs {other}")


def _combined(schema: Schema, value: Any, path: str, names: Collection[str]) -> Iterator[Problem]:
    if "not" in schema and not any(explain(schema["not"], value, path, names)):
        unwanted = schema["not"].get("required", [""])[0]
        yield Problem(f"{path}/{unwanted}" if unwanted else path, "must be absent")
    if "anyOf" in schema and all(any(explain(branch, value, path, names)) for branch in schema["anyOf"]):
        asked = [_SAYS.get(branch.get("format", ""), "") for branch in schema["anyOf"]]
        missing = next((branch["required"][0] for branch in schema["anyOf"] if "required" in branch), "")
        yield Problem(f"{path}/{missing}" if missing else path, "must be " + " or ".join(asked) if all(asked) else "is required")
    for rule in schema.get("allOf", ()):
        if "if" in rule:
            if not any(explain(rule["if"], value, path, names)):
                places = dict.fromkeys(problem.path for problem in explain(rule["then"], value, path, names))
                yield from (Problem(place, rule["description"]) for place in places)
        else:
            yield from explain(rule, value, path, names)
    for rule in schema.get("x-bh-rules", ()):
        if all(_holds(when, value) for when in rule["when"]) and _at(value, rule["require"]) is _ABSENT:
            yield Problem(rule["require"], rule["description"])


_ABSENT: Final = object()


def _at(value: Any, path: str) -> Any:
    for key in path[1:].split("/"):
        if not isinstance(value, dict) or key not in value:
            return _ABSENT
        value = value[key]
    return value


def _holds(when: Schema, value: Any) -> bool:
    found = _at(value, when["path"])
    if found is _ABSENT:
        return False
    if "equals" in when:
        return bool(found == when["equals"])
    if "contains" in when:
        return isinstance(found, list) and when["contains"] in found
    other = _at(value, when["differs_from"])
    return other is not _ABSENT and bool(found != other)
