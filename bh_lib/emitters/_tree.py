"""The Merkle tree that a walk builds as it goes, and the roots that are wanted on the way."""

from __future__ import annotations

from collections.abc import Sequence

from bh_lib.emitters._collect import Collector
from bh_lib.emitters._span import Node, Span, leaf_hashes
from bh_lib.emitters.merkle import EMPTY_ROOT

__all__ = ["Tree"]


class Tree:
    """A tree over events' hashes, from the first one on or over a part from the middle.

    Parameters
    ----------
    roots_at : set of int, or None
        Sizes at which the root is wanted; None for the end only. Empty: nothing is built.
    part : bool
        Whether it is a part: it has no roots then, but `segments`, which the whole tree takes with `join`.

    Examples
    --------
    >>> data = [bytes([n]) * 32 for n in range(9)]
    >>> whole, left, right = Tree({5}), Tree({5}), Tree({5}, part=True)
    >>> whole.extend(data); left.extend(data[:4]); right.begin_at(4); right.extend(data[4:])
    >>> left.join(right.parts()); left.roots == whole.roots and left.root() == whole.root()
    True
    """

    __slots__ = ("_part", "_roots_at", "_segments", "_span", "collectors", "roots")

    def __init__(self, roots_at: set[int] | None, *, part: bool = False) -> None:
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self.collectors: list[Collector] = []
        self._roots_at = roots_at
        self._part = part
        self._span = Span()
        self._segments: list[list[Node]] = []

    @property
    def wanted(self) -> bool:
        """Whether anything is built."""
        return self._roots_at is None or bool(self._roots_at)

    @property
    def nodes(self) -> list[Node]:
        """The tree's perfect subtrees, largest first."""
        return list(self._span.nodes)

    def root(self) -> bytes:
        """The root over all events so far."""
        return self._span.root()

    def parts(self) -> list[list[Node]]:
        """A part's subtrees, cut where a root is wanted."""
        return [*self._segments, self._span.nodes]

    def begin_at(self, start: int, nodes: Sequence[Node] = ()) -> None:
        """Go on after `start` events: those of `nodes`, or, in a part, whatever they are."""
        self._span = Span(0, nodes) if nodes else Span(start)
        self._seen()

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Take the next events' hashes."""
        if not self.wanted:
            return
        leaves: Sequence[bytes] = leaf_hashes(hashes)
        begin, end = self._span.end, self._span.end + len(leaves)
        for collector in self.collectors:
            collector.feed(begin, leaves)
        for size in sorted(size for size in self._roots_at or () if begin < size <= end):
            self._span.extend(leaves[self._span.end - begin : size - begin])
            self._seen()
        self._span.extend(leaves[self._span.end - begin :])

    def join(self, segments: Sequence[Sequence[Node]]) -> None:
        """Take the subtrees of the part that comes next."""
        for nodes in segments:
            self._span.join(nodes)
            self._seen()

    def _seen(self) -> None:
        end = self._span.end
        if end not in (self._roots_at or ()):
            return
        if self._part:
            self._segments.append(self._span.nodes)
            self._span = Span(end)
        else:
            self.roots[end] = self._span.root()
