"""Which split a seed family belongs to: decided before anything is composed or perturbed, and from its name alone."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from functools import cache
from typing import Final

__all__ = ["Split", "families_of", "join_families", "split_of"]


class Split(StrEnum):
    """Where a family is used: 70 % of families train, 15 % develop, 15 % test."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


# Part of the published split: another salt or another cycle is another split, and no score made under this one compares.
_SALT: Final = "bh-lib split 1:"
# 14 train, 3 dev, 3 test of 20, the few far apart: seven families in a row are enough for a flag to stand in every split.
_CYCLE: Final = (
    (Split.TRAIN,) * 2
    + ((Split.DEV,) + (Split.TRAIN,) * 2 + (Split.TEST,) + (Split.TRAIN,) * 3) * 2
    + (
        Split.DEV,
        Split.TRAIN,
        Split.TRAIN,
        Split.TEST,
    )
)
_NUMBERED: Final = re.compile(r"(.+)-([0-9]+)")


@cache
def split_of(family: str) -> Split:
    """The split of a family; the same on every machine, and whatever else is in the corpus.

    A name such as ``SH-001-s-0007`` is a series and a number: the number's place in a cycle of twenty decides, and a hash of
    the series says where the cycle begins, so that a short series still reaches every split. A name without a number is
    hashed whole. Adding a family never moves another one, which a shuffled split can't promise.

    Examples
    --------
    >>> series = [split_of(f"SH-001-s-{number:04d}") for number in range(20)]
    >>> [series.count(part) for part in Split]
    [14, 3, 3]
    """
    named = _NUMBERED.fullmatch(family)
    stem, number = (named[1], int(named[2])) if named else (family, 0)
    digest = hashlib.sha256((_SALT + stem).encode()).digest()
    return _CYCLE[(int.from_bytes(digest[:8], "big") + number) % len(_CYCLE)]


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
