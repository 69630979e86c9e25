"""Noise moves gold spans exactly."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.schema.note import Span
from bh_lib.synth.labels import present_flags
from bh_lib.synth.perturb import PERTURBATIONS, Edit, apply_edits, perturb
from bh_lib.synth.seeds import SeedKind, load_seeds

SEEDS = load_seeds().of(SeedKind.STATEMENT, SeedKind.NEGATIVE, SeedKind.PASSAGE)


@st.composite
def texts_spans_edits(draw: st.DrawFn) -> tuple[str, list[Span], list[Edit]]:
    text = draw(st.text(min_size=1, max_size=60))
    where = st.integers(0, len(text))
    spans = [Span("SH-001", a, b) for a, b in draw(st.lists(st.tuples(where, where), max_size=4)) if a < b]
    cuts = sorted(draw(st.lists(where, max_size=8)))
    edits = [Edit(a, b, draw(st.text(max_size=5))) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    return text, spans, edits


@given(texts_spans_edits())
def test_spans_stay_inside_the_text_and_never_empty(case: tuple[str, list[Span], list[Edit]]) -> None:
    text, spans, edits = case
    new, moved = apply_edits(text, spans, edits)
    assert len(moved) == len(spans)
    assert all(0 <= span.start < span.end <= len(new) for span in moved)


@given(st.text("ab ", min_size=3, max_size=40), st.data())
def test_a_span_that_no_edit_touches_covers_the_same_characters(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(1, len(text) - 2))
    end = data.draw(st.integers(start + 1, len(text) - 1))
    before, after = data.draw(st.text(max_size=6)), data.draw(st.text(max_size=6))
    edits = [Edit(0, start, before), Edit(end, len(text), after)]
    new, (moved,) = apply_edits(text, [Span("SH-001", start, end)], edits)
    assert new[moved.start : moved.end] == text[start:end]
    assert new == before + text[start:end] + after


def test_an_insertion_at_an_edge_stays_outside() -> None:
    new, (span,) = apply_edits("a cut b", [Span("SH-007", 2, 5)], [Edit(2, 2, "X"), Edit(5, 5, "Y")])
    assert (new, new[span.start : span.end]) == ("a XcutY b", "cut")


def test_an_edit_that_reaches_into_a_span_is_taken_in_whole() -> None:
    new, (span,) = apply_edits("sad today", [Span("CD-001", 4, 9)], [Edit(2, 6, "---")])
    assert (new, new[span.start : span.end]) == ("sa---day", "---day")


def test_an_edit_that_would_delete_a_span_is_not_done() -> None:
    assert apply_edits("a b c", [Span("SH-001", 2, 3)], [Edit(1, 4, "")])[0] == "a b c"


def test_of_two_overlapping_edits_the_first_is_done() -> None:
    assert apply_edits("abcd", [], [Edit(0, 2, "x"), Edit(1, 3, "y")])[0] == "xcd"


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_each_kind_changes_some_seed_and_leaves_labels_alone(kind: str) -> None:
    changed = 0
    for number, seed in enumerate(SEEDS):
        text, spans = perturb(seed.text, seed.spans, Random(number), [kind])
        changed += text != seed.text
        assert present_flags(spans) == seed.flags
        assert all(text[s.start : s.end].strip() for s in spans)
    assert changed > 5


def expected(text: str, spans: list[Span], edits: list[Edit]) -> tuple[str, list[str]]:
    """The text and the words under each span, by another way: every character carries the places that it comes from."""
    out: list[tuple[str, int, int]] = []
    at, last = 0, 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < last:
            continue
        last = edit.end
        out += [(text[place], place, place + 1) for place in range(at, edit.start)]
        out += [(char, edit.start, edit.end) for char in edit.new]
        at = edit.end
    out += [(text[place], place, place + 1) for place in range(at, len(text))]

    def under(span: Span) -> str:
        held = []
        for char, start, end in out:
            inserted = start == end and span.start < start < span.end
            if inserted or (start < end and start < span.end and span.start < end):
                held.append(char)
        return "".join(held)

    return "".join(char for char, _, _ in out), [under(span) for span in spans]


@st.composite
def texts_with_spans_on_words(draw: st.DrawFn) -> tuple[str, list[Span]]:
    parts = draw(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=6))
    text = draw(st.sampled_from((" ", "\n", "\n\n"))).join(seed.text for seed in parts)
    words = [(word.start(), word.end()) for word in re.finditer(r"\w\w\w+", text)]
    ends = draw(st.lists(st.tuples(st.sampled_from(words), st.sampled_from(words)), max_size=5))
    return text, [Span("SH-001", first[0], last[1]) for first, last in ends if first[0] < last[1]]


@pytest.mark.parametrize("kind", PERTURBATIONS)
@settings(max_examples=60)
@given(case=texts_with_spans_on_words(), number=st.integers(0, 10_000))
def test_each_kind_moves_every_span_exactly(kind: str, case: tuple[str, list[Span]], number: int) -> None:
    text, spans = case
    new, moved = perturb(text, spans, Random(number), [kind])
    said, under = expected(text, spans, PERTURBATIONS[kind](text, Random(number)))
    assert new == said
    assert [new[span.start : span.end] for span in moved] == under


@pytest.mark.parametrize("kind", PERTURBATIONS)
@given(text=st.text(max_size=80), number=st.integers(0, 1_000))
def test_each_kind_takes_any_text(kind: str, text: str, number: int) -> None:
    edits = PERTURBATIONS[kind](text, Random(number))
    assert all(0 <= edit.start <= edit.end <= len(text) for edit in edits)


@pytest.mark.parametrize("kind", sorted(set(PERTURBATIONS) - {"casing", "sentence_casing"}))
def test_no_kind_takes_a_short_denial_away_or_lets_it_deny_the_next_sentence(kind: str) -> None:
    text = "Denies intent. Plan? No. Suicidal thoughts came back later. He has no weapon, and not one pill."
    for number in range(300):
        new = perturb(text, [], Random(number), [kind])[0].casefold()
        assert re.search(r"\bno(?:[.!…, ]| period).*\bno\b.*\bnot\b", new, re.DOTALL), new
        assert not re.search(r"\bno(?:,| and| then| -) suicidal", new), new


def test_sentence_casing_leaves_other_sentences_as_they_are() -> None:
    text = " ".join(f"Sentence Number {word} Stays." for word in ("One", "Two", "Three", "Four", "Five", "Six"))
    found = {perturb(text, [], Random(number), ["sentence_casing"])[0] for number in range(60)}
    assert any("SENTENCE NUMBER" in new and "Sentence Number" in new for new in found)
    assert all(new.lower() == text.lower() for new in found)


def test_wrapped_lines_keep_to_a_width() -> None:
    text = "word " * 200
    for number in range(20):
        lines = perturb(text, [], Random(number), ["wraps"])[0].split("\n")
        assert len(lines) > 8 and max(map(len, lines)) <= 84


@pytest.mark.parametrize("word", ["no", "not", "cant"])
def test_a_typo_never_eats_a_short_negation(word: str) -> None:
    assert all(perturb(f"{word} intention", [], Random(n), ["typos"])[0].startswith(f"{word} ") for n in range(200))


def test_case_change_keeps_the_span_on_its_words() -> None:
    seed = next(s for s in SEEDS if len(s.spans) == 1 and s.text.isascii())
    span = seed.spans[0]
    for number in range(9):
        text, (moved,) = perturb(seed.text, seed.spans, Random(number), ["casing"])
        assert text[moved.start : moved.end].lower() == seed.text[span.start : span.end].lower()


def test_pronouns_change_together() -> None:
    found = {perturb("He hurt himself, she saw him.", [], Random(n), ["pronouns"])[0] for n in range(9)}
    assert found == {"She hurt herself, she saw her.", "He hurt himself, he saw him."}


def test_the_same_chance_gives_the_same_text() -> None:
    assert perturb(SEEDS[0].text, SEEDS[0].spans, Random(3)) == perturb(SEEDS[0].text, SEEDS[0].spans, Random(3))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        perturb("x", [], Random(0), ["glitter"])
