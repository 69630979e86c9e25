"""An event as its leaves: JSON pointer (RFC 6901) to value. What conversions use to say, and to prove, what they carried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

__all__ = ["from_leaves", "leaves", "take"]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _walk(inner, f"{path}/{_escaped(str(key))}")
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _walk(inner, f"{path}/{place}")
    else:
        yield path, value


def leaves(event: Mapping[str, Any]) -> dict[str, Any]:
    """Every leaf of an event by its path; an empty object or list is a leaf.

    Examples
    --------
    >>> leaves({"actor": {"roles": ["nurse", "intake"]}, "metadata": {}})
    {'/actor/roles/0': 'nurse', '/actor/roles/1': 'intake', '/metadata': {}}
    """
    return dict(_walk(dict(event), "")) if event else {}


def from_leaves(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Build an event from leaves; an object whose keys count from 0 without a gap under ``roles`` or ``sensitivity`` is a list.

    Examples
    --------
    >>> from_leaves([("/actor/roles/0", "nurse"), ("/actor/subject_id", "u1")])
    {'actor': {'roles': ['nurse'], 'subject_id': 'u1'}}
    """
    root: dict[str, Any] = {}
    for path, value in pairs:
        at: Any = root
        keys = [key.replace("~1", "/").replace("~0", "~") for key in path[1:].split("/")]
        for key, below in pairwise(keys):
            fresh: Any = [] if key in ("roles", "sensitivity") and below.isdecimal() else {}
            at = at.setdefault(key, fresh)
        if isinstance(at, list):
            at.append(value)
        else:
            at[keys[-1]] = value
    return root


def take(event: dict[str, Any], path: str) -> bool:
    """Remove what stands at a path; True where something stood there.

    Examples
    --------
    >>> event = {"resource": {"type": "Note", "sensitivity": ["SUD"]}}
    >>> take(event, "/resource/sensitivity"), event
    (True, {'resource': {'type': 'Note'}})
    """
    *above, last = path[1:].split("/")
    at: Any = event
    for key in above:
        at = at.get(key) if isinstance(at, dict) else None
    if not isinstance(at, dict) or last not in at:
        return False
    del at[last]
    return True
