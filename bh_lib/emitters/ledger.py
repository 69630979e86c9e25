"""Reads a ledger's events, and proves a single one against a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bh_lib._jsonl import read_jsonl
from bh_lib.emitters._trail import ledger_files
from bh_lib.emitters.chain import event_hash
from bh_lib.emitters.checkpoint import Checkpoint
from bh_lib.emitters.merkle import inclusion_proof, leaf_hash, verify_inclusion
from bh_lib.errors import InputError, IntegrityError

__all__ = ["EventProof", "check_event", "ledger_files", "prove_event", "read_ledger"]


def read_ledger(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of a ledger, oldest first, one in memory at a time. It doesn't verify them: `verify` does.

    Raises
    ------
    InputError
        If the file can't be read, or a line is not a JSON object; it names the line.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from bh_lib.emitters import JsonlSink
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sink = JsonlSink(pathlib.Path(folder) / "audit.jsonl")
    ...     _ = sink.append({"event_id": "e1"})
    ...     sink.close()
    ...     [event["event_id"] for event in read_ledger(sink.path)]
    ['e1']
    """
    for _, event in read_jsonl(path):
        yield event


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


def prove_event(path: str | os.PathLike[str], event_id: str, size: int | None = None) -> EventProof:
    """Make the proof of one event. Memory: 32 bytes an event of the ledger.

    Parameters
    ----------
    path : path-like
        The ledger.
    event_id : str
        The event.
    size : int, optional
        The checkpoint's size; the whole ledger if left out.

    Raises
    ------
    InputError
        If the event is not among the first `size`.
    """
    leaves: list[bytes] = []
    index = None
    for event in read_ledger(path):
        if len(leaves) == size:
            break
        if event.get("event_id") == event_id and index is None:
            index = len(leaves)
        leaves.append(_leaf(event))
    if index is None:
        raise InputError("no such event in this part of the ledger", path=str(path))
    return EventProof(index, len(leaves), tuple(inclusion_proof(leaves, index)))


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
    if event_hash(event, event["integrity"]["hash_alg"]) != event["integrity"]["event_hash"]:
        raise IntegrityError("the event is not what its hash was taken over")
    verify_inclusion(leaf, proof.index, proof.size, proof.path, checkpoint.root)


def _leaf(event: dict[str, Any]) -> bytes:
    try:
        return leaf_hash(bytes.fromhex(event["integrity"]["event_hash"]))
    except (KeyError, TypeError, ValueError):
        raise IntegrityError("an event has no integrity block") from None
