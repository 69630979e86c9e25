"""The Merkle tree of RFC 6962: one root over a whole ledger, and short proofs against it.

``leaf = SHA-256(0x00 || data)``, ``node = SHA-256(0x01 || left || right)``, and a tree of n > 1 leaves splits at the largest
power of two below n. The data of leaf i is the 32 bytes of the ``event_hash`` of the ledger's i-th event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from bh_lib.errors import IntegrityError

__all__ = [
    "EMPTY_ROOT",
    "Frontier",
    "consistency_proof",
    "inclusion_proof",
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


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


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

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size < 0 or len(hashes) != size.bit_count():
            raise IntegrityError("a tree's frontier has one hash for each 1 in its size")
        self.size = size
        self._hashes = list(hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The roots of the perfect subtrees, largest first."""
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the end."""
        hashes, size = self._hashes, self.size
        while size & 1:
            leaf = sha256(b"\x01" + hashes.pop() + leaf).digest()
            size >>= 1
        hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            root = _node(left, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes.

    Examples
    --------
    >>> root_of([]) == EMPTY_ROOT
    True
    """
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


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
    proof: list[bytes] = []
    while len(leaves) > 1:
        split = _split(len(leaves))
        if index < split:
            proof.append(root_of(leaves[split:]))
            leaves = leaves[:split]
        else:
            proof.append(root_of(leaves[:split]))
            leaves, index = leaves[split:], index - split
    return proof[::-1]


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
    proof: list[bytes] = []
    whole = True
    while size < len(leaves):
        split = _split(len(leaves))
        if size <= split:
            proof.append(root_of(leaves[split:]))
            leaves = leaves[:split]
        else:
            proof.append(root_of(leaves[:split]))
            leaves, size, whole = leaves[split:], size - split, False
    if not whole:
        proof.append(root_of(leaves))
    return proof[::-1]


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
        node = _node(sibling, node) if left else _node(node, sibling)
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
            first = _node(sibling, first)
    if first != root1:
        raise IntegrityError("the consistency proof doesn't lead to the first root")
    if _up(start, index, inner, rest) != root2:
        raise IntegrityError("the consistency proof doesn't lead to the second root")
