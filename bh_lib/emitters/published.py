"""The chain that bh-audit-logger writes: its logs verify here too.

There ``event_hash`` is taken over the previous hash (its hex digits, where there is a previous event) and then the event
without its ``integrity`` block, as JSON with sorted keys, compact, UTF-8. An event names no chain and no
place, so what was cut from such a log's head or tail never shows, and a lost event shows only as a broken link.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["is_published", "published_hash"]

_HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}


def is_published(block: dict[str, Any]) -> bool:
    """Whether an integrity block is of the published kind: it states neither chain nor place.

    Examples
    --------
    >>> is_published({"event_hash": "0f", "hash_alg": "sha256"})
    True
    """
    return "chain_id" not in block and "seq" not in block


def published_hash(event: dict[str, Any]) -> str:
    """Compute what ``integrity.event_hash`` has to be.

    Raises
    ------
    KeyError
        If the block names no hash algorithm, or one that the standard doesn't.

    Examples
    --------
    >>> published_hash({"a": 1, "integrity": {"hash_alg": "sha256"}})[:8]
    '015abd7f'
    """
    block = event["integrity"]
    state = _HASHES[block["hash_alg"]]()
    if "prev_event_hash" in block:
        state.update(block["prev_event_hash"].encode())
    body = {key: value for key, value in event.items() if key != "integrity"}
    state.update(json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    return state.hexdigest()
