"""Turns an event schema into one flat Python function that says yes or no.

Every emitted event passes through it, so it is written out as source, without a loop over the schema: a required field
costs one lookup and one comparison. Only the keywords that the event schemas use are known; another one is refused at
once, so that a schema can never be checked less than it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from bh_lib.errors import KnowledgeError
from bh_lib.schema._formats import FORMATS

__all__ = ["compile_schema", "is_integer", "is_number"]

Schema = Mapping[str, Any]

_NOTES: Final = {"$schema", "$id", "$comment", "title", "description", "default", "x-bh-rules"}
_CHECKS: Final = {
    *("type", "properties", "required", "additionalProperties", "minProperties", "maxProperties", "dependentRequired"),
    *("items", "minItems", "maxItems", "enum", "const", "minLength", "maxLength", "minimum", "maximum", "format"),
    *("anyOf", "allOf", "not", "if", "then"),
}


def is_integer(value: object) -> bool:
    """JSON Schema's integer: 1.0 is one, true is not.

    Examples
    --------
    >>> is_integer(1.0), is_integer(True), is_integer(1.5)
    (True, False, False)
    """
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def is_number(value: object) -> bool:
    """JSON Schema's number: true is not one."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: Final = {
    "object": "isinstance({x}, dict)",
    "array": "isinstance({x}, list)",
    "string": "isinstance({x}, str)",
    "boolean": "isinstance({x}, bool)",
    "integer": "is_integer({x})",
    "number": "is_number({x})",
    "null": "{x} is None",
}
# The class of nearly every right value; only another one pays for the full test, which also takes subclasses.
_CLASSES: Final = {"object": "dict", "array": "list", "string": "str", "boolean": "bool", "integer": "int"}


def _all(parts: list[str]) -> str:
    return " and ".join(parts) if parts else "True"


