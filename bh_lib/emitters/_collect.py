"""Makes a Merkle proof from leaves that come by in a stream: one pass, and memory for the proof alone."""

from __future__ import annotations

from collections.abc import Sequence

from bh_lib.emitters._span import Span
from bh_lib.emitters.merkle import Frontier
from bh_lib.errors import IntegrityError

__all__ = ["Collector"]


class Collector:
    """Hashes the runs of leaves that a proof is made of.

    Parameters
    ----------
    ranges : sequence of (int, int)
        As `inclusion_ranges` and `consistency_ranges` give them.
    before : Frontier, optional
        The tree over leaves that were pruned: the stream begins after them.

    Raises
    ------
    IntegrityError
        If the proof needs a hash from inside the pruned part.

    Examples
    --------
    >>> from bh_lib.emitters.merkle import inclusion_proof, inclusion_ranges, leaf_hash
    >>> leaves = [leaf_hash(bytes([n])) for n in range(9)]
    >>> collector = Collector(inclusion_ranges(6, 9))
    >>> collector.feed(0, leaves[:4]); collector.feed(4, leaves[4:])
    >>> collector.proof() == inclusion_proof(leaves, 6)
    True
    """

    __slots__ = ("_ends", "_spans")

    def __init__(self, ranges: Sequence[tuple[int, int]], before: Frontier | None = None) -> None:
        self._ends = [end for _, end in ranges]
        self._spans = [Span(start) for start, _ in ranges]
        if before is None:
            return
        begin = 0
        for level, node in before.nodes:
            end = begin + (1 << level)
            for span, last in zip(self._spans, self._ends, strict=True):
                if span.end == begin and end <= last:
                    span.add(level, node)
            begin = end
        if any(span.end < min(before.size, last) for span, last in zip(self._spans, self._ends, strict=True)):
            raise IntegrityError("this can't be proved any more: the events that the proof is made of were pruned")

    def feed(self, start: int, leaves: Sequence[bytes]) -> None:
        """Take leaf hashes; `start` is the index of the first."""
        for span, last in zip(self._spans, self._ends, strict=True):
            if start <= span.end < min(last, start + len(leaves)):
                span.extend(leaves[span.end - start : last - start])

    def proof(self) -> list[bytes]:
        """The proof.

        Raises
        ------
        IntegrityError
            If the stream ended before the proof did.
        """
        if any(span.end < last for span, last in zip(self._spans, self._ends, strict=True)):
            raise IntegrityError("the ledger ends before the tree that was to be proved")
        return [span.root() for span in self._spans]
