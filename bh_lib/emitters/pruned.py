"""What `prune` leaves of the events that it removed: enough to prove what follows, and nothing of what they said.

Beside ``audit.jsonl`` stands ``audit.jsonl.pruned``: one record a pruning, with the number of events removed in all, where each
chain stood, the roots of the tree's perfect subtrees, and for each older checkpoint the RFC 6962 proof that its tree is the
beginning of this one. With a key, size and root are signed as a checkpoint is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bh_lib.emitters._scrap import part_beside
from bh_lib.emitters._span import Node
from bh_lib.emitters.chain import GENESIS, Head, head_of
from bh_lib.emitters.checkpoint import check_note, parse_checkpoint
from bh_lib.emitters.merkle import Frontier, verify_consistency
from bh_lib.emitters.published import is_published
from bh_lib.errors import InputError, IntegrityError

__all__ = ["PruneRecord", "is_held", "read_records", "record_path", "write_records"]

_FORMAT = "bh-audit-pruned/1"


@dataclass(frozen=True, slots=True)
class PruneRecord:
    """The state of a ledger where it was cut.

    Parameters
    ----------
    size : int
        Events before the cut, since the ledger began.
    pruned_at, before : str
        When it was cut, and the time that every removed event was older than.
    heads : tuple of Head
        Where each chain stood.
    previous : tuple of str
        The predecessor of each head.
    peaks : tuple of bytes
        The roots of the tree's perfect subtrees, largest first.
    proofs : tuple of (int, tuple of bytes)
        Sizes of older trees, and the proof that each is the beginning of this one.
    note : str
        Size and root as a signed checkpoint; empty where no key was given.
    """

    size: int
    pruned_at: str
    before: str
    heads: tuple[Head, ...]
    previous: tuple[str, ...]
    peaks: tuple[bytes, ...]
    proofs: tuple[tuple[int, tuple[bytes, ...]], ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if self.size < 1 or sum(head.seq + 1 for head in self.heads) != self.size or len(self.heads) != len(self.previous):
            raise IntegrityError("its chains don't add up to its size")
        if any(len(peak) != 32 for peak in self.peaks):
            raise IntegrityError("a hash has 32 bytes")
        note = parse_checkpoint(self.note) if self.note else None
        if note is not None and (note.size, note.root) != (self.size, self.root):
            raise IntegrityError("its note is for another tree")

    @property
    def root(self) -> bytes:
        """The root over the removed events."""
        return Frontier(self.size, self.peaks).root()

    @property
    def nodes(self) -> list[Node]:
        """The peaks with their levels."""
        return list(Frontier(self.size, self.peaks).nodes)

    def comes_before(self, event: dict[str, Any]) -> bool:
        """Whether an event is one that may stand first after the cut."""
        block = event.get("integrity")
        if not isinstance(block, dict):
            return False
        previous = block.get("prev_event_hash", GENESIS)
        heads = {head.chain_id: head for head in self.heads}
        if is_published(block):
            return "" in heads and previous == heads[""].event_hash
        try:
            place = head_of(event)
        except IntegrityError:
            return False
        known = heads.get(place.chain_id)
        return place.seq == 0 if known is None else (place.seq, previous) == (known.seq + 1, known.event_hash)

    def is_signed(self, key: str) -> bool:
        """Whether it is signed with a public key; False where it isn't.

        Raises
        ------
        IntegrityError
            If a signature by that key is there and doesn't hold.
        """
        if not self.note:
            return False
        try:
            check_note(self.note, key)
        except IntegrityError as error:
            if "not signed" in str(error):
                return False
            raise
        return True


def record_path(path: Path) -> Path:
    """Where the records of a ledger stand.

    Examples
    --------
    >>> record_path(Path("audit.jsonl")).name
    'audit.jsonl.pruned'
    """
    return path.with_name(path.name + ".pruned")


def is_held(records: Sequence[PruneRecord], size: int, root: bytes) -> bool | None:
    """Whether a tree is the beginning of what the last record stands for; None where no proof of it was kept."""
    if not records:
        return None
    last = records[-1]
    if size == last.size:
        return root == last.root
    proofs = dict(last.proofs)
    if size in proofs:
        return _leads(size, root, last)
    for number in range(len(records) - 2, -1, -1):
        between = records[number]
        if size <= between.size and between.size in proofs:
            held = is_held(records[: number + 1], size, root)
            if held is not None:
                return held and _leads(between.size, between.root, last)
    return None


def _leads(size: int, root: bytes, record: PruneRecord) -> bool:
    try:
        verify_consistency(size, record.size, dict(record.proofs)[size], root, record.root)
    except IntegrityError:
        return False
    return True


def read_records(path: Path) -> list[PruneRecord]:
    """Read the records of a ledger, oldest first; none where nothing was pruned.

    Raises
    ------
    IntegrityError
        If they are damaged.
    InputError
        If the file can't be read.
    """
    try:
        text = record_path(path).read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"can't be read: {type(error).__name__}", path=str(record_path(path))) from None
    try:
        document = json.loads(text.decode())
        if document["format"] != _FORMAT:
            raise IntegrityError("is of another format")
        records = [_read(item) for item in document["records"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise IntegrityError("is not a record of prunings") from None
    if not records or any(a.size >= b.size for a, b in pairwise(records)):
        raise IntegrityError("its records are not in order")
    return records


def _read(item: dict[str, Any]) -> PruneRecord:
    heads = [(str(h["chain_id"]), int(h["seq"]), str(h["event_hash"])) for h in item["heads"]]
    return PruneRecord(
        int(item["size"]),
        str(item["pruned_at"]),
        str(item["before"]),
        tuple(Head(*head) for head in heads),
        tuple(str(head["prev_event_hash"]) for head in item["heads"]),
        tuple(bytes.fromhex(peak) for peak in item["peaks"]),
        tuple((int(size), tuple(bytes.fromhex(one) for one in proof)) for size, proof in item["proofs"].items()),
        str(item["note"]),
    )


def _written(record: PruneRecord) -> dict[str, Any]:
    return {
        "size": record.size,
        "pruned_at": record.pruned_at,
        "before": record.before,
        "heads": [
            {"chain_id": head.chain_id, "seq": head.seq, "event_hash": head.event_hash, "prev_event_hash": previous}
            for head, previous in zip(record.heads, record.previous, strict=True)
        ],
        "peaks": [peak.hex() for peak in record.peaks],
        "proofs": {str(size): [one.hex() for one in proof] for size, proof in record.proofs},
        "note": record.note,
    }


def write_records(path: Path, records: Sequence[PruneRecord]) -> None:
    """Write the records of a ledger: whole or not at all, and on the disk when this returns."""
    target = record_path(path)
    text = json.dumps({"format": _FORMAT, "records": [_written(record) for record in records]}, indent=1)
    handle, part = part_beside(target)
    try:
        with open(handle, "w", encoding="ascii", newline="\n") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
            part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
