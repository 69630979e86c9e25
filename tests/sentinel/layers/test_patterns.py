"""Layer 1: what is looked for first changes nothing of what is found."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib._extras import optional
from bh_lib.sentinel.context import ContextEngine
from bh_lib.sentinel.cues import load_cues
from bh_lib.sentinel.document import read_document
from bh_lib.sentinel.expression import compiled
from bh_lib.sentinel.index import LiteralIndex
from bh_lib.sentinel.knowledge import release_patterns
from bh_lib.sentinel.layers.patterns import PatternLayer
from bh_lib.sentinel.literals import required_literals

PATTERNS = release_patterns()
REGEXES = [compiled(pattern.regex) for pattern in PATTERNS]
REQUIRED = [required_literals(pattern.regex) for pattern in PATTERNS]
INDEXES = [LiteralIndex(REQUIRED, fast=fast) for fast in (True, False)]
LAYERS = [PatternLayer(PATTERNS, ContextEngine(load_cues()), fast=fast) for fast in (True, False)]
EXAMPLES = [sentence for pattern in PATTERNS for sentence in (*pattern.raises, *pattern.spares)]
FRAGMENTS = st.lists(st.one_of(st.sampled_from(EXAMPLES), st.text(max_size=12)), min_size=1, max_size=4).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(FRAGMENTS)
def test_neither_engine_misses_a_pattern_that_matches_and_the_fast_one_names_fewer(text: str) -> None:
    document = read_document(text)
    fast, plain = ({index: set(numbers) for index, numbers in each.candidates(document)} for each in INDEXES)
    for sentence in document.sentences:
        matching = {number for number, regex in enumerate(REGEXES) if regex.search(sentence.norm)}
        assert matching <= fast.get(sentence.index, set()) <= plain.get(sentence.index, set())


@settings(max_examples=40, deadline=None)
@given(FRAGMENTS)
def test_both_engines_find_the_same_mentions(text: str) -> None:
    document = read_document(text)
    assert LAYERS[0].mentions(document) == LAYERS[1].mentions(document)


def test_every_example_is_among_the_candidates_of_both_engines() -> None:
    for number, pattern in enumerate(PATTERNS):
        for sentence in pattern.raises:
            document = read_document(sentence)
            if any(REGEXES[number].search(each.norm) for each in document.sentences):
                for index in INDEXES:
                    assert any(number in numbers for _, numbers in index.candidates(document)), pattern.pattern_id


def test_the_fast_engine_is_used_where_it_is_installed() -> None:
    assert INDEXES[0].engine == ("re2" if optional("re2") else "str")
    assert INDEXES[1].engine == "str"


@pytest.mark.parametrize("unit", ["kill myself ", "a", "i want to die and ", "no ", "SI, HI, AVH ", "took 30 pills "])
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    layer = PatternLayer(PATTERNS, ContextEngine(load_cues()), fast=False)

    def seconds(size: int) -> float:
        document = read_document((unit * (size // len(unit) + 1))[:size])
        times = []
        for _ in range(3):
            start = time.process_time()
            layer.mentions(document)
            times.append(time.process_time() - start)
        return min(times)

    small, large = max(seconds(5_000), 0.005), seconds(40_000)
    assert large < small * 8 * 4
