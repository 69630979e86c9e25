"""Proofs over a part of a tree: what a ledger's auditor needs who holds a checkpoint of some period, not of all.

A subtree holds leaves `start` to `end` of a tree, and is one only where `start` is a multiple of the least power of two that is not
below its size: then its root stands in the tree whatever comes later (draft-ietf-plants-merkle-tree-certs, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence

from bh_lib.emitters._span import node_hash
from bh_lib.emitters.merkle import EMPTY_ROOT, verify_inclusion
from bh_lib.errors import IntegrityError

__all__ = ["is_subtree", "verify_subtree_consistency", "verify_subtree_inclusion"]


def is_subtree(start: int, end: int) -> bool:
    """Whether leaves `start` to `end` are a subtree; the empty one is not.

    Examples
    --------
    >>> is_subtree(4, 7), is_subtree(2, 5)
    (True, False)
    """
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def verify_subtree_inclusion(leaf: bytes, index: int, start: int, end: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf is in a subtree.

    Raises
    ------
    IntegrityError
        If the proof doesn't show that leaf hash `leaf` is number `index` of the tree, and in the subtree `root`.
    """
    if not is_subtree(start, end):
        raise IntegrityError("these leaves are no subtree")
    verify_inclusion(leaf, index - start, end - start, proof, root)


def verify_subtree_consistency(start: int, end: int, size: int, proof: Sequence[bytes], subtree_root: bytes, root: bytes) -> None:
    """Check that a subtree is part of a tree.

    Raises
    ------
    IntegrityError
        If the proof doesn't show that the tree `root` of `size` leaves has the subtree.

    Examples
    --------
    >>> from bh_lib.emitters.merkle import leaf_hash, root_of
    >>> leaves = [leaf_hash(bytes([n])) for n in range(7)]
    >>> proof = [root_of(leaves[6:]), root_of(leaves[:4])]
    >>> verify_subtree_consistency(4, 6, 7, proof, root_of(leaves[4:6]), root_of(leaves))
    """
    if start == end and 0 <= start <= size:
        # Nothing is in it, so nothing has to be shown; only its root can be wrong.
        if proof or subtree_root != EMPTY_ROOT:
            raise IntegrityError("an empty subtree has the empty root and no proof")
        return
    if not is_subtree(start, end) or end > size:
        raise IntegrityError("these leaves are no subtree of this tree")
    rest = list(proof)
    found, whole = _fold((start, end), (0, size), rest, subtree_root)
    if rest:
        raise IntegrityError("the subtree's proof has the wrong length")
    if found != subtree_root:
        raise IntegrityError("the subtree's proof doesn't lead to its root")
    if whole != root:
        raise IntegrityError("the subtree's proof doesn't lead to the tree's root")


def _fold(part: tuple[int, int], tree: tuple[int, int], rest: list[bytes], known: bytes | None) -> tuple[bytes, bytes]:
    """Roots of the part, and of the tree around it; the proof's last hash is that of the outermost sibling."""
    (start, end), (low, high) = part, tree
    if part == tree and known is not None:
        return known, known
    if not rest:
        raise IntegrityError("the subtree's proof has the wrong length")
    sibling = rest.pop()
    if part == tree:
        return sibling, sibling
    middle = low + (1 << (high - low - 1).bit_length() - 1)
    if end <= middle:
        found, whole = _fold(part, (low, middle), rest, known)
        return found, node_hash(whole, sibling)
    if start >= middle:
        found, whole = _fold(part, (middle, high), rest, known)
        return found, node_hash(sibling, whole)
    # The part is more than the left half: it is the sibling, and some of the right half, which the proof has to give.
    found, whole = _fold((middle, end), (middle, high), rest, None)
    return node_hash(sibling, found), node_hash(sibling, whole)
