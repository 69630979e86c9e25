"""Example events, and a mutator that breaks them in the ways that logs are broken."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bh_lib._resources import schema_path

VALUES: list[Any] = [
    *("", 0, 1, 2, -1, 33, 99, 600, 1.0, 2.0, 1.5, True, False, None, [], {}, ["x"], [1], [""], {"a": 1}, {"a": {"b": 1}}, 10**30),
    *("x" * 64, "x" * 65, "x" * 128, "x" * 129, "x" * 256, "x" * 257, "é" * 256, "x" * 501, "x" * 513, ["r"] * 25, ["r"] * 26),
    *("human", "service", "agent", "READ", "OVERRIDE", "DISCLOSE", "DENIED", "FAILURE", "SUCCESS", "AgentSession", "sha256"),
    *(
        "verified",
        "bound",
        "asserted",
        "unattributed",
        "1.0",
        "1.1",
        "2.0",
        "2.1",
        "3.0",
        "BTG",
        "TREAT",
        "CONSENT",
        "NOT_REQUIRED",
    ),
    *("203.0.113.1", "::1", "fe80::1%eth0", "1.2.3", "01.2.3.4", "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    *("2026-01-01t00:00:00z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.123456789+05:30"),
    *("2026-01-01T00:00:00Z\n", "0000-01-01T00:00:00Z", "6d3f0f6b0c1a4b9f9d6f9f6f7f5b2b0a", "6d3f0f6b-0c1a-4b9f-9d6f-9f6f7f5b2_0a"),
    *(["42CFRPart2"], ["nothing"], {"level": "bound"}, {"basis": "NOT_REQUIRED"}, {"nature_code": "x"}),
]
KEYS = (
    *("delegation", "attribution", "integrity", "metadata", "extra", "chain_depth", "parent_agent_session_id", "error_type"),
    *(
        "error_message",
        "hash_alg",
        "event_hash",
        "prev_event_hash",
        "roles",
        "id",
        "level",
        "correlation",
        "owner_org_id",
        "org_id",
    ),
    *("client_ip", "status_code", "purpose_of_use", "consent", "emergency", "disclosure", "sensitivity", "auth", "seq", "chain_id"),
)


def _examples(version: str, kind: str) -> dict[str, dict[str, Any]]:
    folder = schema_path("audit_event", "examples", version, kind)
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


@pytest.fixture(scope="session")
def examples() -> Callable[[str, str], dict[str, dict[str, Any]]]:
    """``examples(version, "valid" | "invalid")`` by name."""
    return _examples


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from _places(below, (*path, key))


def _mutated(event: dict[str, Any], pool: list[dict[str, Any]], chance: random.Random) -> dict[str, Any]:
    event = copy.deepcopy(event)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        path = chance.choice(list(_places(event)) or [("schema_version",)])
        at: Any = event
        for key in path[:-1]:
            at = at[key]
        kind = chance.random()
        old = at[path[-1]] if isinstance(at, list) or path[-1] in at else None
        if kind < 0.2 and isinstance(old, str) and old:
            cut = chance.randrange(len(old))
            at[path[-1]] = old[:cut] + chance.choice("_-.:aZ09 \n١é{}") + old[cut + chance.choice((0, 1)) :]
        elif kind < 0.5:
            at[path[-1]] = copy.deepcopy(chance.choice(VALUES))
        elif kind < 0.75 and old is not None:
            del at[path[-1]]
        elif kind < 0.9:
            (at if isinstance(at, dict) else event)[chance.choice(KEYS)] = copy.deepcopy(chance.choice(VALUES))
        else:
            other = chance.choice(pool)
            key = chance.choice(list(other))
            event[key] = copy.deepcopy(other[key])
    return event


@pytest.fixture(scope="session")
def mutants() -> Callable[[str, int, int], Iterator[dict[str, Any]]]:
    """``mutants(version, count, seed)``: examples of that version, each broken, or repaired, in one to three places."""

    def draw(version: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
        chance = random.Random(seed)
        base = [*list(_examples(version, "valid").values()) * 8, *_examples(version, "invalid").values()]
        pool = base + list(_examples("3.0", "valid").values())
        for _ in range(count):
            yield _mutated(chance.choice(base), pool, chance)

    return draw


@pytest.fixture(scope="session")
def references(shared: Path) -> Callable[[str], list[tuple[str, dict[str, Any], bool]]]:
    """``references(version)``: the published examples as ``(name, event, valid)``."""

    def read(version: str) -> list[tuple[str, dict[str, Any], bool]]:
        folder = shared / "reference" / "bh_audit_schema" / "examples" / version
        return [(p.name, json.loads(p.read_text("utf-8")), "negative" not in p.parts) for p in sorted(folder.rglob("*.json"))]

    return read
