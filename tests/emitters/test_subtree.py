"""Subtree proofs: the published vectors, and every subtree of small trees."""

from __future__ import annotations

from base64 import b64decode

import pytest

from bh_lib.emitters.merkle import inclusion_proof, leaf_hash, root_of
from bh_lib.emitters.subtree import is_subtree, verify_subtree_consistency, verify_subtree_inclusion
from tests.emitters.test_merkle import holds, vectors

LEAVES = [leaf_hash(bytes([n])) for n in range(20)]


def test_every_published_subtree_inclusion_vector_is_judged_right(shared):
    for path, case, proof in vectors(shared, "subtreeinclusion", more_than=100):
        leaf, root = b64decode(case["leafHash"] or ""), b64decode(case["root"] or "")
        judged = holds(verify_subtree_inclusion, leaf, case["leafIdx"], case["start"], case["end"], proof, root)
        assert judged is not case["wantErr"], path


def test_every_published_subtree_consistency_vector_is_judged_right(shared):
    for path, case, proof in vectors(shared, "subtreeconsistency", more_than=100):
        roots = b64decode(case["root1"] or ""), b64decode(case["root2"] or "")
        judged = holds(verify_subtree_consistency, case["start"], case["end"], case["size"], proof, *roots)
        assert judged is not case["wantErr"], path


def split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def direct_proof(start, end, leaves, whole=True):
    """The definition of the draft, as it stands there."""
    if (start, end) == (0, len(leaves)):
        return [] if whole else [root_of(leaves)]
    k = split(len(leaves))
    if end <= k:
        return [*direct_proof(start, end, leaves[:k], whole), root_of(leaves[k:])]
    if start >= k:
        return [*direct_proof(start - k, end - k, leaves[k:], whole), root_of(leaves[:k])]
    return [*direct_proof(0, end - k, leaves[k:], False), root_of(leaves[:k])]


@pytest.mark.parametrize("size", range(1, 20))
def test_every_subtree_of_a_small_tree_is_proved_and_no_other_root_is(size):
    leaves = LEAVES[:size]
    for start in range(size):
        for end in range(start + 1, size + 1):
            if not is_subtree(start, end):
                assert not holds(verify_subtree_consistency, start, end, size, [], root_of(leaves[start:end]), root_of(leaves))
                continue
            proof, root = direct_proof(start, end, leaves), root_of(leaves[start:end])
            verify_subtree_consistency(start, end, size, proof, root, root_of(leaves))
            assert not holds(verify_subtree_consistency, start, end, size, proof, LEAVES[19], root_of(leaves))
            assert not holds(verify_subtree_consistency, start, end, size, [*proof, root], root, root_of(leaves))
            verify_subtree_inclusion(leaves[start], start, start, end, inclusion_proof(leaves[start:end], 0), root)
