"""RFC 6962 trees: the published vectors, and laws that hold for every size."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.emitters.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from bh_lib.errors import IntegrityError

LEAVES = [leaf_hash(bytes([n])) for n in range(70)]


def vectors(shared, kind, more_than=50):
    found = sorted((shared / "reference" / "rfc6962" / kind).rglob("*.json"))
    assert len(found) > more_than
    for path in found:
        case = json.loads(path.read_text("utf-8"))
        yield path, case, [b64decode(item) for item in case["proof"] or ()]


def holds(check, *args) -> bool:
    try:
        check(*args)
    except IntegrityError:
        return False
    return True


def test_every_published_inclusion_vector_is_judged_right(shared):
    for path, case, proof in vectors(shared, "inclusion"):
        args = b64decode(case["leafHash"] or ""), case["leafIdx"], case["treeSize"], proof, b64decode(case["root"] or "")
        assert holds(verify_inclusion, *args) is not case["wantErr"], path


def test_every_published_consistency_vector_is_judged_right(shared):
    for path, case, proof in vectors(shared, "consistency"):
        args = case["size1"], case["size2"], proof, b64decode(case["root1"] or ""), b64decode(case["root2"] or "")
        assert holds(verify_consistency, *args) is not case["wantErr"], path


def direct_root(leaves):
    """The definition of RFC 6962, 2.1, as it stands there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + direct_root(leaves[:k]) + direct_root(leaves[k:])).digest()


def test_a_growing_tree_has_the_root_that_the_definition_gives():
    tree = Frontier()
    assert tree.root() == EMPTY_ROOT
    for size, leaf in enumerate(LEAVES, 1):
        tree.append(leaf)
        assert (tree.size, tree.root()) == (size, direct_root(LEAVES[:size]))


def test_a_tree_goes_on_from_its_frontier():
    half = Frontier()
    for leaf in LEAVES[:37]:
        half.append(leaf)
    resumed = Frontier(half.size, half.hashes)
    for leaf in LEAVES[37:]:
        resumed.append(leaf)
    assert resumed.root() == root_of(LEAVES)
    with pytest.raises(IntegrityError):
        Frontier(37, half.hashes[:-1])


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 70), st.data())
def test_every_leaf_is_proved_and_no_other_is(size, data):
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, 69))
    leaves = LEAVES[:size]
    proof, root = inclusion_proof(leaves, index), root_of(leaves)
    verify_inclusion(leaves[index], index, size, proof, root)
    assert holds(verify_inclusion, LEAVES[other], index, size, proof, root) is (other == index)
    assert not holds(verify_inclusion, leaves[index], index, size, [*proof, leaves[0]], root)
    assert not proof or not holds(verify_inclusion, leaves[index], index, size, proof[1:], root)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 70), st.data())
def test_every_beginning_is_proved_and_another_tree_is_not(size2, data):
    size1 = data.draw(st.integers(1, size2))
    leaves = LEAVES[:size2]
    proof = consistency_proof(leaves, size1)
    verify_consistency(size1, size2, proof, root_of(leaves[:size1]), root_of(leaves))
    forged = [leaf_hash(b"forged"), *leaves[1:size1]]
    assert not holds(verify_consistency, size1, size2, proof, root_of(forged), root_of(leaves))


def test_a_leaf_or_a_size_that_is_not_there_is_refused():
    with pytest.raises(IntegrityError):
        inclusion_proof(LEAVES, 70)
    with pytest.raises(IntegrityError):
        consistency_proof(LEAVES, 71)
