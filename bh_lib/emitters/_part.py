"""A part of a ledger, checked by itself: what it says of the part before is told, not judged.

`serve` makes a process a worker of `bh_lib.emitters._parts`: a request a line on standard input, an answer a line on standard
output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from bh_lib.emitters._source import Moved, Source
from bh_lib.emitters._walk import Walk
from bh_lib.emitters.chain import Head

__all__ = ["Part", "accept", "answer", "serve"]


class Part(NamedTuple):
    """Bytes `start` to `end` of a file, whole lines but for the file's last one."""

    source: Source
    start: int
    end: int
    #: Events before it, where its first event doesn't say so itself.
    base: int | None


def answer(part: Part, *, many_chains: bool, roots_at: set[int] | None, restarts: bool = False) -> dict[str, Any] | None:
    """Check a part; None where anything in it needs to be judged in its place."""
    walk = Walk(many_chains=many_chains, roots_at=roots_at, trusting=True, base=part.base, restarts=restarts)
    try:
        with part.source.open() as file:
            file.seek(part.start)
            walk.read(file, part.end - part.start)
    except Moved:
        return None
    if walk.faults:
        return None
    return {
        "events": walk.events,
        "lines": walk.lines,
        "torn_bytes": walk.torn_bytes,
        "restarts": walk.restarts,
        "base": walk.base,
        "entries": walk.entries,
        "heads": walk.heads,
        "previous": walk.previous,
        "segments": [[(level, node.hex()) for level, node in nodes] for nodes in walk.tree.parts()],
    }


def accept(walk: Walk, told: dict[str, Any], *, many_chains: bool) -> bool:
    """Take a part's answer, if it continues what was walked so far; else nothing is taken, and it has to be walked itself."""
    entries: dict[str, list[Any]] = told["entries"]
    if not many_chains and len({*walk.heads, *entries}) > 1:
        return False
    if walk.tree.wanted and told["events"] and told["base"] != walk.events:
        return False
    for chain_id, (seq, previous) in entries.items():
        known = walk.heads.get(chain_id, Head(chain_id, -1, "0" * 64))
        if seq not in (-1, known.seq + 1) or (seq == -1) != (chain_id == "") or previous != known.event_hash:
            return False
    for chain_id, (_, seq, digest) in told["heads"].items():
        # A published chain states no places: the part counted its own.
        before = walk.heads[chain_id].seq + 1 if chain_id == "" and "" in walk.heads else 0
        walk.heads[chain_id] = Head(chain_id, before + seq, digest)
    walk.previous.update(told["previous"])
    walk.events += told["events"]
    walk.lines += told["lines"]
    walk.torn_bytes += told["torn_bytes"]
    walk.restarts += told["restarts"]
    if walk.tree.wanted:
        walk.tree.join([[(level, bytes.fromhex(node)) for level, node in nodes] for nodes in told["segments"]])
    return True


def serve() -> None:
    """Answer requests until there are no more."""
    for line in sys.stdin:
        asked = json.loads(line)
        part = Part(Source(Path(asked["path"]), asked["size"], asked["inode"]), asked["start"], asked["end"], asked["base"])
        wanted = asked["roots_at"]
        roots_at = None if wanted is None else set(wanted)
        told = answer(part, many_chains=asked["many_chains"], roots_at=roots_at, restarts=asked["restarts"])
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
