"""Shorthand is read as the words that it stands for, and every place still leads to what was written."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.errors import KnowledgeError
from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.document import read_document
from bh_lib.sentinel.shorthand import load_shorthand, read_shorthand, shortened

HEAD = 'taxonomy_version = "1.0.0"\n'
WORDS = ("[words]\nthru = 'through'\n", "[between]\n'&' = 'and'\n", "[keep]\nphrases = ['thru hiker']\n")
ONES = sorted(load_shorthand().meanings)
PARTS = [
    *ONES,
    "SI",
    "HI",
    "plan",
    "Denies",
    "kill myself",
    "meds",
    "no",
    " ",
    "  ",
    "\u200b",
    "&amp;",
    "&#39;",
    ".",
    "\n",
    "-",
    "i",
    "x",
]


def norms(text: str) -> list[str]:
    return [sentence.norm for sentence in read_document(text).sentences]


@pytest.mark.parametrize(
    ("written", "norm"),
    [
        ("SI w/ plan", "si with plan"),
        ("SI w/o plan", "si without plan"),
        ("W/MEDS", "with meds"),
        ("b/c of him", "because of him"),
        ("SI & HI", "si and hi"),
        ("si&hi", "si and hi"),
        ("SI &amp; HI", "si and hi"),
        ("he & I", "he and i"),
        ("got thru it tho", "got through it though"),
        ("cuz", "because"),
    ],
)
def test_shorthand_reads_as_its_words(written: str, norm: str) -> None:
    assert norms(written) == [norm]


@pytest.mark.parametrize(
    "text", ["a&o x3", "r & b", "w/u pending", "w/c bound", "although", "thought", "http://w/x", "b/c/d", "on bc", "d&c"]
)
def test_what_can_mean_another_thing_stays_as_it_is(text: str) -> None:
    assert norms(text) == [text]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=25))
def test_every_place_leads_into_its_sentence_in_order_and_to_the_whole_of_a_shorthand(parts: list[str]) -> None:
    text = "".join(parts)
    for sentence in read_document(text).sentences:
        places = [sentence.place(at, at + 1) for at in range(len(sentence.norm))]
        assert all(sentence.start <= start < end <= sentence.end for start, end in places)
        assert places == sorted(places)
        for (_, first_end), (start, _) in pairwise(places):
            assert start >= first_end or (start, first_end) in places


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=25))
def test_a_mention_slices_the_text_and_begins_and_ends_at_a_token(sentinel: Sentinel, parts: list[str]) -> None:
    text = " ".join(parts)
    analysis = sentinel.analyze(text)
    tokens = [found.span() for found in re.finditer(r"w/o|w/|b/c|&\w+;|&#\d+;|[A-Za-z0-9]+|[^\w\s]", text)]
    begins, ends = {start for start, _ in tokens}, {end for _, end in tokens}
    for item in (*analysis.flags, *analysis.suppressed):
        for span in item.spans:
            assert 0 <= span.start < span.end <= len(text)
            begin = span.start + len(text[span.start : span.end]) - len(text[span.start : span.end].lstrip(" \u200b"))
            end = span.start + len(text[span.start : span.end].rstrip(" \u200b\n"))
            assert begin in begins and end in ends


@given(st.text(alphabet="abcdeh rtuw/&", max_size=40))
def test_a_text_without_a_hint_holds_nothing_to_write_out(text: str) -> None:
    found = [match for match in load_shorthand().regex.finditer(text) if match["keep"] is None]
    assert shortened(text) or not found


@pytest.mark.parametrize(
    "pair", [("Endorses SI with a plan & intent.", "Endorses SI w/ a plan and intent."), ("Denies SI and HI.", "Denies SI & HI.")]
)
def test_a_verdict_does_not_turn_on_shorthand(sentinel: Sentinel, pair: tuple[str, str]) -> None:
    first, second = (sentinel.analyze(text).to_dict() for text in pair)
    for key in ("flags", "suppressed"):
        assert [row["flag_id"] for row in first[key]] == [row["flag_id"] for row in second[key]]
    assert first["c_ssrs"] == second["c_ssrs"]


@pytest.mark.parametrize(
    "body",
    [
        WORDS[0] + WORDS[1],
        "words = 3\n" + WORDS[1] + WORDS[2],
        "[words]\nThru = 'through'\n" + WORDS[1] + WORDS[2],
        "[words]\nthru = 'tho'\ntho = 'though'\n" + WORDS[1] + WORDS[2],
        "[words]\nthru = 3\n" + WORDS[1] + WORDS[2],
        WORDS[0] + "[between]\nx = 'and'\n" + WORDS[2],
        WORDS[0] + WORDS[1] + "[keep]\nphrases = ['thru']\n",
        WORDS[0] + WORDS[1] + "[keep]\nphrase = ['thru hiker']\n",
    ],
)
def test_an_unsound_file_is_refused(tmp_path, body: str) -> None:
    (tmp_path / "shorthand.toml").write_text(HEAD + body, "utf-8")
    with pytest.raises(KnowledgeError):
        read_shorthand(tmp_path / "shorthand.toml")


def test_a_sound_file_is_read(tmp_path) -> None:
    (tmp_path / "shorthand.toml").write_text(HEAD + "".join(WORDS), "utf-8")
    assert read_shorthand(tmp_path / "shorthand.toml").meanings == {"thru": "through", "&": "and"}
