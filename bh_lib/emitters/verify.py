"""Is this ledger what was written? A verdict, and the first fault named by line and rule.

=============  ===========================================================================================
BROKEN         something was edited, inserted, deleted, reordered or stripped, or two writers forked the chain;
               or the ledger is not the one that the anchor was taken from
EMPTY          there is no event. That is no pass: an emptied ledger looks like this
CONSISTENT     every event holds and follows the one before. Nothing shows whether the end was cut off or the whole
               thing written anew: for that, an anchor is needed that was kept elsewhere
COMPLETE       CONSISTENT, and it holds everything that was in the ledger when the anchor was taken
=============  ===========================================================================================
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bh_lib.emitters._cut import Cut, find_cut
from bh_lib.emitters._parts import cores_for, walk_files, walk_parts
from bh_lib.emitters._source import Ledger, Moved, sources, written_file
from bh_lib.emitters._walk import Walk
from bh_lib.emitters.checkpoint import Checkpoint, check_note, read_checkpoint, sign_note
from bh_lib.emitters.faults import RULES, Fault
from bh_lib.errors import ConfigError, InputError, IntegrityError

__all__ = ["Anchor", "Fault", "Verdict", "Verification", "anchor_fault", "make_checkpoint", "read_anchors", "verify"]

Anchor = str | os.PathLike[str] | Checkpoint

_TRIES = 5


class Verdict(StrEnum):
    """What `verify` found."""

    EMPTY = "EMPTY"
    BROKEN = "BROKEN"
    CONSISTENT = "CONSISTENT"
    COMPLETE = "COMPLETE"


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of `verify`.

    Attributes
    ----------
    verdict : Verdict
        See the module.
    faults : tuple of Fault
        In the order of the ledger; the first is where the ledger stops being trustworthy. At most 100 are kept.
    events : int
        Lines that are events.
    chains : int
        Chains they belong to.
    anchored : int
        Events that an anchor covers, pruned ones included; later ones are CONSISTENT only.
    signature : str
        ``checked`` if the anchor's signature was checked against a key, else ``not checked``.
    torn_bytes : int
        Bytes after the last newline that are no event: a write under way, or torn by a power cut.
    pruned : int
        Events that `prune` removed before the first one; an anchor that covers them is held against the proof that it left.
    restarts : int
        How often a published chain began anew, where that was allowed.
    """

    verdict: Verdict
    faults: tuple[Fault, ...]
    events: int
    chains: int
    anchored: int
    signature: str
    torn_bytes: int
    pruned: int = 0
    restarts: int = 0

    def __str__(self) -> str:
        """The verdict, and the first fault if there is one."""
        return f"{self.verdict}: {self.faults[0]}" if self.faults else str(self.verdict)


def verify(
    path: Ledger,
    anchor: Anchor | Sequence[Anchor] | None = None,
    *,
    key: str | None = None,
    many_chains: bool = False,
    restarts: bool = False,
    workers: int | None = 1,
) -> Verification:
    """Verify a ledger, streaming: memory doesn't grow with the ledger. What is written meanwhile is left for the next time.

    Parameters
    ----------
    path : path-like, or a sequence of them
        A JSONL ledger, ours or one with the published ``bh-audit`` chain; a path stands for all files that `JsonlSink`
        rotated it into. Several files, oldest first, where something else moved them on.
    anchor : path-like, Checkpoint, or a sequence of them, optional
        Checkpoints that were kept elsewhere. Each must hold.
    key : str, optional
        The public key that the anchors must be signed with. Without it an anchor is worth as much as the place it was kept in.
    many_chains : bool
        Allow lines of several chains, as where the output of many processes was collected. A single ledger has one; by default
        a second one is an insertion.
    restarts : bool
        For ledgers of bh-audit-logger, whose file sinks begin a new chain in the same file at each start: verify each run by
        itself, and count the restarts. The verdict is CONSISTENT at best, also under an anchor: such a chain states no
        place, so that a whole run, the end of one, or all that stood before the beginning of one may be gone unseen. A ledger
        of ours never begins anew, and is judged as ever.
    workers : int, optional
        Processes to verify with; None for as many as the ledger is worth and the machine has cores. The outcome is the same.

    Raises
    ------
    InputError
        If the ledger or an anchor can't be read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from bh_lib.emitters import JsonlSink
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "audit.jsonl"
    ...     sink = JsonlSink(path)
    ...     for number in range(3):
    ...         _ = sink.append({"event_id": f"e{number}"})
    ...     sink.close()
    ...     good = verify(path)
    ...     lines = path.read_bytes().splitlines(keepends=True)
    ...     _ = path.write_bytes(lines[0] + lines[2])
    ...     print(good, "|", verify(path))
    CONSISTENT | BROKEN: line 2: gap: events are missing before this one
    """
    anchors = read_anchors(anchor)
    walk, cut = _walked(path, many_chains=many_chains, roots_at={item.size for item in anchors}, workers=workers, restarts=restarts)
    faults = list(walk.faults)
    if cut.damaged:
        faults.insert(0, Fault(0, "pruned-record", RULES["pruned-record"], cut.name))
    kept = walk.events - cut.size
    covered = []
    for item in anchors:
        rule = anchor_fault(item, walk, cut, key)
        if rule is None:
            covered.append(item.size)
        elif rule:
            faults.append(Fault(walk.lines + 1 if rule == "anchor-size" else 0, rule, RULES[rule]))
    if cut.is_forged(key):
        faults.append(Fault(0, "pruned-signature", RULES["pruned-signature"], cut.name))
    if faults:
        verdict = Verdict.BROKEN
    elif not kept:
        verdict = Verdict.EMPTY
    else:
        held = any(covered) and len(covered) == len(anchors) and not restarts
        verdict = Verdict.COMPLETE if held else Verdict.CONSISTENT
    return Verification(
        verdict,
        tuple(faults),
        kept,
        len(walk.heads),
        max(covered) if verdict is Verdict.COMPLETE else 0,
        "checked" if anchors and key is not None else "not checked",
        walk.torn_bytes,
        cut.size,
        walk.restarts,
    )


