"""Reading a text: sentences, folding, and offsets that lead back to the text as given."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.errors import InputError
from bh_lib.sentinel.document import LONGEST_SENTENCE, LONGEST_TEXT, read_document
from bh_lib.sentinel.preprocess import fold, original, reduce


def sentences(text: str) -> list[str]:
    return [text[s.start : s.end] for s in read_document(text).sentences]


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_folding_keeps_the_length_of_any_text(text: str) -> None:
    assert len(fold(text)) == len(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.one_of(st.sampled_from("aB .!?\n\r\t'\u200b\u0301&#39;amp;İſé\ud800"), st.characters())))
def test_every_place_of_a_normal_form_leads_into_its_sentence(text: str) -> None:
    document = read_document(text)
    for sentence in document.sentences:
        assert 0 <= sentence.start < sentence.end <= len(text)
        places = [sentence.place(at, at + 1) for at in range(len(sentence.norm))]
        assert all(sentence.start <= start < end <= sentence.end for start, end in places)
        assert [start for start, _ in places] == sorted(start for start, _ in places)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab. !?\nX"))
def test_sentences_hold_every_letter_once_and_in_order(text: str) -> None:
    document = read_document(text)
    assert "".join("".join(part.split()) for part in sentences(text)) == "".join(text.split())
    assert document.norm.split("\n") == [s.norm for s in document.sentences] or not document.sentences


@pytest.mark.parametrize(
    ("written", "norm"),
    [
        ("don’t", "don't"),
        ("don&#39;t", "don't"),
        ("don&rsquo;t", "don't"),
        ("sui\u200bcidal", "suicidal"),
        ("suicid\u00e9", "suicide"),
        ("suicide\u0301", "suicide"),
        ("SI\u00a0\u00a0today", "si today"),
        ("\uff53\uff49", "si"),
        ("no\u00ebl", "noel"),
        ("no\u0436", "no_"),
    ],
)
def test_what_is_written_in_other_characters_reads_the_same(written: str, norm: str) -> None:
    assert read_document(written).norm == norm


def test_an_entity_moves_no_offset() -> None:
    reduced, shifts = reduce(fold("I don&#39;t want to"))
    assert reduced == "i don't want to"
    assert original(reduced.index("want"), shifts) == "I don&#39;t want to".index("want")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Pt. denies SI. Mood low.", 2),
        ("Seen by Dr. Lane at 3.5 hours.", 1),
        ("He is safe.He is home.", 2),
        ("1. Sleep poor\n2. Mood low", 2),
        ("Denies\nSI", 1),
        ("i am alone\nnobody cares", 2),
        ("ROS:\nSleep: poor\nMood: low", 3),
        ("", 0),
        (" \n\t ", 0),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, count: int) -> None:
    assert len(sentences(text)) == count


def test_a_text_without_an_end_is_cut_so_that_time_stays_linear() -> None:
    document = read_document("word " * 5_000)
    assert max(len(s.norm) for s in document.sentences) <= LONGEST_SENTENCE


def test_a_text_that_is_too_long_is_refused_without_repeating_it() -> None:
    with pytest.raises(InputError, match="at most 1,000,000 characters"):
        read_document("x" * (LONGEST_TEXT + 1))
    assert read_document("x" * LONGEST_TEXT).sentences
