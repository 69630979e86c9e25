"""Where a pruned ledger begins, and what its record proves of the events before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bh_lib.emitters._source import Source
from bh_lib.emitters._walk import Walk
from bh_lib.emitters.chain import parse_line
from bh_lib.emitters.checkpoint import Checkpoint
from bh_lib.emitters.faults import LONGEST
from bh_lib.emitters.pruned import PruneRecord, is_held, read_records, record_path
from bh_lib.errors import IntegrityError

__all__ = ["Cut", "find_cut"]


@dataclass(frozen=True, slots=True)
class Cut:
    """The files that count, and the records of what stood before them.

    Parameters
    ----------
    files : tuple of Source
        From the first event after the cut on.
    leftover : tuple of Source
        Files before the cut that a pruning was about to remove when it was stopped.
    records : tuple of PruneRecord
        The last one is that of this cut; none where nothing was pruned.
    name : str
        Name of the file that the records are in.
    damaged : bool
        Whether that file is not what `prune` wrote.
    """

    files: tuple[Source, ...]
    leftover: tuple[Source, ...]
    records: tuple[PruneRecord, ...]
    name: str
    damaged: bool

    @property
    def size(self) -> int:
        """Events before the cut."""
        return self.records[-1].size if self.records else 0

    def start(self, walk: Walk) -> None:
        """Let a walk begin after the cut."""
        if self.records:
            last = self.records[-1]
            heads = {head.chain_id: head for head in last.heads}
            walk.start_after(last.size, heads, dict(zip(heads, last.previous, strict=True)), last.nodes)

    def is_forged(self, key: str | None) -> bool:
        """Whether the record bears a signature by this key that doesn't hold."""
        if key is None or not self.records:
            return False
        try:
            self.records[-1].is_signed(key)
        except IntegrityError:
            return True
        return False

    def judge(self, anchor: Checkpoint, key: str | None) -> str | None:
        """The rule that an anchor from before the cut shows to be broken; None if it holds.

        Empty where no proof of it was kept but the anchors' own key signed the record: then a pruning, and no attack, took what
        could be said of it.
        """
        held = is_held(self.records, anchor.size, anchor.root)
        if held is not None:
            return None if held else "anchor-root"
        return "" if key is not None and not self.is_forged(key) and self.records[-1].is_signed(key) else "anchor-pruned"


def find_cut(path: Path, files: Sequence[Source]) -> Cut:
    """Find which record of a ledger its first event follows.

    Raises
    ------
    InputError
        If a file can't be read.
    """
    name = record_path(path).name
    # The files come first: a pruning writes its record before it touches them, so the records know any file that was opened.
    first = [_first_event(source) for source in files]
    try:
        records = read_records(path)
    except IntegrityError:
        return Cut(tuple(files), (), (), name, True)
    for number in range(len(records), 0, -1):
        for at, event in enumerate(first):
            if event is not None and records[number - 1].comes_before(event):
                return Cut(tuple(files[at:]), tuple(files[:at]), tuple(records[:number]), name, False)
    begins = next((event for source, event in zip(files, first, strict=True) if source.size), None)
    # What follows no record was changed, or removed: the last record shows where. Unless the ledger begins at its beginning.
    if not records or _is_genesis(begins) or not any(source.size for source in files):
        return Cut(tuple(files), (), (), name, False)
    return Cut(tuple(files), (), tuple(records), name, False)


def _first_event(source: Source) -> dict[str, Any] | None:
    try:
        return parse_line(source.first_line(LONGEST))
    except IntegrityError:
        return None


def _is_genesis(event: dict[str, Any] | None) -> bool:
    block = event.get("integrity") if event is not None else None
    if not isinstance(block, dict):
        return False
    return block.get("seq") == 0 if "seq" in block or "chain_id" in block else "prev_event_hash" not in block
