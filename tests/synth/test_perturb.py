"""Noise moves gold spans exactly."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
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
