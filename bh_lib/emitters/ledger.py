"""Reads a ledger's events, and proves a single one against a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from typing import Any

from bh_lib.emitters._collect import Collector
from bh_lib.emitters._cut import find_cut
from bh_lib.emitters._source import Ledger, Source, sources, written_file
from bh_lib.emitters._trail import ledger_files
from bh_lib.emitters.chain import event_hash, parse_line
from bh_lib.emitters.checkpoint import Checkpoint
from bh_lib.emitters.merkle import Frontier, inclusion_ranges, leaf_hash, verify_inclusion
from bh_lib.emitters.published import is_published, published_hash
from bh_lib.errors import InputError, IntegrityError

__all__ = ["EventProof", "check_event", "ledger_files", "prove_event", "read_ledger"]


def read_ledger(path: Ledger) -> Iterator[dict[str, Any]]:
    """Yield the events of a ledger, oldest first, one in memory at a time. It doesn't verify them: `verify` does.

    Of a pruned ledger it yields what is left; what is written meanwhile is left for the next time, and so is a last line that
    is still being written.

    Parameters
    ----------
    path : path-like, or a sequence of them
        The ledger, as for `verify`: a path stands for all files that `JsonlSink` rotated it into, oldest first.

    Raises
    ------
    InputError
        If a file can't be read, or a line is not a JSON object; it names the file and the line. If a file is pruned or moved on
        before its turn.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from bh_lib.emitters import JsonlSink
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sink = JsonlSink(pathlib.Path(folder) / "audit.jsonl", rotate_bytes=1)
    ...     for number in range(3):
    ...         _ = sink.append({"event_id": f"e{number}"})
    ...     sink.close()
    ...     [event["event_id"] for event in read_ledger(sink.path)]
    ['e0', 'e1', 'e2']
    """
    files = find_cut(written_file(path), sources(path)).files
    for source in files:
        yield from _read(source, last=source is files[-1])


def _read(source: Source, *, last: bool) -> Iterator[dict[str, Any]]:
    left = source.size
    with BufferedReader(source.open()) as lines:
        for number, line in enumerate(lines, 1):
            left -= len(line)
            torn = left < 0 or not line.endswith(b"\n")
            if line.strip():
                try:
                    yield parse_line(line)
                except IntegrityError as error:
                    if torn and last:
                        return
                    raise InputError(str(error), path=str(source.path), place=f"line {number}") from None
            if left <= 0:
                return


@dataclass(frozen=True, slots=True)
class EventProof:
    """That one event is in the ledger which a checkpoint was taken from: shows that without showing any other event.

    Parameters
    ----------
    index : int
        The event's line, from 0.
    size : int
        Size of the checkpoint's tree.
    path : tuple of bytes
        The hashes that lead from the event to the root.
    """

    index: int
    size: int
    path: tuple[bytes, ...]


def prove_event(path: Ledger, event_id: str, size: int | None = None) -> EventProof:
    """Make the proof of one event, streaming, in two passes. Earlier events may have been pruned.

    Parameters
    ----------
    path : path-like, or a sequence of them
        The ledger, as for `verify`.
    event_id : str
        The event.
    size : int, optional
        The checkpoint's size; the whole ledger if left out.

    Raises
    ------
    InputError
        If the event is not among the first `size`.
    """
    cut = find_cut(written_file(path), sources(path))
    if cut.damaged:
        raise InputError("is damaged: nothing can be proved with it", path=cut.name)
    before = Frontier(cut.size, cut.records[-1].peaks) if cut.records else None
    count, index = cut.size, None
    for event in _events(cut.files):
        if count == size:
            break
        if index is None and event.get("event_id") == event_id:
            index = count
        count += 1
    if index is None:
        raise InputError("no such event in this part of the ledger", path=str(written_file(path)))
    collector = Collector(inclusion_ranges(index, count), before)
    at = cut.size
    for events in _batches(_events(cut.files)):
        collector.feed(at, [_leaf(event) for event in events])
        at += len(events)
        if at >= count:
            break
    return EventProof(index, count, tuple(collector.proof()))


def _events(files: Sequence[Source]) -> Iterator[dict[str, Any]]:
    for source in files:
        left = source.size
        with BufferedReader(source.open()) as lines:
            for number, line in enumerate(lines, 1):
                left -= len(line)
                if left < 0 or not line.endswith(b"\n"):
                    break
                try:
                    yield parse_line(line)
                except IntegrityError as error:
                    raise InputError(str(error), path=str(source.path), place=f"line {number}") from None


def _batches(events: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(events, 1000)):
        yield batch


def check_event(event: dict[str, Any], proof: EventProof, checkpoint: Checkpoint) -> None:
    """Check that an event is in the ledger that a checkpoint was taken from.

    Raises
    ------
    IntegrityError
        If the event was edited, or is not where the proof says, under the checkpoint's root.
    """
    if proof.size != checkpoint.size:
        raise IntegrityError("the proof is for a ledger of another size than the checkpoint's")
    leaf = _leaf(event)
    block = event["integrity"]
    try:
        expected = published_hash(event) if is_published(block) else event_hash(event, block["hash_alg"])
    except (KeyError, TypeError, AttributeError):
        raise IntegrityError("the event's integrity block is incomplete") from None
    if expected != block["event_hash"]:
        raise IntegrityError("the event is not what its hash was taken over")
    verify_inclusion(leaf, proof.index, proof.size, proof.path, checkpoint.root)


def _leaf(event: dict[str, Any]) -> bytes:
    try:
        return leaf_hash(bytes.fromhex(event["integrity"]["event_hash"]))
    except (KeyError, TypeError, ValueError):
        raise IntegrityError("an event has no integrity block") from None
