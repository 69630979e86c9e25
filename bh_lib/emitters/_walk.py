"""Reads a ledger from first line to last and checks each against the one before; `verify` draws the verdict.

A line that we wrote is checked without parsing it: its integrity block has one possible form after a given event, and the hash is
over the line's own bytes with ``event_hash`` cut out. Any line that is not exactly so takes the slow way, which parses it
and names what is wrong, if anything is.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from bh_lib.emitters.chain import GENESIS, Head, event_hash, head_of, parse_line
from bh_lib.emitters.faults import RULES, Fault
from bh_lib.emitters.merkle import EMPTY_ROOT, Frontier
from bh_lib.emitters.published import is_published, published_hash
from bh_lib.errors import InputError, IntegrityError

__all__ = ["Walk"]

_MOST_FAULTS = 100
_FIELD = b'"event_hash":"'


class Walk:
    """One pass over a ledger.

    Parameters
    ----------
    many_chains : bool
        Whether lines of several chains may be mixed.
    roots_at : set of int, or None
        Tree sizes at which the Merkle root is wanted; None for the root at the end only. Empty: no tree
        is built, which is twice as fast.
    """

    def __init__(self, *, many_chains: bool, roots_at: set[int] | None) -> None:
        self.events = self.torn_bytes = 0
        self.faults: list[Fault] = []
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self._many = many_chains
        self._roots_at = roots_at
        self._tree = Frontier() if roots_at is None or roots_at else None
        self._heads: dict[str, Head] = {}
        self._previous: dict[str, str] = {}
        self._line = 0
        self._file = ""

    @property
    def chains(self) -> int:
        """Chains seen."""
        return len(self._heads)

    def root(self) -> bytes:
        """The root over all events, where a tree was built."""
        return self._tree.root() if self._tree is not None else EMPTY_ROOT

    def read(self, lines: Iterable[bytes], file: str = "") -> None:
        """Check every line; the lines of a next file go on where the last one ended."""
        self._file = file
        mark, seq, before, digest = b"", -1, b"", b""
        chain_id = ""
        start_of_hash = 0
        tree, hashed = self._tree, sha256
        number = 0
        for line in lines:
            number += 1
            if mark:
                at = line.find(mark)
                if at >= 0:
                    start = at + start_of_hash
                    end = start + 64
                    rest = b'","hash_alg":"sha256","prev_event_hash":"%b","seq":%d}' % (digest, seq + 1)
                    if line.startswith(rest, end):
                        found = hashed(line[: start - 14] + line[end + 2 : -1]).hexdigest().encode()
                        # The mark can stand in a line once; else the piece could have been moved.
                        if line[start:end] == found and line.endswith(b"}\n") and line.find(mark, start) < 0:
                            seq += 1
                            before, digest = digest, found
                            self.events += 1
                            if tree is not None:
                                self._grow(found)
                            continue
                self._heads[chain_id] = Head(chain_id, seq, digest.decode())
                self._previous[chain_id] = before.decode()
            self._line = number
            head = self._slow(line)
            mark = b""
            if head is not None and len(head.event_hash) == 64 and head.chain_id:
                chain_id, seq, digest = head.chain_id, head.seq, head.event_hash.encode()
                before = self._previous[chain_id].encode()
                mark = b',"integrity":{"chain_id":"%b",' % chain_id.encode() + _FIELD
                start_of_hash = len(mark)
        if mark:
            self._heads[chain_id] = Head(chain_id, seq, digest.decode())
            self._previous[chain_id] = before.decode()

    def _grow(self, digest: bytes) -> None:
        tree = self._tree
        if tree is None:
            return
        tree.append(sha256(b"\x00" + bytes.fromhex(digest.decode())).digest())
        if self._roots_at is not None and tree.size in self._roots_at:
            self.roots[tree.size] = tree.root()

    def _slow(self, line: bytes) -> Head | None:
        """Check one line by parsing it; returns the head of its chain, None where it is no event."""
        torn = not line.endswith(b"\n")
        faults = len(self.faults)
        head = self._checked(line)
        if torn and len(self.faults) > faults:
            # A write under way, or torn by a power cut: nobody was told that it is kept. A cut tail looks the same.
            del self.faults[faults:]
            self.torn_bytes = len(line)
            return None
        if head is not None:
            self.events += 1
            self._grow(head.event_hash.encode())
        return head

    def _checked(self, line: bytes) -> Head | None:
        try:
            event = parse_line(line)
        except IntegrityError:
            self._fault("not-json")
            return None
        block = event.get("integrity")
        if not isinstance(block, dict) or not block:
            self._fault("no-integrity")
            return None
        published = is_published(block)
        algorithm, previous = block.get("hash_alg"), block.get("prev_event_hash", GENESIS)
        try:
            if published:
                digest, expected = block["event_hash"], published_hash(event)
                seq = self._heads[""].seq + 1 if "" in self._heads else 0
                place = Head("", seq, digest)
            else:
                place = head_of(event)
                expected = event_hash(event, str(algorithm))
            bytes.fromhex(place.event_hash)
        except (IntegrityError, InputError, KeyError, TypeError, ValueError):
            self._fault("incomplete-integrity")
            return None
        if place.event_hash != expected or not isinstance(previous, str):
            self._fault("edited")
        return self._placed(place, previous, published=published)

    def _placed(self, place: Head, previous: str, *, published: bool) -> Head:
        known = self._heads.get(place.chain_id)
        if known is None:
            if self._heads and not self._many:
                self._fault("second-chain")
            elif place.seq != 0:
                self._fault("cut-head")
            elif previous != GENESIS:
                self._fault("cut-head" if published else "broken-link")
        elif place.seq <= known.seq:
            before = self._previous.get(place.chain_id)
            self._fault("fork" if place.seq == known.seq and previous == before else "out-of-order")
            return known
        elif place.seq > known.seq + 1:
            self._fault("gap")
        elif previous != known.event_hash:
            self._fault("broken-link")
        self._heads[place.chain_id] = place
        self._previous[place.chain_id] = previous
        return place

    def _fault(self, rule: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(self._line, rule, RULES[rule], self._file))
