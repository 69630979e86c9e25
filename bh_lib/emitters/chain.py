"""The hash chain: each event carries its place, and the hash of the event before it.

``event_hash`` is SHA-256 over the RFC 8785 form of the event *without* ``integrity.event_hash``; chain, place and
predecessor are therefore under the hash too. A ledger line is the RFC 8785 form of the whole event, so that the hashed
bytes are the line's own bytes with one piece cut out: a verifier needs no JSON parser for a line that we wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from typing import Any, NamedTuple

from bh_lib.emitters.canonical import canonical
from bh_lib.emitters.published import is_published, is_published_version, published_line
from bh_lib.errors import InputError, IntegrityError

__all__ = ["GENESIS", "Head", "check_kind", "event_hash", "head_after", "head_of", "link", "new_chain", "parse_line"]

#: What the first event of a chain names as its predecessor.
GENESIS = "0" * 64

_HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_sha256 = hashlib.sha256
_PLACE = b'"integrity":null'
_TO_NULL = len(_PLACE) - 4
# What a named tuple's own constructor calls, without the detour.
_as_tuple: Any = tuple.__new__
_quoted = lru_cache(maxsize=16)(canonical)


class Head(NamedTuple):
    """The last event of a chain, which the next one links to; ``seq`` is -1 where there is none yet.

    A published chain (versions below 3.0) has no name: ``chain_id`` is empty, and ``seq`` says no more than that it has begun.

    A tuple, because one is made for every event, and a frozen dataclass takes three times as long to make.
    """

    chain_id: str
    seq: int
    event_hash: str


def new_chain() -> Head:
    """Start a chain under a random name.

    Examples
    --------
    >>> new_chain().seq
    -1
    """
    return Head(os.urandom(16).hex(), -1, GENESIS)


def link(event: dict[str, Any], head: Head) -> tuple[bytes, Head]:
    """Give an event its place after `head`.

    Parameters
    ----------
    event : dict
        An event without ``integrity``; it is left as it is.
    head : Head
        Where the chain stands.

    Returns
    -------
    tuple of bytes and Head
        The ledger line with its newline, and the chain's new head. Keep the old head if the line can't be written.

    Raises
    ------
    InputError
        If the event already carries ``integrity``, or holds what JSON can't.

    Examples
    --------
    >>> line, head = link({"event_id": "e1"}, Head("c", -1, GENESIS))
    >>> head.seq, head_of(parse_line(line)) == head
    (0, True)
    """
    if "integrity" in event:
        raise InputError("already carries integrity: an event is linked once", place="/integrity")
    chain_id, seq, previous = head
    seq += 1
    if is_published_version(event.get("schema_version")):
        return _link_published(event, head)
    if not chain_id:
        check_kind(None, head)
    body = canonical({**event, "integrity": None})
    # Inside a JSON string a quote follows a backslash, so these bytes can stand only where the key does.
    at = body.find(_PLACE)
    if body.find(_PLACE, at + 1) < 0 and previous.isalnum():
        at += _TO_NULL
        start = b'%b{"chain_id":%b,' % (body[:at], _quoted(chain_id))
        rest = b'"hash_alg":"sha256","prev_event_hash":"%b","seq":%d}%b' % (previous.encode(), seq, body[at + 4 :])
        digest = _sha256(start + rest).hexdigest()
        line = b'%b"event_hash":"%b",%b\n' % (start, digest.encode(), rest)
    else:
        block: dict[str, Any] = {"chain_id": chain_id, "hash_alg": "sha256", "prev_event_hash": previous, "seq": seq}
        digest = _sha256(canonical({**event, "integrity": block})).hexdigest()
        line = canonical({**event, "integrity": {**block, "event_hash": digest}}) + b"\n"
    return line, _as_tuple(Head, (chain_id, seq, digest))


def _link_published(event: dict[str, Any], head: Head) -> tuple[bytes, Head]:
    check_kind(event.get("schema_version"), head)
    line, digest = published_line(event, None if head.seq < 0 else head.event_hash)
    return line, Head("", head.seq + 1, digest)


def check_kind(version: Any, head: Head) -> None:
    """Refuse a version whose chain is of another kind than the one that stands at `head`: the two don't mix.

    Raises
    ------
    InputError
        If they are of two kinds.

    Examples
    --------
    >>> check_kind("3.0", new_chain())
    >>> check_kind("3.0", Head("", 0, GENESIS))
    Traceback (most recent call last):
    ...
    bh_lib.errors.InputError: holds events below 3.0, whose chain is another one: begin another ledger for this version
    """
    if head.seq >= 0 and is_published_version(version) == bool(head.chain_id):
        held = "of 3.0" if head.chain_id else "below 3.0"
        raise InputError(f"holds events {held}, whose chain is another one: begin another ledger for this version")


def event_hash(event: dict[str, Any], algorithm: str = "sha256") -> str:
    """Compute what ``integrity.event_hash`` of a linked event has to be.

    Examples
    --------
    >>> line, head = link({"event_id": "e1"}, new_chain())
    >>> event_hash(parse_line(line)) == head.event_hash
    True
    """
    block = {key: value for key, value in event["integrity"].items() if key != "event_hash"}
    return _HASHES[algorithm](canonical({**event, "integrity": block})).hexdigest()


def parse_line(line: bytes) -> dict[str, Any]:
    """Read one ledger line strictly: UTF-8, no repeated key (readers differ on which one counts), no NaN.

    Raises
    ------
    IntegrityError
        If it is not one JSON object in UTF-8; the message says which rule it breaks and shows nothing of it.

    Examples
    --------
    >>> parse_line(b'{"a":1,"a":2}')
    Traceback (most recent call last):
    ...
    bh_lib.errors.IntegrityError: repeats a key
    """
    try:
        value = json.loads(line.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise IntegrityError("is not valid JSON") from None
    if not isinstance(value, dict):
        raise IntegrityError("is not a JSON object")
    return value


def head_of(event: dict[str, Any]) -> Head:
    """Read an event's place in its chain, as the event itself states it.

    Raises
    ------
    IntegrityError
        If it has no complete ``integrity`` block of schema 3.0.
    """
    block = event.get("integrity")
    if not isinstance(block, dict):
        raise IntegrityError("has no integrity block")
    chain_id, seq, digest = block.get("chain_id"), block.get("seq"), block.get("event_hash")
    if not (isinstance(chain_id, str) and type(seq) is int and seq >= 0 and isinstance(digest, str)):
        raise IntegrityError("has an incomplete integrity block")
    return Head(chain_id, seq, digest)


def head_after(event: dict[str, Any]) -> Head:
    """Where a chain of either kind stands after an event.

    Raises
    ------
    IntegrityError
        If it has no complete ``integrity`` block.
    """
    block = event.get("integrity")
    if isinstance(block, dict) and block and is_published(block):
        digest, algorithm = block.get("event_hash"), block.get("hash_alg")
        made = _HASHES.get(algorithm) if isinstance(algorithm, str) else None
        if made is not None and isinstance(digest, str) and len(digest) == 2 * made().digest_size:
            return Head("", 0, digest)
    return head_of(event)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise IntegrityError("repeats a key")
    return value


def _refuse(name: str) -> Any:
    raise ValueError(name)
