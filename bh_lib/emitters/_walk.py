"""Reads a ledger from first line to last and checks each against the one before; `verify` draws the verdict.

A line that we wrote is checked without parsing it: its integrity block has one possible form after a given event, and the hash is
over the line's own bytes with ``event_hash`` cut out. Any line that is not exactly so takes the slow way, which parses it
and names what is wrong, if anything is.
"""

from __future__ import annotations

from binascii import hexlify
from hashlib import sha256
from typing import BinaryIO

from bh_lib.emitters._span import Node
from bh_lib.emitters._tree import Tree
from bh_lib.emitters.chain import GENESIS, Head, event_hash, head_of, parse_line
from bh_lib.emitters.faults import LONGEST, RULES, Fault, unreadable
from bh_lib.emitters.published import is_published, published_hash
from bh_lib.errors import InputError, IntegrityError

__all__ = ["Walk"]

_MOST_FAULTS = 100
_BLOCK = 1 << 18
_OPEN = b',"integrity":{"chain_id":"'
_REST = b'"event_hash":"%b","hash_alg":"sha256","prev_event_hash":"%b","seq":%d}'
_FIELD = len(b'"event_hash":"",') + 64


class Walk:
    """One pass over a ledger, or over a part of it.

    Parameters
    ----------
    many_chains : bool
        Whether lines of several chains may be mixed.
    roots_at : set of int, or None
        Tree sizes at which the Merkle root is wanted; None for the root at the end only. Empty: no tree is built, which is faster.
    trusting : bool
        Take the first event of each chain as it comes: this is a part from the middle, and `entries` says what was taken on
        trust.
    base : int, optional
        Events before this part; if left out, the first event's own number.
    restarts : bool
        Let a published chain begin anew, and count how often it does.
    """

    def __init__(
        self,
        *,
        many_chains: bool,
        roots_at: set[int] | None,
        trusting: bool = False,
        base: int | None = None,
        restarts: bool = False,
    ) -> None:
        self.events = self.lines = self.torn_bytes = 0
        self.faults: list[Fault] = []
        self.heads: dict[str, Head] = {}
        self.previous: dict[str, str] = {}
        #: What a part took on trust: place (-1 in a published chain, which states none) and predecessor.
        self.entries: dict[str, tuple[int, str]] = {}
        self.tree = Tree(roots_at, part=trusting)
        self.base = base
        #: How often a published chain began anew.
        self.restarts = 0
        self._restartable = restarts
        self._many = many_chains
        self._trusting = trusting
        self._rooted = False
        self._chain = ""
        self._found: list[bytes] = []
        self._file = ""

    def start_after(self, events: int, heads: dict[str, Head], previous: dict[str, str], nodes: list[Node]) -> None:
        """Go on where another walk stood."""
        self.events, self.heads, self.previous = events, dict(heads), dict(previous)
        self.tree.begin_at(events, nodes)

    def begin(self, file: str = "") -> None:
        """The next lines are those of another file."""
        self._file, self.lines = file, 0

    def read(self, source: BinaryIO, size: int) -> None:
        """Check the next `size` bytes, line by line; memory holds a block, or one long line."""
        rest, skipping = b"", False
        while size > 0 and (block := source.read(min(_BLOCK, size))):
            size -= len(block)
            first = block.find(b"\n")
            if skipping and first >= 0:
                block, skipping = block[first + 1 :], False
                self.lines += 1
            elif skipping or len(rest) + (first if first >= 0 else len(block)) > LONGEST:
                if not skipping:
                    self.fault("line-too-long", self.lines + 1)
                rest, skipping = b"", first < 0
                if skipping:
                    continue
                block = block[first + 1 :]
                self.lines += 1
            cut = block.rfind(b"\n") + 1
            if cut:
                self._feed(rest + block[:cut])
                rest = block[cut:]
            else:
                rest += block
        if skipping:
            self.lines += 1
        if rest:
            self._torn(rest)

    def fault(self, rule: str, line: int, file: str | None = None) -> None:
        """Note a broken rule."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(line, rule, RULES[rule], self._file if file is None else file))

    def _feed(self, block: bytes) -> None:
        """Check whole lines."""
        accepted = self._stretch(block) if self._chain else 0
        if accepted >= 0:
            lines = block.split(b"\n")
            lines.pop()
            for line in lines[accepted:]:
                self.lines += 1
                if not self._follows(line):
                    self._slow(line)
        self._plant()

    def _stretch(self, block: bytes) -> int:
        """Check a block of one chain's lines at once; how many were good before one that needs a closer look, -1 if all were.

        Cutting the block at the mark shows, in one go, that each line has it once: else the hash could have been moved.
        """
        head, before = self.heads[self._chain], b""
        mark = b'%b%b",' % (_OPEN, self._chain.encode())
        seq, digest = head.seq, head.event_hash.encode()
        found, hashed = self._found, sha256
        pieces = iter(block.split(mark))
        front, whole = next(pieces), False
        try:
            for piece in pieces:
                tail, following = piece.split(b"\n")
                raw = hashed(front + mark + tail[_FIELD:]).digest()
                name = hexlify(raw)
                if not tail.startswith(_REST % (name, digest, seq + 1)):
                    break
                seq += 1
                before, digest, front = digest, name, following
                found.append(raw)
            else:
                whole = not front
        except ValueError:
            pass  # not one line break after each mark
        done = seq - head.seq
        if done:
            self.events += done
            self.lines += done
            self.heads[self._chain] = Head(self._chain, seq, digest.decode())
            self.previous[self._chain] = before.decode()
        return -1 if whole else done

    def _follows(self, line: bytes) -> bool:
        """Whether a line is one that we wrote, and comes next in its chain."""
        start = line.find(_OPEN) + len(_OPEN)
        end = line.find(b'"', start)
        if start < len(_OPEN) or end <= start:
            return False
        chain_id = line[start:end].decode("utf-8", "replace")
        head = self.heads.get(chain_id)
        if head is None:
            return False
        cut = end + 2
        raw = sha256(line[:cut] + line[cut + _FIELD :]).digest()
        rest = b'",' + _REST % (hexlify(raw), head.event_hash.encode(), head.seq + 1)
        if not line.startswith(rest, end) or line.find(_OPEN, start) >= 0:
            return False
        self.previous[chain_id] = head.event_hash
        self.heads[chain_id] = Head(chain_id, head.seq + 1, raw.hex())
        self._chain = chain_id
        self.events += 1
        self._found.append(raw)
        return True

    def _slow(self, line: bytes) -> None:
        """Check one line by parsing it."""
        head = self._checked(line)
        if head is not None:
            self._chain = head.chain_id if len(head.event_hash) == 64 else ""
            self.events += 1
            self._found.append(bytes.fromhex(head.event_hash))

    def _torn(self, line: bytes) -> None:
        """A last line without its line break: an event, or a write under way, or one torn by a power cut."""
        self.lines += 1
        faults, restarts = len(self.faults), self.restarts
        self._slow(line)
        if len(self.faults) > faults:
            # Nobody was told that it is kept. A cut tail looks the same.
            del self.faults[faults:]
            self.restarts = restarts
            self.events -= len(self._found)
            self._found.clear()
            self.torn_bytes += len(line)
        self._plant()

    def _checked(self, line: bytes) -> Head | None:
        try:
            event = parse_line(line)
        except IntegrityError:
            self.fault(unreadable(line), self.lines)
            return None
        block = event.get("integrity")
        if not isinstance(block, dict) or not block:
            self.fault("no-integrity", self.lines)
            return None
        published = is_published(block)
        algorithm, previous = block.get("hash_alg"), block.get("prev_event_hash", GENESIS)
        try:
            if published:
                digest, expected = block["event_hash"], published_hash(event)
                seq = self.heads[""].seq + 1 if "" in self.heads else 0
                place = Head("", seq, digest)
            else:
                place = head_of(event)
                if not place.chain_id:
                    raise IntegrityError("names no chain")
                expected = event_hash(event, str(algorithm))
            bytes.fromhex(place.event_hash)
        except (IntegrityError, InputError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
            self.fault("incomplete-integrity", self.lines)
            return None
        if place.event_hash != expected or not isinstance(previous, str):
            self.fault("edited", self.lines)
        begins = published and "prev_event_hash" not in block
        return self._placed(place, str(previous), published=published, begins=begins)

    def _placed(self, place: Head, previous: str, *, published: bool, begins: bool) -> Head:
        known = self.heads.get(place.chain_id)
        if known is None:
            if self.heads and not self._many:
                self.fault("second-chain", self.lines)
            elif self._trusting:
                self.entries[place.chain_id] = (-1 if published else place.seq, previous)
            elif place.seq != 0:
                self.fault("cut-head", self.lines)
            elif previous != GENESIS:
                self.fault("cut-head" if published else "broken-link", self.lines)
        elif place.seq <= known.seq:
            before = self.previous.get(place.chain_id)
            self.fault("fork" if place.seq == known.seq and previous == before else "out-of-order", self.lines)
            return known
        elif place.seq > known.seq + 1:
            self.fault("gap", self.lines)
        elif begins and self._restartable:
            self.restarts += 1
        elif previous != known.event_hash:
            self.fault("broken-link", self.lines)
        self.heads[place.chain_id] = place
        self.previous[place.chain_id] = previous
        return place

    def _plant(self) -> None:
        """Put what was found into the tree."""
        found, self._found = self._found, []
        if not found or not self.tree.wanted:
            return
        if self._trusting and not self._rooted:
            # A part from the middle: in one chain of ours, the first event's own number says how many come before it.
            places = [seq for seq, _ in self.entries.values()]
            if self.base is None and len(places) == 1:
                self.base = max(places[0], 0)
            self.tree.begin_at(self.base or 0)
            self._rooted = True
        self.tree.extend(found)
