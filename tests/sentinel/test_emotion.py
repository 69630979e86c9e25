"""Layer 3 reads words as words, hears a denial, and refuses a wrong lexicon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.errors import KnowledgeError
from bh_lib.sentinel.document import read_document
from bh_lib.sentinel.emotion import EMOTIONS, load_lexicon, read_lexicon, score_emotions

HEAD = 'taxonomy_version = "1.0.0"\n'
SOUND = HEAD + "".join(f'[{emotion}]\n"word{number}" = 0.5\n' for number, emotion in enumerate(EMOTIONS))
MODIFIERS = HEAD + 'negators = ["not"]\n[intensity]\nvery = 1.5\n'


def score(text, lexicon=None):
    return score_emotions(read_document(text), lexicon)


@pytest.fixture
def read(tmp_path):
    def read(lexicon=SOUND, modifiers=MODIFIERS):
        (tmp_path / "emotion.toml").write_text(lexicon, "utf-8")
        (tmp_path / "emotion_modifiers.toml").write_text(modifiers, "utf-8")
        return read_lexicon(tmp_path / "emotion.toml", tmp_path / "emotion_modifiers.toml")

    return read


def test_a_term_gives_its_intensity_and_nothing_else(read):
    scores = score("word0.", read())
    assert scores == {**dict.fromkeys(EMOTIONS, 0.0), "hopelessness": 0.5}


def test_two_terms_of_a_sentence_add_up_as_independent_evidence(read):
    assert score("word0 word0", read())["hopelessness"] == pytest.approx(0.75)


def test_the_strongest_sentence_counts_and_a_calm_one_takes_nothing_away(read):
    assert score("word0. A calm day. word0.", read())["hopelessness"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not word0", 0.0),
        ("don't word0", 0.0),
        ("know word0", 0.5),
        ("not a b c d word0", 0.5),
        ("not word1 word0", 0.5),
        ("very word0", 0.75),
        ("not so. word0", 0.5),
    ],
)
def test_a_negation_or_intensity_word_reaches_four_words_and_no_further_than_a_term(read, text, expected):
    assert score(text, read())["hopelessness"] == pytest.approx(expected)


def test_a_stem_matches_its_endings_and_a_word_does_not(read):
    lexicon = read(SOUND.replace('"word0"', '"despair*"'))
    assert score("despairing", lexicon)["hopelessness"] == 0.5
    assert score("word0 xdespair desp", lexicon)["hopelessness"] == 0.0
    assert score("word1s", lexicon)["agitation"] == 0.0


def test_a_term_that_carries_its_own_no_is_not_negated_by_it(read):
    lexicon = read(SOUND.replace('"word0"', '"not worth it"'))
    assert score("not worth it", lexicon)["hopelessness"] == 0.5


def test_the_longest_term_wins(read):
    lexicon = read(SOUND.replace('"word0" = 0.5', '"no hope" = 0.4\n"no hope left" = 0.9'))
    assert score("no hope left", lexicon)["hopelessness"] == 0.9


def test_the_release_lexicon_hears_denial_and_degree():
    plain, denied, little = (score(f"I feel {how}hopeless.")["hopelessness"] for how in ("", "not ", "slightly "))
    assert plain > little > denied == 0.0
    assert len(load_lexicon()) > 500


@given(st.text(max_size=300))
def test_every_score_of_any_text_is_between_0_and_1(text):
    scores = score(text)
    assert tuple(scores) == EMOTIONS
    assert all(0.0 <= value <= 1.0 for value in scores.values())


@pytest.mark.parametrize(
    ("lexicon", "place"),
    [
        ("[", "emotion.toml"),
        (SOUND.replace("1.0.0", "0.9.0"), "taxonomy_version"),
        (SOUND.removeprefix(HEAD), "taxonomy_version"),
        (SOUND + "[joy]\nglad = 0.5\n", "[joy]"),
        (SOUND.replace("[guilt]", "[remorse]"), "[remorse]"),
        (SOUND.replace('[guilt]\n"word5" = 0.5\n', ""), "[guilt]"),
        (SOUND.replace('"word5" = 0.5', ""), "[guilt]"),
        (SOUND.replace("word5", "Word5"), "[guilt] Word5"),
        (SOUND.replace("word5", "two  spaces"), "[guilt]"),
        (SOUND.replace("word5", "sad*"), "[guilt] sad*"),
        (SOUND.replace("word5", "gui*lt"), "[guilt]"),
        (SOUND.replace('"word5" = 0.5', '"word5" = 0'), "[guilt] word5"),
        (SOUND.replace('"word5" = 0.5', '"word5" = 1.1'), "[guilt] word5"),
        (SOUND.replace('"word5" = 0.5', '"word5" = true'), "[guilt] word5"),
        (SOUND.replace('"word5" = 0.5', '"word5" = nan'), "[guilt] word5"),
    ],
)
def test_a_wrong_lexicon_is_refused_by_file_and_place(read, lexicon, place):
    with pytest.raises(KnowledgeError) as refused:
        read(lexicon)
    assert "emotion.toml" in str(refused.value)
    assert place in str(refused.value)


@pytest.mark.parametrize(
    ("modifiers", "place"),
    [
        (MODIFIERS.replace("1.0.0", "2"), "taxonomy_version"),
        (MODIFIERS.replace('negators = ["not"]', ""), "negators"),
        (MODIFIERS.replace('["not"]', '"not"'), "negators"),
        (MODIFIERS.replace('["not"]', '["two words"]'), "negators"),
        (MODIFIERS.replace("[intensity]\nvery = 1.5", ""), "[intensity]"),
        (MODIFIERS.replace("1.5", "-1"), "[intensity] very"),
        (MODIFIERS.replace("1.5", "true"), "[intensity] very"),
    ],
)
def test_wrong_modifiers_are_refused_by_file_and_place(read, modifiers, place):
    with pytest.raises(KnowledgeError) as refused:
        read(modifiers=modifiers)
    assert str(refused.value).startswith(f"emotion_modifiers.toml, {place}")
