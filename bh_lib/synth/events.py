"""The audit log of a simulated clinic, with its answer key and the facts that explain it."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from bh_lib._extras import optional
from bh_lib._jsonl import atomic_write, write_json
from bh_lib.emitters.chain import GENESIS, Head, link
from bh_lib.errors import ConfigError
from bh_lib.schema import VERSIONS
from bh_lib.synth.render import day_events
from bh_lib.synth.simulate import DEFAULT_START, Simulation

__all__ = ["GENERATOR", "EventManifest", "generate_events", "write_events"]

GENERATOR = "bh-clinic/1"
"""Changes whenever the same seed would give other bytes."""

_orjson = optional("orjson")


@dataclass(frozen=True, slots=True)
class EventManifest:
    """What was written, and the digests by which it can be had again.

    Attributes
    ----------
    n, seed, version, format, chain, start
        As asked for.
    days : int
        How many days the log spans.
    people : dict of str to int
        ``staff``, ``patients`` (ever admitted), ``programs``, ``organizations``.
    scenarios : dict of str to int
        Injected cases by scenario.
    actions, outcomes : dict of str to int
        Events by ``action.type`` and by ``outcome.status``.
    files : dict of str to str
        SHA-256 of each file, by its name.
    """

    n: int
    seed: int
    version: str
    format: str
    chain: bool
    start: str
    days: int
    people: dict[str, int]
    scenarios: dict[str, int]
    actions: dict[str, int]
    outcomes: dict[str, int]
    files: dict[str, str]
    generator: str = GENERATOR

    def to_dict(self) -> dict[str, Any]:
        """As in ``manifest.json``."""
        return asdict(self)


def _converter(version: str) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    if version not in VERSIONS:
        raise ConfigError(f"version is one of {', '.join(VERSIONS)}")
    if version == "3.0":
        return None
    if version != "2.1":
        # Flattening them would make the log disagree with its own answer key.
        raise ConfigError("the clinic has AI agents, one of them for nobody in particular, which only 2.1 and 3.0 can tell of")
    from bh_lib.schema.convert import convert_event

    def convert(event: dict[str, Any]) -> dict[str, Any]:
        converted: dict[str, Any] = convert_event(event, version).event
        return converted

    return convert


def generate_events(n: int, seed: int, version: str = "3.0", start: datetime = DEFAULT_START) -> Iterator[dict[str, Any]]:
    """Yield a clinic's audit events, in the order of its log; memory doesn't grow with n.

    Parameters
    ----------
    n : int
        How many; it also decides how large the clinic is, and how many days the log spans.
    seed : int
        The same seed gives the same events.
    version : str
        2.1 or 3.0.
    start : datetime
        The first day.

    Raises
    ------
    InputError
        If n is below 1, or start has no time zone.
    ConfigError
        If the version can't tell what happens here.

    Examples
    --------
    >>> from bh_lib.schema import is_valid_event
    >>> events = list(generate_events(300, seed=1))
    >>> len(events), all(is_valid_event(event) for event in events)
    (300, True)
    """
    convert = _converter(version)
    for written in Simulation(n, seed, start).run():
        for event, _ in day_events(written.work, written.rows, written.ids):
            own = copy.deepcopy(event)
            yield own if convert is None else convert(own)


def _plain(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


_dump: Callable[[dict[str, Any]], bytes] = _plain if _orjson is None else _orjson.dumps


def write_events(
    out_dir: str | os.PathLike[str],
    n: int,
    seed: int,
    format: Literal["jsonl", "parquet"] = "jsonl",  # noqa: A002  (the command line's word)
    version: str = "3.0",
    chain: bool = True,
    start: datetime = DEFAULT_START,
) -> EventManifest:
    """Write ``events.jsonl`` or ``events.parquet``, ``context.jsonl``, ``answer_key.json`` and ``manifest.json``.

    The context holds what makes an access legitimate, a fact a line: roster, register, care teams, appointments, groups,
    conferences, referrals, claims, on-call, release requests, consents. The answer key holds each injected misuse.

    Parameters
    ----------
    out_dir : path
        A folder; made where it is missing.
    n, seed, version, start
        As of `generate_events`.
    format : {"jsonl", "parquet"}
        Parquet needs the ``lab`` extra, is schema 3.0 only, and is never chained: a chain is over a ledger's bytes.
    chain : bool
        Chain the JSONL, so that ``bh audit verify`` has something to verify. Only schema 3.0 carries our chain.

    Raises
    ------
    ConfigError
        If format and version don't go together.
    InputError
        If n is below 1, or the folder can't be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     manifest = write_events(folder, 400, seed=1)
    ...     sorted(manifest.files)
    ['answer_key.json', 'context.jsonl', 'events.jsonl']
    """
    if format not in ("jsonl", "parquet"):
        raise ConfigError("format is jsonl or parquet")
    if format == "parquet" and version != "3.0":
        raise ConfigError("Parquet is written at schema 3.0: convert the JSONL for other versions")
    folder, simulation = Path(out_dir), Simulation(n, seed, start)
    chained = chain and format == "jsonl" and version == "3.0"
    counts: dict[str, dict[str, int]] = {"actions": {}, "outcomes": {}}
    with ExitStack() as stack:
        context = stack.enter_context(atomic_write(folder / "context.jsonl"))
        if format == "parquet":
            from bh_lib.synth.columns import ParquetEvents

            parquet = stack.enter_context(ParquetEvents(folder / "events.parquet"))
        else:
            out = stack.enter_context(atomic_write(folder / "events.jsonl"))
        convert = _converter(version)
        head = Head(f"clinic-{seed}", -1, GENESIS)
        for written in simulation.run():
            context.write(b"".join(_dump(fact) + b"\n" for fact in written.facts).decode())
            written.work.count(written.rows, counts)
            if format == "parquet":
                parquet.add(written.work, written.rows, written.ids)
                continue
            lines: list[bytes] = []
            for event, _ in day_events(written.work, written.rows, written.ids):
                if chained:
                    line, head = link(event, head)
                    lines.append(line)
                else:
                    lines.append(_dump(event if convert is None else convert(copy.deepcopy(event))) + b"\n")
            out.write(b"".join(lines).decode())
        clinic = written.work.clinic
    cases = [case.to_dict() for case in simulation.cases]
    write_json(folder / "answer_key.json", {"generator": GENERATOR, "n": n, "seed": seed, "cases": cases})
    scenarios: dict[str, int] = {}
    for case in cases:
        scenarios[case["scenario"]] = scenarios.get(case["scenario"], 0) + 1
    manifest = EventManifest(
        n=n,
        seed=seed,
        version=version,
        format=format,
        chain=chained,
        start=simulation.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        days=simulation.days,
        people={
            "staff": len(clinic.staff),
            "patients": len(clinic.program_of),
            "programs": len(clinic.programs),
            "organizations": len({program.org_id for program in clinic.programs}),
        },
        scenarios=scenarios,
        actions=counts["actions"],
        outcomes=counts["outcomes"],
        files={name: _digest(folder / name) for name in (f"events.{format}", "context.jsonl", "answer_key.json")},
    )
    write_json(folder / "manifest.json", manifest.to_dict())
    return manifest


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
