"""A run of leaves in a Merkle tree, kept as the fewest perfect subtrees: what each part of a ledger can hash by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

__all__ = ["Node", "Span", "leaf_hashes", "node_hash"]

#: A perfect subtree of ``2**level`` leaves: its level and its root.
Node = tuple[int, bytes]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into one (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def leaf_hashes(data: Iterable[bytes]) -> list[bytes]:
    """Hash many leaves' data: one comprehension costs half of one call a leaf.

    Examples
    --------
    >>> [leaf.hex()[:8] for leaf in leaf_hashes([b""])]
    ['6e340b9c']
    """
    hashed = sha256
    return [hashed(b"\x00" + item).digest() for item in data]


class Span:
    """Leaves `start` to `end` of a tree, whatever stands before and after them.

    A subtree is merged only where the whole tree has it too, so that two neighbouring spans join by adding the nodes of one
    to the other.

    Parameters
    ----------
    start : int
        Index of its first leaf.
    nodes : sequence of Node
        Subtrees that it begins with.

    Examples
    --------
    >>> leaves = leaf_hashes(bytes([n]) for n in range(7))
    >>> left, right, whole = Span(0), Span(3), Span(0)
    >>> left.extend(leaves[:3]); right.extend(leaves[3:]); whole.extend(leaves)
    >>> left.join(right.nodes)
    >>> left.nodes == whole.nodes
    True
    """

    __slots__ = ("end", "nodes", "start")

    def __init__(self, start: int = 0, nodes: Sequence[Node] = ()) -> None:
        self.start = self.end = start
        self.nodes: list[Node] = []
        self.join(nodes)

    def add(self, level: int, node: bytes) -> None:
        """Add a perfect subtree of ``2**level`` leaves at the end."""
        nodes = self.nodes
        begin = self.end
        self.end += 1 << level
        # A right half meets its left one: where the left half is in another span, it stays as it is.
        while nodes and nodes[-1][0] == level and begin >> level & 1:
            begin -= 1 << level
            node = node_hash(nodes.pop()[1], node)
            level += 1
        nodes.append((level, node))

    def join(self, nodes: Iterable[Node]) -> None:
        """Add the subtrees of the span that follows."""
        for level, node in nodes:
            self.add(level, node)

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add leaf hashes at the end."""
        hashed = sha256
        at, count = 0, len(leaves)
        while at < count:
            level = (count - at).bit_length() - 1
            if self.end:
                level = min(level, (self.end & -self.end).bit_length() - 1)
            row: Sequence[bytes] = leaves[at : at + (1 << level)]
            for _ in range(level):
                pairs = iter(row)
                row = [hashed(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
            self.add(level, row[0])
            at += 1 << level

    def root(self) -> bytes:
        """The root over its leaves alone; of an empty span, that of an empty tree."""
        if not self.nodes:
            return sha256(b"").digest()
        root = self.nodes[-1][1]
        for _, left in reversed(self.nodes[:-1]):
            root = node_hash(left, root)
        return root
