"""The Merkle tree of RFC 6962: one root over a whole ledger, and short proofs against it.

``leaf = SHA-256(0x00 || data)``, ``node = SHA-256(0x01 || left || right)``, and a tree of n > 1 leaves splits at the largest
power of two below n. The data of leaf i is the 32 bytes of the ``event_hash`` of the ledger's i-th event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from bh_lib.emitters._span import Node, Span, node_hash
from bh_lib.errors import IntegrityError

__all__ = [
    "EMPTY_ROOT",
    "Frontier",
    "consistency_proof",
    "consistency_ranges",
    "inclusion_proof",
    "inclusion_ranges",
    "leaf_hash",
    "root_of",
    "verify_consistency",
    "verify_inclusion",
]

#: The root of a tree without leaves (RFC 6962, 2.1).
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash one leaf's data.

    Examples
    --------
    >>> leaf_hash(b"").hex()[:8]
    '6e340b9c'
    """
    return sha256(b"\x00" + data).digest()


class Frontier:
    """A tree that only grows: it keeps one hash for each 1 in the binary form of its size, so it fits any ledger.

    Parameters
    ----------
    size : int
        Leaves that the tree already has.
    hashes : sequence of bytes
        The roots of its perfect subtrees, largest first, as `hashes` gave them.

    Examples
    --------
    >>> tree = Frontier()
    >>> for data in (b"a", b"b", b"c"):
    ...     tree.append(leaf_hash(data))
    >>> tree.size, tree.root() == root_of([leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")])
    (3, True)
    """

    __slots__ = ("_span",)

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size < 0 or len(hashes) != size.bit_count():
            raise IntegrityError("a tree's frontier has one hash for each 1 in its size")
        levels = (level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1)
        self._span = Span(0, list(zip(levels, hashes, strict=True)))

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._span.end

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Levels and roots of the perfect subtrees, largest first."""
        return tuple(self._span.nodes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The roots of the perfect subtrees, largest first."""
        return tuple(node for _, node in self._span.nodes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the end."""
        self._span.add(0, leaf)

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add many leaf hashes at the end."""
        self._span.extend(leaves)

    def join(self, nodes: Iterable[Node]) -> None:
        """Add perfect subtrees at the end, as a `Span` that begins here has them."""
        self._span.join(nodes)

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return self._span.root()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes.

    Examples
    --------
    >>> root_of([]) == EMPTY_ROOT
    True
    """
    span = Span()
    span.extend(list(leaves))
    return span.root()


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Prove that leaf `index` is in the tree over `leaves` (RFC 6962, 2.1.1).

    Raises
    ------
    IntegrityError
        If there is no such leaf.

    Examples
    --------
    >>> leaves = [leaf_hash(bytes([n])) for n in range(7)]
    >>> verify_inclusion(leaves[4], 4, 7, inclusion_proof(leaves, 4), root_of(leaves))
    """
    if not 0 <= index < len(leaves):
        raise IntegrityError("no such leaf in a tree of this size")
    return [root_of(leaves[start:end]) for start, end in inclusion_ranges(index, len(leaves))]


def consistency_proof(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """Prove that the tree over the first `size` leaves is a beginning of the tree over `leaves` (RFC 6962, 2.1.2).

    Raises
    ------
    IntegrityError
        If `size` is not between 1 and the number of leaves.

    Examples
    --------
    >>> leaves = [leaf_hash(bytes([n])) for n in range(7)]
    >>> verify_consistency(3, 7, consistency_proof(leaves, 3), root_of(leaves[:3]), root_of(leaves))
    """
    if not 1 <= size <= len(leaves):
        raise IntegrityError("no such tree size")
    return [root_of(leaves[start:end]) for start, end in consistency_ranges(size, len(leaves))]


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaves, start and end, that each hash of an inclusion proof is the root of.

    Examples
    --------
    >>> inclusion_ranges(4, 7)
    [(5, 6), (6, 7), (0, 4)]
    """
    ranges, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(size1: int, size2: int) -> list[tuple[int, int]]:
    """The leaves, start and end, that each hash of a consistency proof is the root of.

    Examples
    --------
    >>> consistency_ranges(3, 7)
    [(2, 3), (3, 4), (0, 2), (4, 7)]
    """
    ranges, start, end = [], 0, size2
    while size1 < end:
        middle = start + _split(end - start)
        if size1 <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, end))
    return ranges[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check an inclusion proof (RFC 9162, 2.1.3.2).

    Raises
    ------
    IntegrityError
        If the proof doesn't show that leaf hash `leaf` is number `index` of the `size` leaves under `root`.
    """
    if not 0 <= index < size:
        raise IntegrityError("the leaf's index is not below the tree's size")
    if len(leaf) != 32:
        raise IntegrityError("a leaf hash has 32 bytes")
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        raise IntegrityError("the inclusion proof has the wrong length")
    if _up(leaf, index, inner, proof) != root:
        raise IntegrityError("the inclusion proof doesn't lead to the root")


def _up(leaf: bytes, index: int, inner: int, proof: Sequence[bytes]) -> bytes:
    """Fold a proof: below `inner` the index says on which side a sibling is; above, all are to the left."""
    node = leaf
    for level, sibling in enumerate(proof):
        left = level >= inner or index >> level & 1
        node = node_hash(sibling, node) if left else node_hash(node, sibling)
    return node


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Check a consistency proof (RFC 9162, 2.1.4.2).

    Raises
    ------
    IntegrityError
        If the proof doesn't show that the tree `root1` of `size1` leaves is the beginning of the tree `root2` of `size2`.
    """
    if not 0 <= size1 <= size2:
        raise IntegrityError("the first tree is larger than the second")
    if size1 == size2:
        if proof:
            raise IntegrityError("the consistency proof has the wrong length")
        if root1 != root2 or (size1 == 0 and root1 != EMPTY_ROOT):
            raise IntegrityError("two roots over one size differ")
        return
    if size1 == 0:
        raise IntegrityError("every tree begins with the empty one: that proves nothing")
    # The smaller tree's last perfect subtree is where both trees meet; where it is the whole smaller tree, root1 is its hash.
    shift = (size1 & -size1).bit_length() - 1
    inner = (size1 - 1 ^ size2 - 1).bit_length() - shift
    rest = list(proof)
    if size1 == 1 << shift:
        start = root1
    elif rest:
        start = rest.pop(0)
    else:
        raise IntegrityError("the consistency proof has the wrong length")
    index = size1 - 1 >> shift
    if len(rest) != inner + (index >> inner).bit_count():
        raise IntegrityError("the consistency proof has the wrong length")
    first = start
    for level, sibling in enumerate(rest):
        if level >= inner or index >> level & 1:
            first = node_hash(sibling, first)
    if first != root1:
        raise IntegrityError("the consistency proof doesn't lead to the first root")
    if _up(start, index, inner, rest) != root2:
        raise IntegrityError("the consistency proof doesn't lead to the second root")
