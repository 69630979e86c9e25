"""Which split a seed family belongs to: decided before anything is composed or perturbed, and from its name alone."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import cache

__all__ = ["Split", "families_of", "join_families", "split_of"]


class Split(StrEnum):
    """Where a family is used: 70 % of families train, 15 % develop, 15 % test."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


# Part of the published split: another salt is another split, and no score made under this one compares with it.
_SALT = "bh-lib split 1:"


@cache
def split_of(family: str) -> Split:
    """The split of a family; the same on every machine, and whatever else is in the corpus.

    Adding a family never moves another one, which a shuffled split can't promise.

    Examples
    --------
    >>> split_of("SH-001-s-0001") is split_of("SH-001-s-0001")
    True
    """
    digest = hashlib.sha256((_SALT + family).encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    if share < 0.70:
        return Split.TRAIN
    return Split.DEV if share < 0.85 else Split.TEST


def join_families(families: set[str]) -> str:
    """The ``group`` of a note that is made of several families.

    Examples
    --------
    >>> join_families({"b-0002", "a-0001"})
    'a-0001+b-0002'
    """
    return "+".join(sorted(families))


def families_of(group: str) -> tuple[str, ...]:
    """The families that a ``group`` was joined from.

    Examples
    --------
    >>> families_of("a-0001+b-0002")
    ('a-0001', 'b-0002')
    """
    return tuple(group.split("+"))
