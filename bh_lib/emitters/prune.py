"""Retention: removes old events from a ledger, and leaves what later proofs need."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bh_lib.emitters._collect import Collector
from bh_lib.emitters._cut import Cut, find_cut
from bh_lib.emitters._removal import Removal, find_place, locked, whole_lines
from bh_lib.emitters._source import Ledger, Moved, sources, written_file
from bh_lib.emitters._walk import Walk
from bh_lib.emitters.checkpoint import Checkpoint, sign_note
from bh_lib.emitters.event import timestamp
from bh_lib.emitters.faults import RULES
from bh_lib.emitters.merkle import Frontier, consistency_ranges
from bh_lib.emitters.pruned import PruneRecord, record_path
from bh_lib.emitters.verify import Anchor, anchor_fault, read_anchors
from bh_lib.errors import ConfigError, InputError, IntegrityError

if TYPE_CHECKING:
    from bh_lib.emitters.logger import AuditLogger

__all__ = ["Pruning", "prune", "read_time"]

_TRIES = 3
_PRUNER = {"subject_id": "bh-audit-prune", "subject_type": "service"}


@dataclass(frozen=True, slots=True)
class Pruning:
    """What `prune` did.

    Parameters
    ----------
    removed : int
        Events removed now.
    pruned : int
        Events removed since the ledger began.
    kept : int
        Events that are there.
    record : Path
        The file that later proofs need. Back it up with the ledger: without it the ledger is BROKEN.
    """

    removed: int
    pruned: int
    kept: int
    record: Path


def prune(
    path: Ledger,
    before: datetime | str,
    *,
    anchor: Anchor | Sequence[Anchor] | None = None,
    anchor_key: str | None = None,
    key: str | None = None,
    many_chains: bool = False,
    audit: AuditLogger | None = None,
    actor: Mapping[str, Any] | None = None,
) -> Pruning:
    """Remove the events from the beginning of a ledger that are all older than a time.

    The first event that is not older ends it, and the last event of the ledger always stays: the next one follows it. Other
    processes may write meanwhile; they wait only while files change places. If this is killed, or the power fails,
    the ledger verifies as it was before or as it is after.

    Parameters
    ----------
    path : path-like, or a sequence of them
        The ledger, as for `verify`.
    before : datetime or str
        A time with its zone, or a day (UTC); not in the future. How long the law wants audit trails kept is for you to know:
        45 CFR 164.316(b)(2)(i) says six years for what it covers.
    anchor : path-like, Checkpoint, or a sequence of them, optional
        Checkpoints that were kept elsewhere. Each must hold now, and can be held against the ledger afterwards too: the proof
        is kept. An older checkpoint that is left out here can be checked no more.
    anchor_key : str, optional
        The public key that they must be signed with.
    key : str, optional
        A secret key of `generate_keys`: signs what is left of the removed events.
    many_chains : bool
        As in `verify`.
    audit : AuditLogger, optional
        Where the pruning is recorded, whether it succeeds or not: DELETE on the AuditLog.
    actor : mapping, optional
        Who prunes; a service of that name if left out.

    Raises
    ------
    IntegrityError
        If the ledger is BROKEN, or an anchor doesn't hold. Nothing is changed.
    InputError
        If a file can't be read, or the time is none.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from bh_lib.emitters import JsonlSink, verify
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "audit.jsonl"
    ...     sink = JsonlSink(path)
    ...     for year in (2011, 2012, 2025):
    ...         _ = sink.append({"event_id": f"e{year}", "timestamp": f"{year}-05-05T08:00:00.000Z"})
    ...     sink.close()
    ...     done = prune(path, "2020-01-01")
    ...     done.removed, done.kept, str(verify(path)), verify(path).pruned
    (2, 1, 'CONSISTENT', 2)
    """
    when = read_time(before)
    anchors = read_anchors(anchor)
    job = _Job(path, when, anchors, anchor_key, key, many_chains)
    if audit is None:
        return _retried(job)
    resource = {"type": "AuditLog", "id": written_file(path).name}
    with audit.access("DELETE", actor=_PRUNER if actor is None else actor, resource=resource):
        return _retried(job)


class _Job(NamedTuple):
    path: Ledger
    when: datetime
    anchors: list[Checkpoint]
    anchor_key: str | None
    key: str | None
    many_chains: bool


def read_time(before: datetime | str) -> datetime:
    """Read the time that `prune` is given.

    Raises
    ------
    ConfigError
        If it is none, has no time zone, or lies in the future.

    Examples
    --------
    >>> read_time("2020-01-01").isoformat()
    '2020-01-01T00:00:00+00:00'
    """
    try:
        when = before if isinstance(before, datetime) else datetime.fromisoformat(before)
    except ValueError:
        raise ConfigError("is a time such as 2020-01-01 or 2020-01-01T00:00:00Z", place="before") from None
    if when.tzinfo is None:
        if isinstance(before, datetime) or len(before) > len(date.min.isoformat()):
            raise ConfigError("needs its time zone: add Z for UTC", place="before")
        when = when.replace(tzinfo=UTC)
    if when > datetime.now(UTC):
        raise ConfigError("lies in the future: that would remove everything", place="before")
    return when


def _retried(job: _Job) -> Pruning:
    live = written_file(job.path)
    for _ in range(_TRIES):
        try:
            return _pruned(job, held=False)
        except Moved:
            continue
    # Files are moved on faster than the ledger can be read: then its writers wait from the beginning.
    for _ in range(_TRIES):
        try:
            with locked(live):
                return _pruned(job, held=True)
        except Moved:
            continue
    raise InputError("its files are moved on all the time: try again when the writer rests", path=str(live))


def _pruned(job: _Job, *, held: bool) -> Pruning:
    live = written_file(job.path)
    cut = find_cut(live, sources(job.path))
    if cut.damaged:
        raise IntegrityError(f"the ledger is broken, so nothing is removed: {cut.name}: {RULES['pruned-record']}")
    place = find_place(cut.files, job.when)
    size = cut.size + place.events
    walk = Walk(many_chains=job.many_chains, roots_at={size, *(item.size for item in job.anchors)})
    cut.start(walk)
    collectors = _collectors(job.anchors, cut, size)
    walk.tree.collectors += collectors.values()
    ends = [source.size for source in cut.files]
    # A line that is being written is no part of it yet: the last file's end is read once no writer is at work.
    ends[-1] = whole_lines(cut.files[-1])
    record = None
    for number, source in enumerate(cut.files):
        walk.begin(source.path.name if len(ends) > 1 else "")
        with source.open() as file:
            if number == place.file:
                walk.read(file, place.offset)
                if place.events and not walk.faults:
                    record = _record(job, walk, {older: tuple(each.proof()) for older, each in collectors.items()})
                walk.tree.collectors.clear()
            walk.read(file, ends[number] - file.tell())
    _refuse(walk, cut, (), None)
    with Removal(live, cut, place, ends[-1], is_trail=isinstance(job.path, (str, os.PathLike))) as removal:
        removal.copy()
        with removal.locked(held=held) as now, cut.files[-1].open() as file:
            file.seek(ends[-1])
            walk.read(file, now - ends[-1])
            _refuse(walk, cut, job.anchors, job.anchor_key)
            if record is not None or cut.leftover:
                removal.finish(now, [*cut.records, record] if record is not None else list(cut.records))
    return Pruning(place.events, size, walk.events - size, record_path(live))


def _collectors(anchors: Sequence[Checkpoint], cut: Cut, size: int) -> dict[int, Collector]:
    """What proves that each older tree is the beginning of the one that is pruned."""
    before = Frontier(cut.size, cut.records[-1].peaks) if cut.records else None
    older = {item.size for item in anchors} | {cut.size}
    return {each: Collector(consistency_ranges(each, size), before) for each in older if max(1, cut.size) <= each < size}


def _record(job: _Job, walk: Walk, proofs: dict[int, tuple[bytes, ...]]) -> PruneRecord:
    size, root = walk.events, walk.tree.root()
    origin = written_file(job.path).name
    note = sign_note(Checkpoint(origin, size, root).text, job.key) if job.key is not None else ""
    return PruneRecord(
        size,
        timestamp(),
        job.when.isoformat(),
        tuple(walk.heads.values()),
        tuple(walk.previous[chain_id] for chain_id in walk.heads),
        tuple(node for _, node in walk.tree.nodes),
        tuple(sorted(proofs.items())),
        note,
    )


def _refuse(walk: Walk, cut: Cut, anchors: Sequence[Checkpoint], key: str | None) -> None:
    if walk.faults:
        raise IntegrityError(f"the ledger is broken, so nothing is removed: {walk.faults[0]}")
    for item in anchors:
        rule = anchor_fault(item, walk, cut, key)
        if rule is not None:
            raise IntegrityError(f"an anchor doesn't hold, so nothing is removed: {RULES[rule or 'anchor-pruned']}")
