"""No pattern can be kept busy, and no text breaks the analysis."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.expression import compiled
from bh_lib.sentinel.knowledge import release_patterns
from tests.sentinel.adversary import adversarial, pieces

# An expression that backtracks exponentially never ends on these; a sound one takes a moment. So the bound is far from both.
BOUND = 300
SIZE = 20_000
RUN = f"""
from bh_lib.sentinel.document import read_document
from bh_lib.sentinel.expression import compiled
from bh_lib.sentinel.knowledge import release_patterns
from tests.sentinel.adversary import adversarial

done = 0
for pattern in release_patterns():
    text = adversarial(pattern.regex, {SIZE})
    assert len(text) == {SIZE}, pattern.pattern_id
    for sentence in read_document(text).sentences:
        for found in compiled(pattern.regex).finditer(sentence.norm):
            pass
    done += 1
print(done)
"""


@pytest.fixture(scope="module")
def both() -> tuple[Sentinel, Sentinel]:
    return Sentinel.load(fast=True), Sentinel.load(fast=False)


def test_every_pattern_comes_to_an_end_on_a_text_made_against_it(request: pytest.FixtureRequest) -> None:
    found = subprocess.run(
        [sys.executable, "-c", RUN], capture_output=True, text=True, timeout=BOUND, check=False, cwd=request.config.rootpath
    )
    assert found.returncode == 0, found.stderr[-300:]
    assert int(found.stdout) == len(release_patterns())


def test_the_texts_are_made_of_what_a_pattern_matches_and_nearly_matches() -> None:
    matched = total = 0
    for pattern in release_patterns():
        kinds = pieces(pattern.regex)
        assert {"matches", "prefixes", "near misses"} <= set(kinds)
        total += len(kinds["matches"])
        matched += sum(compiled(pattern.regex).search(string) is not None for string in kinds["matches"])
    # A boundary between two drawn signs can fail; nearly all others are true matches, or the texts would prove nothing.
    assert matched / total > 0.85


def test_an_expression_that_does_run_away_is_kept_busy_by_its_text() -> None:
    wild = "(?:a|aa)+b"
    code = f"import re; from tests.sentinel.adversary import adversarial; list(re.finditer({wild!r}, adversarial({wild!r}, 2000)))"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", code], timeout=5, check=True, capture_output=True)


@pytest.mark.parametrize("number", range(0, 1000, 40))
def test_a_text_made_against_a_pattern_is_read_the_same_by_both_engines(both: tuple[Sentinel, Sentinel], number: int) -> None:
    fast, standard = both
    text = adversarial(release_patterns()[number].regex, 3_000)
    assert fast.analyze(text).to_dict() == standard.analyze(text).to_dict()


WORDS = st.sampled_from(
    ["suicidal", "ideation", "denies", "no", "SI", "&", "w/o", "kill", "myself", "mother", "2019", "[x]", "☐",
     "\u200b", "\u0301", "İ", "ß", "ſ", "\ud800", "\x00", "\r\n", "\u2028", "&#x0;", "&amp;", "&#1114112;",
     "：", "Ｓ", "😀", "ﬁ", "\u202e", "٣", "Ω"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=400),
    st.lists(st.one_of(WORDS, st.text(st.characters(exclude_categories=()), max_size=4)), max_size=60).map(" ".join),
    st.lists(WORDS, max_size=60).map("".join),
)


@settings(max_examples=250, deadline=None)
@given(TEXTS)
def test_any_text_gets_an_analysis_with_true_offsets_and_the_same_from_both_engines(
    both: tuple[Sentinel, Sentinel], text: str
) -> None:
    fast, standard = (sentinel.analyze(text) for sentinel in both)
    assert fast.to_dict() == standard.to_dict()
    assert set(fast.status.values()) <= {"ok", "off"}
    for item in (*fast.flags, *fast.suppressed):
        assert item.spans
        for span in item.spans:
            assert 0 <= span.start < span.end <= len(text)
            assert re.search(r"\S", text[span.start : span.end])
