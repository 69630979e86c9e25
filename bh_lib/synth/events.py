"""The audit log of a simulated clinic, with its answer key and the facts that explain it."""

from __future__ import annotations

import copy
import gc
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from bh_lib._extras import optional
from bh_lib._jsonl import atomic_write, write_json
from bh_lib.emitters.chain import GENESIS, Head, link
from bh_lib.errors import ConfigError
from bh_lib.schema.validate import CURRENT
from bh_lib.schema.versions import Agents
from bh_lib.synth.recast import Recast, check_version
from bh_lib.synth.render import day_events
from bh_lib.synth.simulate import DEFAULT_START, Simulation

__all__ = ["GENERATOR", "EventManifest", "generate_events", "write_events"]

GENERATOR = "bh-clinic/2"
"""Changes whenever the same seed would give other bytes."""

_orjson = optional("orjson")


@dataclass(frozen=True, slots=True)
class EventManifest:
    """What was written, and the digests by which it can be had again.

    Attributes
    ----------
    n, seed, version, agents, format, chain, start
        As asked for.
    days : int
        How many days the log spans.
    people : dict of str to int
        ``staff``, ``patients`` (ever admitted), ``programs``, ``organizations``.
    scenarios : dict of str to int
        Injected cases by scenario.
    actions, outcomes : dict of str to int
        Events by ``action.type`` and by ``outcome.status``.
    losses : list of dict
        What an older version could not say: ``path``, ``kind``, ``why``, and in how many ``events``. Empty at 3.0.
    files : dict of str to str
        SHA-256 of each file, by its name.
    """

    n: int
    seed: int
    version: str
    agents: str
    format: str
    chain: bool
    start: str
    days: int
    people: dict[str, int]
    scenarios: dict[str, int]
    actions: dict[str, int]
    outcomes: dict[str, int]
    losses: list[dict[str, Any]]
    files: dict[str, str]
    generator: str = GENERATOR

    def to_dict(self) -> dict[str, Any]:
        """As in ``manifest.json``."""
        return asdict(self)


def generate_events(
    n: int, seed: int, version: str = "3.0", start: datetime = DEFAULT_START, agents: Agents | str = Agents.REFUSE
) -> Iterator[dict[str, Any]]:
    """Yield a clinic's audit events, in the order of its log; memory doesn't grow with n.

    Parameters
    ----------
    n : int
        How many; it also decides how large the clinic is, and how many days the log spans.
    seed : int
        The same seed gives the same events.
    version : str
        3.0, or an older one, into which each event is converted by `bh_lib.schema.convert_event`.
    start : datetime
        The first day.
    agents : {"refuse", "flatten"}
        Below 2.1 the clinic's AI agents can't be told of truly, and ``refuse`` refuses the version. ``flatten`` shows them as
        services and drops whom they acted for; at 2.0 only the one that acted for nobody who could be named.

    Raises
    ------
    InputError
        If n is below 1, or start has no time zone.
    ConfigError
        If there is no such version, or it can't tell what happens here and ``agents`` is ``refuse``.

    Examples
    --------
    >>> from bh_lib.schema import is_valid_event
    >>> events = list(generate_events(300, seed=1))
    >>> len(events), all(is_valid_event(event) for event in events)
    (300, True)
    >>> all(is_valid_event(event, "1.0") for event in generate_events(300, 1, "1.0", agents="flatten"))
    True
    """
    check_version(version, agents)
    simulation = Simulation(n, seed, start)

    def events() -> Iterator[dict[str, Any]]:
        recast = Recast(version, agents)
        for written in simulation.run():
            for event, _ in day_events(written.work, written.rows, written.ids):
                # Many events share blocks, and whoever takes one may change it.
                yield copy.deepcopy(event) if version == CURRENT else recast(event)

    return events()


def _plain(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


_dump: Callable[[dict[str, Any]], bytes] = _plain if _orjson is None else _orjson.dumps


@contextmanager
def _uncollected() -> Iterator[None]:
    """A day is hundred thousands of tuples that hold no cycle, and the collector would walk them all again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def write_events(
    out_dir: str | os.PathLike[str],
    n: int,
    seed: int,
    format: Literal["jsonl", "parquet"] = "jsonl",  # noqa: A002  (the command line's word)
    version: str = "3.0",
    chain: bool = True,
    start: datetime = DEFAULT_START,
    agents: Agents | str = Agents.REFUSE,
) -> EventManifest:
    """Write ``events.jsonl`` or ``events.parquet``, ``context.jsonl``, ``answer_key.json`` and ``manifest.json``.

    The context holds what makes an access legitimate, a fact a line: roster, register, care teams, appointments, groups,
    conferences, referrals, claims, on-call, release requests, consents. At least 99 of 100 legitimate encounters (a person, a
    patient, a day) have such a fact; the rest are slips and consults that nobody recorded, as in any clinic. The answer key holds
    each injected misuse, and whether its trace still shows at the version asked for (``shown``).

    Parameters
    ----------
    out_dir : path
        A folder; made where it is missing.
    n, seed, version, start, agents
        As of `generate_events`.
    format : {"jsonl", "parquet"}
        Parquet needs the ``lab`` extra, is schema 3.0 only, and is never chained: a chain is over a ledger's bytes.
    chain : bool
        Chain the JSONL, so that ``bh audit verify`` has something to verify. Only schema 3.0 carries our chain.

    Raises
    ------
    ConfigError
        If format and version don't go together, or as of `generate_events`.
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
    check_version(version, agents)
    if format == "parquet" and version != CURRENT:
        raise ConfigError("Parquet is written at schema 3.0: convert the JSONL for other versions")
    folder, simulation = Path(out_dir), Simulation(n, seed, start)
    chained = chain and format == "jsonl" and version == CURRENT
    recast = Recast(version, agents)
    counts: dict[str, dict[str, int]] = {"actions": {}, "outcomes": {}}
    with ExitStack() as stack:
        stack.enter_context(_uncollected())
        context = stack.enter_context(atomic_write(folder / "context.jsonl"))
        if format == "parquet":
            from bh_lib.synth.columns import ParquetEvents

            parquet = stack.enter_context(ParquetEvents(folder / "events.parquet"))
        else:
            out = stack.enter_context(atomic_write(folder / "events.jsonl"))
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
                    lines.append(_dump(recast(event)) + b"\n")
            out.write(b"".join(lines).decode())
        clinic = written.work.clinic
    if version != CURRENT:
        counts = {name: dict(found) for name, found in recast.counts.items()}
    cases = [case.to_dict(version) for case in simulation.cases]
    write_json(folder / "answer_key.json", {"generator": GENERATOR, "n": n, "seed": seed, "cases": cases})
    scenarios: dict[str, int] = {}
    for case in cases:
        scenarios[case["scenario"]] = scenarios.get(case["scenario"], 0) + 1
    manifest = EventManifest(
        n=n,
        seed=seed,
        version=version,
        agents=str(agents),
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
        losses=recast.losses(),
        files={name: _digest(folder / name) for name in (f"events.{format}", "context.jsonl", "answer_key.json")},
    )
    write_json(folder / "manifest.json", manifest.to_dict())
    return manifest


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
