"""A slip of two letters in a word that matters is read as the word; nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.errors import KnowledgeError
from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.spelling import load_spelling, mended, read_spelling

HEAD = 'taxonomy_version = "1.0.0"\n'


@given(st.text(max_size=200))
def test_the_length_of_a_text_stays(text):
    assert len(mended(text.lower())) == len(text.lower())


@given(st.sampled_from(sorted(load_spelling())))
def test_a_slip_is_read_as_its_word_and_the_word_as_itself(slip):
    word = load_spelling()[slip]
    assert mended(f"x {slip} y") == f"x {word} y"
    assert mended(word) == word


def test_a_slip_inside_a_longer_word_is_left_alone():
    assert mended("xdneies") == "xdneies"


@pytest.mark.parametrize(("text", "flags"), [("Dneies suicidal ideation.", []), ("Endorses suciidal ideatoin.", ["SH-002"])])
def test_a_verdict_does_not_turn_on_a_slip(text, flags):
    analysis = Sentinel.load().analyze(text)
    assert [flag.flag_id for flag in analysis.flags] == flags
    places = [(place.start, place.end) for item in (*analysis.flags, *analysis.suppressed) for place in item.spans]
    assert places
    assert all(0 <= start < end <= len(text) for start, end in places)


@pytest.mark.parametrize(
    "body",
    ['words = ["short"]', 'words = ["Capital"]', "words = 3", 'words = ["casual", "causal"]', 'word = ["denies"]'],
)
def test_an_unsound_file_is_refused(tmp_path, body):
    (tmp_path / "spelling.toml").write_text(HEAD + body, "utf-8")
    with pytest.raises(KnowledgeError):
        read_spelling(tmp_path / "spelling.toml")
