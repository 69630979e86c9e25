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
from pathlib import Path

from bh_lib.emitters._walk import Walk
from bh_lib.emitters.checkpoint import Checkpoint, check_note, read_checkpoint, sign_note
from bh_lib.emitters.faults import Fault
from bh_lib.errors import InputError, IntegrityError

__all__ = ["Fault", "Verdict", "Verification", "make_checkpoint", "verify"]

Anchor = str | os.PathLike[str] | Checkpoint
Ledger = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


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
        Events that an anchor covers; later ones are CONSISTENT only.
    signature : str
        ``checked`` if the anchor's signature was checked against a key, else ``not checked``.
    torn_bytes : int
        Bytes after the last newline that are no event: a write under way, or torn by a power cut.
    """

    verdict: Verdict
    faults: tuple[Fault, ...]
    events: int
    chains: int
    anchored: int
    signature: str
    torn_bytes: int

    def __str__(self) -> str:
        """The verdict, and the first fault if there is one."""
        return f"{self.verdict}: {self.faults[0]}" if self.faults else str(self.verdict)


def verify(
    path: Ledger,
    anchor: Anchor | Sequence[Anchor] | None = None,
    *,
    key: str | None = None,
    many_chains: bool = False,
) -> Verification:
    """Verify a ledger, streaming: memory doesn't grow with the ledger.

    Parameters
    ----------
    path : path-like, or a sequence of them
        A JSONL ledger, ours or one with the published ``bh-audit`` chain; several files, oldest first, where it was moved on
        by a log rotation.
    anchor : path-like, Checkpoint, or a sequence of them, optional
        Checkpoints that were kept elsewhere. Each must hold.
    key : str, optional
        The public key that the anchors must be signed with. Without it an anchor is worth as much as the place it was kept in.
    many_chains : bool
        Allow lines of several chains, as where the output of many processes was collected. A single ledger has one; by default
        a second one is an insertion.

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
    anchors = _anchors(anchor)
    walk = Walk(many_chains=many_chains, roots_at={item.size for item in anchors})
    _read(path, walk)
    for item in anchors:
        rule = _broken(item, walk, key)
        if rule is not None:
            walk.faults.append(Fault(min(item.size, walk.events) + 1 if rule[0] == "anchor-size" else 0, *rule))
    if walk.faults:
        verdict = Verdict.BROKEN
    elif not walk.events:
        verdict = Verdict.EMPTY
    else:
        verdict = Verdict.COMPLETE if any(item.size for item in anchors) else Verdict.CONSISTENT
    return Verification(
        verdict,
        tuple(walk.faults),
        walk.events,
        walk.chains,
        max((item.size for item in anchors), default=0) if verdict is Verdict.COMPLETE else 0,
        "checked" if anchors and key is not None else "not checked",
        walk.torn_bytes,
    )


def make_checkpoint(path: Ledger, secret: str, *, origin: str | None = None) -> Checkpoint:
    """Verify a ledger, and sign its size and root.

    Parameters
    ----------
    path : path-like, or a sequence of them
        The ledger; its state now is what the checkpoint will vouch for.
    secret : str
        A secret key of `generate_keys`.
    origin : str, optional
        Name of the ledger; the file's name if left out.

    Returns
    -------
    Checkpoint
        Write its ``note`` to a file, and keep that where the ledger's writer can't change it.

    Raises
    ------
    IntegrityError
        If the ledger is BROKEN or EMPTY: there is nothing to vouch for.
    """
    walk = Walk(many_chains=True, roots_at=None)
    files = _read(path, walk)
    if walk.faults:
        raise IntegrityError(f"the ledger is broken, so it is not signed: {walk.faults[0]}")
    if not walk.events:
        raise IntegrityError("the ledger is empty: there is nothing to vouch for")
    checkpoint = Checkpoint(origin or files[-1].name, walk.events, walk.root())
    return Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root, sign_note(checkpoint.text, secret))


def _read(path: Ledger, walk: Walk) -> list[Path]:
    files = [Path(path)] if isinstance(path, (str, os.PathLike)) else [Path(item) for item in path]
    if not files:
        raise InputError("at least one file is needed")
    for file in files:
        try:
            with open(file, "rb", buffering=1 << 20) as lines:
                walk.read(lines, file.name if len(files) > 1 else "")
        except OSError as error:
            raise InputError(
                "no such file" if isinstance(error, FileNotFoundError) else f"can't be read: {type(error).__name__}", path=str(file)
            ) from None
    return files


def _anchors(anchor: Anchor | Sequence[Anchor] | None) -> list[Checkpoint]:
    if anchor is None:
        return []
    many = [anchor] if isinstance(anchor, (str, os.PathLike, Checkpoint)) else list(anchor)
    return [item if isinstance(item, Checkpoint) else read_checkpoint(item) for item in many]


def _broken(anchor: Checkpoint, walk: Walk, key: str | None) -> tuple[str, str] | None:
    if key is not None:
        try:
            if check_note(anchor.note, key) != anchor.text:
                return "anchor-signature", "the anchor's signature is over another text"
        except IntegrityError as error:
            return "anchor-signature", f"the anchor can't be trusted: {error}"
    if walk.events < anchor.size:
        return "anchor-size", "the ledger ends before the size that the anchor states: its tail was cut off"
    if walk.roots[anchor.size] != anchor.root:
        return "anchor-root", "the events are not those that the anchor was taken from"
    return None
