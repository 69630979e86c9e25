"""What a seed corpus is worth as text: how often it says the same, how varied it is, and what is missing where.

Near-duplicates are found exactly, by the share of word triples that two texts have in common (Jaccard), with an index of triples
instead of a comparison of all pairs. A pair that stands in two splits is a leak: the split is by family, so one of the two has
to take the other's family, or to go.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles
from typing import Any, Final

from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.synth.seeds import CLINICAL, PERSONAL, Seed, SeedKind, Seeds
from bh_lib.synth.split import Split

__all__ = ["Diversity", "Pair", "corpus_report", "diversity", "near_duplicates"]

_WORDS: Final = re.compile(r"[a-z0-9']+")
_COMMON: Final = 60
"""A triple in more texts than this is a stock phrase, and no sign that two texts are one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that say nearly the same: where they stand, never what they say.

    Attributes
    ----------
    first, second : Seed
    similarity : float
        Jaccard index of their word triples, 0 to 1.
    """

    first: Seed
    second: Seed
    similarity: float

    @property
    def leaks(self) -> bool:
        """Whether they stand in different splits."""
        return self.first.split != self.second.split


@dataclass(frozen=True, slots=True)
class Diversity:
    """How varied texts are.

    Attributes
    ----------
    texts : int
    distinct_1, distinct_2, distinct_3 : float
        Different n-grams per n-gram, 0 to 1: higher is more varied. It falls with the number of texts, so compare equal numbers.
    nearest : float
        Mean over texts of the Jaccard index of words with the most similar other text, 0 to 1: lower is more varied.
    """

    texts: int
    distinct_1: float
    distinct_2: float
    distinct_3: float
    nearest: float


def _grams(text: str, size: int) -> list[tuple[str, ...]]:
    words = _WORDS.findall(text.casefold())
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def near_duplicates(seeds: Iterable[Seed], at_least: float = 0.4) -> list[Pair]:
    """Pairs of texts of different families that are alike, most alike first.

    Parameters
    ----------
    seeds : iterable of Seed
        Texts of fewer than five words are left out: they have too few triples to be told apart.
    at_least : float
        The Jaccard index from which a pair is reported.

    Examples
    --------
    >>> from bh_lib.synth.seeds import load_seeds
    >>> [pair.similarity for pair in near_duplicates(load_seeds().all, at_least=0.99)]
    []
    """
    texts = [(seed, frozenset(_grams(seed.text, 3))) for seed in seeds]
    texts = [(seed, triples) for seed, triples in texts if len(triples) >= 3]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, (_, triples) in enumerate(texts):
        for triple in triples:
            holders[triple].append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in holders.values():
        if 1 < len(numbers) <= _COMMON:
            shared.update((first, second) for at, first in enumerate(numbers) for second in numbers[at + 1 :])
    pairs = []
    for (first, second), common in shared.items():
        (one, triples), (other, others) = texts[first], texts[second]
        similarity = common / (len(triples) + len(others) - common)
        if similarity >= at_least and one.family != other.family:
            pairs.append(Pair(one, other, round(similarity, 3)))
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.first.place, pair.second.place))


def diversity(texts: Sequence[str]) -> Diversity:
    """Measure how varied texts are, against each other.

    Examples
    --------
    >>> refilled = diversity(["He feels sad today.", "She feels sad today.", "He feels low today."])
    >>> written = diversity(["He feels sad today.", "Nothing tastes of anything.", "Why get up at all?"])
    >>> written.distinct_2 > refilled.distinct_2, written.nearest < refilled.nearest
    (True, True)
    """
    shares = []
    for size in (1, 2, 3):
        grams = [gram for text in texts for gram in _grams(text, size)]
        shares.append(len(set(grams)) / len(grams) if grams else 0.0)
    words = [frozenset(_grams(text, 1)) for text in texts]
    nearest = [
        max((_jaccard(one, other) for at, other in enumerate(words) if at != own), default=0.0) for own, one in enumerate(words)
    ]
    first, second, third = (round(share, 3) for share in shares)
    return Diversity(len(texts), first, second, third, round(fmean(nearest), 3) if nearest else 0.0)


def _jaccard(one: frozenset[Any], other: frozenset[Any]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0


def corpus_report(seeds: Seeds) -> dict[str, Any]:
    """Counts, near-duplicates, variety and length of a corpus; holds places and numbers, no text.

    Returns
    -------
    dict
        ``flags`` (by flag: statements, negatives, present mentions by split, statements by register, diversity, and the authors),
        ``near_duplicates`` (places, similarity, whether they leak between splits), ``words`` (10th, 50th, 90th percentile by kind).

    Examples
    --------
    >>> from bh_lib.synth.seeds import load_seeds
    >>> report = corpus_report(load_seeds())
    >>> len(report["flags"]), sum(pair["leaks"] for pair in report["near_duplicates"])
    (40, 0)
    """
    statements, negatives = defaultdict[str, list[Seed]](list), Counter[str]()
    mentions: dict[str, Counter[Split]] = defaultdict(Counter)
    for seed in seeds.all:
        if seed.kind is SeedKind.STATEMENT:
            statements[seed.about].append(seed)
        elif seed.kind is SeedKind.NEGATIVE:
            negatives[seed.about] += 1
        for flag in seed.flags:
            mentions[flag][seed.split] += 1
    flags = {}
    for flag in load_taxonomy().ids:
        own = statements[flag]
        registers = Counter(seed.register for seed in own)
        varied = diversity([seed.text for seed in own])
        flags[flag] = {
            "statements": len(own),
            "negatives": negatives[flag],
            "present": {part.value: mentions[flag][part] for part in Split},
            "registers": {name: registers[name] for name in (*CLINICAL, *PERSONAL)},
            "authors": sorted({seed.author for seed in own}),
            "distinct_2": varied.distinct_2,
            "nearest": varied.nearest,
        }
    pairs = near_duplicates(seeds.all)
    return {
        "texts": len(seeds.all),
        "kinds": dict(Counter(seed.kind.value for seed in seeds.all)),
        "flags": flags,
        "near_duplicates": [
            {"first": p.first.place, "second": p.second.place, "similarity": p.similarity, "leaks": p.leaks} for p in pairs
        ],
        "words": {kind.value: _lengths(seeds.of(kind)) for kind in SeedKind if len(seeds.of(kind)) > 1},
    }


def _lengths(seeds: Sequence[Seed]) -> list[int]:
    tenths = quantiles((len(seed.text.split()) for seed in seeds), n=10)
    return [round(tenths[0]), round(tenths[4]), round(tenths[8])]
