"""The chain of the published versions, 1.0 to 2.1, as bh-audit-logger writes it: its logs verify here, and go on here.

There ``event_hash`` is taken over the previous hash (its hex digits, where there is a previous event) and then the event
without its ``integrity`` block, as JSON with sorted keys, compact, UTF-8. An event names no chain and no
place, so what was cut from such a log's head or tail never shows, and a lost event shows only as a broken link.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from bh_lib.emitters.canonical import canonical
from bh_lib.schema import CURRENT, VERSIONS

__all__ = ["is_published", "is_published_version", "published_hash", "published_line"]

_VERSIONS = frozenset(version for version in VERSIONS if version != CURRENT)
_BY_LENGTH = {64: "sha256", 96: "sha384", 128: "sha512"}
_HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}


def is_published(block: dict[str, Any]) -> bool:
    """Whether an integrity block is of the published kind: it states neither chain nor place.

    Examples
    --------
    >>> is_published({"event_hash": "0f", "hash_alg": "sha256"})
    True
    """
    return "chain_id" not in block and "seq" not in block


def is_published_version(version: Any) -> bool:
    """Whether events of this version are linked in the published way; ours begins with 3.0.

    Examples
    --------
    >>> is_published_version("2.1"), is_published_version("3.0"), is_published_version(None)
    (True, False, False)
    """
    return type(version) is str and version in _VERSIONS


def published_line(event: dict[str, Any], previous: str | None) -> tuple[bytes, str]:
    """Link an event of a published version to the one before.

    Parameters
    ----------
    event : dict
        An event without ``integrity``.
    previous : str or None
        The hash of the event before; None at the beginning. Its length says which algorithm the chain goes on with.

    Returns
    -------
    tuple of bytes and str
        The ledger line with its newline, and the event's hash.

    Raises
    ------
    InputError
        If it holds what JSON can't.

    Examples
    --------
    >>> line, digest = published_line({"event_id": "e1"}, None)
    >>> published_hash(json.loads(line)) == digest
    True
    """
    canonical(event)  # refuses what JSON can't hold; the hash is over another form, in which a fraction stays as it was written
    block = {"hash_alg": "sha256"} if previous is None else {"hash_alg": _BY_LENGTH[len(previous)], "prev_event_hash": previous}
    whole = {**event, "integrity": block}
    digest = block["event_hash"] = published_hash(whole)
    return _written(whole) + b"\n", digest


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
    state.update(_written(body))
    return state.hexdigest()


def _written(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