class _Source:
    """Collects the lines of the function, and the values that they refer to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"is_integer": is_integer, "is_number": is_number}
        for name, check in FORMATS.items():
            self.names["is_" + name.replace("-", "_")] = check

    def keep(self, value: Any) -> str:
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def refuse_if(self, condition: str, pad: str) -> None:
        self.lines.append(f"{pad}if {condition}: return False")

    # Conditions: what an `if`, `then`, `not` or `anyOf` says, as one expression. `known` is the schema that has already
    # been checked at this place, so its types and required fields need no second look.

    def condition(self, schema: Schema, x: str, known: Schema) -> str:
        _refuse_unknown(schema)
        parts: list[str] = []
        kind = known.get("type")
        if "type" in schema and schema["type"] != kind:
            parts.append(_TYPES[schema["type"]].format(x=x))
            kind = schema["type"]
        if "const" in schema:
            parts.append(f"{x} == {schema['const']!r}")
        if "enum" in schema:
            parts += ([] if kind == "string" else [f"isinstance({x}, str)"]) + [f"{x} in {self.keep(frozenset(schema['enum']))}"]
        if "minimum" in schema:
            parts.append(self._guarded("integer", kind, x, f"{x} >= {schema['minimum']}"))
        if "format" in schema:
            parts.append(self._guarded("string", kind, x, f"is_{schema['format'].replace('-', '_')}({x})"))
        fields = self._fields(schema, x, known if kind == known.get("type") else {})
        if fields:
            parts.append(self._guarded("object", kind, x, _all(fields)))
        if "not" in schema:
            parts.append(f"not ({self.condition(schema['not'], x, known)})")
        if "anyOf" in schema:
            parts.append("(" + " or ".join(f"({self.condition(branch, x, known)})" for branch in schema["anyOf"]) + ")")
        parts += [f"({self.condition(branch, x, known)})" for branch in schema.get("allOf", ())]
        return _all(parts)

    @staticmethod
    def _guarded(wanted: str, kind: str | None, x: str, condition: str) -> str:
        return condition if kind == wanted else f"(not {_TYPES[wanted].format(x=x)} or ({condition}))"

    def _fields(self, schema: Schema, x: str, known: Schema) -> list[str]:
        sure = set(known.get("required", ()))
        parts = [f"{key!r} in {x}" for key in schema.get("required", ()) if key not in sure]
        present = sure | set(schema.get("required", ()))
        for key, inner in schema.get("properties", {}).items():
            value, below = self.value(x, key, known)
            test = self.condition(inner, value, below)
            parts.append(f"({test})" if key in present else f"({key!r} not in {x} or ({test}))")
        return parts

    @staticmethod
    def value(x: str, key: str, known: Schema) -> tuple[str, Schema]:
        """How to say the value of a field: the local variable where it is always there, else a lookup."""
        local = key in known.get("required", ()) and x.isidentifier()
        return (f"{x}_{key}" if local else f"{x}[{key!r}]"), known.get("properties", {}).get(key, {})

    # Statements: the body of the function, refusing at the first fault.

    def check(self, schema: Schema, x: str, pad: str) -> None:
        _refuse_unknown(schema)
        kind = schema["type"]
        if isinstance(kind, list):
            classes = self.keep(frozenset({str, int, float, bool, type(None)}))
            if set(kind) != {"string", "integer", "number", "boolean", "null"}:
                raise KnowledgeError("a list of types other than all scalar ones is not supported", path="audit_event.schema.json")
            self.refuse_if(f"{x}.__class__ not in {classes} and not isinstance({x}, (str, int, float))", pad)
            return
        self.refuse_if(f"{x}.__class__ is not {_CLASSES[kind]} and not {_TYPES[kind].format(x=x)}", pad)
        if "const" in schema:
            self.refuse_if(f"{x} != {schema['const']!r}", pad)
        if "enum" in schema:
            self.refuse_if(f"{x} not in {self.keep(frozenset(schema['enum']))}", pad)
        self._within(schema, f"len({x})", "Length" if kind == "string" else "Items" if kind == "array" else "Properties", pad)
        if "minimum" in schema or "maximum" in schema:
            self._within({"minV": schema.get("minimum"), "maxV": schema.get("maximum")}, x, "V", pad)
        if kind == "object":
            self._object(schema, x, pad)
        if kind == "array" and "items" in schema:
            self.lines.append(f"{pad}for {x}_i in {x}:")
            self.check(schema["items"], f"{x}_i", pad + "    ")
        rest = {key: schema[key] for key in ("format", "anyOf", "not") if key in schema}
        if rest:
            self.refuse_if(f"not ({self.condition(rest, x, schema)})", pad)
        for rule in schema.get("allOf", ()):
            self.refuse_if(f"{self.condition(rule['if'], x, schema)} and not ({self.condition(rule['then'], x, schema)})", pad)
        for rule in schema.get("x-bh-rules", ()):
            self.refuse_if(self.cross_rule(rule, x, schema), pad)

    def _within(self, schema: Schema, measure: str, what: str, pad: str) -> None:
        low, high = schema.get(f"min{what}"), schema.get(f"max{what}")
        if low is not None and high is not None:
            self.refuse_if(f"not {low} <= {measure} <= {high}", pad)
        elif low is not None:
            self.refuse_if(f"{measure} < {low}", pad)
        elif high is not None:
            self.refuse_if(f"{measure} > {high}", pad)

    def _object(self, schema: Schema, x: str, pad: str) -> None:
        required, properties = schema.get("required", ()), schema.get("properties", {})
        closed = schema.get("additionalProperties", True) is False
        optional = [key for key in properties if key not in required]
        for key in required:
            self.lines.append(f"{pad}{x}_{key} = {x}[{key!r}]")
            self.check(properties[key], f"{x}_{key}", pad)
        # Counting the known fields that are present finds an unknown one without looking at any name.
        if closed and optional:
            self.lines.append(f"{pad}{x}_n = {len(required)}")
        for key in optional:
            self.lines.append(f"{pad}if {key!r} in {x}:")
            self.lines.append(f"{pad}    {x}_{key} = {x}[{key!r}]" + (f"; {x}_n += 1" if closed else ""))
            self.check(properties[key], f"{x}_{key}", pad + "    ")
        if closed:
            self.refuse_if(f"len({x}) != " + (f"{x}_n" if optional else str(len(required))), pad)
        if isinstance(schema.get("additionalProperties"), dict):
            self.lines.append(f"{pad}for {x}_v in {x}.values():")
            self.check(schema["additionalProperties"], f"{x}_v", pad + "    ")
        for key, others in schema.get("dependentRequired", {}).items():
            missing = " or ".join(f"{other!r} not in {x}" for other in others)
            self.refuse_if(f"{key!r} in {x} and ({missing})", pad)

    def cross_rule(self, rule: Schema, x: str, known: Schema) -> str:
        """An ``x-bh-rules`` entry: true where the rule is broken."""
        parts: list[str] = []
        for when in rule["when"]:
            value = self._place(when["path"], x, known, parts)
            if "equals" in when:
                parts.append(f"{value} == {when['equals']!r}")
            elif "contains" in when:
                parts.append(f"{when['contains']!r} in {value}")
            else:
                parts.append(f"{value} != {self._place(when['differs_from'], x, known, parts)}")
        return _all([*parts, f"{rule['require'][1:]!r} not in {x}"])

    def _place(self, path: str, x: str, known: Schema, parts: list[str]) -> str:
        for key in path[1:].split("/"):
            if key not in known.get("required", ()):
                parts.append(f"{key!r} in {x}")
            x, known = self.value(x, key, known)
        return x


def _refuse_unknown(schema: Schema) -> None:
    unknown = set(schema) - _CHECKS - _NOTES
    if unknown:
        raise KnowledgeError(f"keywords that the validator does not know: {sorted(unknown)}", path="audit_event.schema.json")


def compile_schema(schema: Schema, name: str) -> Callable[[Any], bool]:
    """Compile an event schema.

    Parameters
    ----------
    schema : mapping
        A JSON Schema 2020-12 of the kind in ``schema/audit_event``.
    name : str
        Shown in a traceback.

    Returns
    -------
    callable
        Takes any value that JSON can hold; True where it is valid.

    Raises
    ------
    KnowledgeError
        If the schema uses a keyword that is not known here.

    Examples
    --------
    >>> check = compile_schema({"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}}, "demo")
    >>> check({"a": "x"}), check({"a": ""}), check([])
    (True, False, False)
    """
    source = _Source()
    source.check(schema, "e", "        ")
    text = "\n".join(
        ["def valid(e):", "    try:", *source.lines, "    except KeyError:", "        return False", "    return True"]
    )
    # Only our own schema files come here, and every name and value in the text is written by repr().
    exec(compile(text, f"<{name}>", "exec"), source.names)  # noqa: S102
    valid: Callable[[Any], bool] = source.names["valid"]
    return valid