def make_checkpoint(path: Ledger, secret: str, *, origin: str | None = None, workers: int | None = 1) -> Checkpoint:
    """Verify a ledger, and sign its size and root.

    Parameters
    ----------
    path : path-like, or a sequence of them
        The ledger; its state now is what the checkpoint will vouch for.
    secret : str
        A secret key of `generate_keys`.
    origin : str, optional
        Name of the ledger; the file's name if left out.
    workers : int, optional
        As in `verify`.

    Returns
    -------
    Checkpoint
        Write its ``note`` to a file, and keep that where the ledger's writer can't change it.

    Raises
    ------
    IntegrityError
        If the ledger is BROKEN or EMPTY: there is nothing to vouch for.
    """
    walk, cut = _walked(path, many_chains=True, roots_at=None, workers=workers)
    if cut.damaged:
        raise IntegrityError(f"the ledger is broken, so it is not signed: {cut.name}: {RULES['pruned-record']}")
    if walk.faults:
        raise IntegrityError(f"the ledger is broken, so it is not signed: {walk.faults[0]}")
    if walk.events == cut.size:
        raise IntegrityError("the ledger is empty: there is nothing to vouch for")
    checkpoint = Checkpoint(origin or written_file(path).name, walk.events, walk.tree.root())
    return Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root, sign_note(checkpoint.text, secret))


def _walked(
    path: Ledger, *, many_chains: bool, roots_at: set[int] | None, workers: int | None, restarts: bool = False
) -> tuple[Walk, Cut]:
    if workers is not None and (type(workers) is not int or workers < 1):
        raise ConfigError("is a number of processes from 1 on, or None", place="workers")
    for _ in range(_TRIES):
        walk = Walk(many_chains=many_chains, roots_at=roots_at, restarts=restarts)
        try:
            cut = find_cut(written_file(path), sources(path))
            cut.start(walk)
            team = cores_for(cut.files) if workers is None else workers
            if team > 1:
                walk_parts(walk, cut.files, team, many_chains=many_chains, roots_at=roots_at, restarts=restarts)
            else:
                walk_files(walk, cut.files)
        except Moved:
            continue
        return walk, cut
    raise InputError("its files are moved on all the time: try again when the writer rests", path=str(written_file(path)))


def read_anchors(anchor: Anchor | Sequence[Anchor] | None) -> list[Checkpoint]:
    """Read anchors, however they were given."""
    if anchor is None:
        return []
    many = [anchor] if isinstance(anchor, (str, os.PathLike, Checkpoint)) else list(anchor)
    return [item if isinstance(item, Checkpoint) else read_checkpoint(item) for item in many]


def anchor_fault(anchor: Checkpoint, walk: Walk, cut: Cut, key: str | None) -> str | None:
    """The rule that an anchor shows to be broken; None if it holds, empty if nothing can be said of it."""
    if key is not None:
        try:
            if check_note(anchor.note, key) != anchor.text:
                return "anchor-signature"
        except IntegrityError:
            return "anchor-signature"
    if walk.events < anchor.size:
        return "anchor-size"
    if 0 < anchor.size < cut.size:
        return cut.judge(anchor, key)
    return None if walk.tree.roots.get(anchor.size) == anchor.root else "anchor-root"
