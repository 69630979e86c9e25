"""The seed corpus as text: enough of it, varied, nothing said twice, nobody's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.synth import SeedKind, load_seeds
from bh_lib.synth.quality import corpus_report, diversity, near_duplicates
from bh_lib.synth.seeds import Seed

REPORT = corpus_report(load_seeds())
DATA = Path(__file__).parents[3] / "shared" / "data"
# Identifiers as the HHS Safe Harbor list names them, by their shape: numbers, addresses, dates with a day.
PHI = re.compile(
    r"\b\d{3}-\d{2}-\d{4}\b|\b\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}\b|[\w.]+@[\w.]+\.\w+|https?://|\b\d{1,2}/\d{1,2}/\d{2,4}\b"
    r"|\bmrn\b[ :#]*\d|\b\d{5}-\d{4}\b",
    re.IGNORECASE,
)


def seed(text: str, family: str) -> Seed:
    return Seed(text, (), SeedKind.BENIGN, "post", family, "t", "x", place=family)


@pytest.mark.parametrize("flag", load_taxonomy().ids)
def test_a_flag_has_eighty_statements_over_six_registers_and_forty_hard_negatives(flag: str) -> None:
    counted = REPORT["flags"][flag]
    assert counted["statements"] >= 80
    assert counted["negatives"] >= 40
    assert sum(number > 2 for number in counted["registers"].values()) >= 6
    assert len(counted["authors"]) >= 3
    assert min(counted["present"].values()) >= 10


@pytest.mark.parametrize("flag", load_taxonomy().ids)
def test_no_register_makes_up_half_of_a_flag(flag: str) -> None:
    registers = REPORT["flags"][flag]["registers"]
    assert max(registers.values()) < sum(registers.values()) / 2


@pytest.mark.parametrize("flag", load_taxonomy().ids)
def test_the_statements_of_a_flag_are_not_one_template_refilled(flag: str) -> None:
    assert REPORT["flags"][flag]["distinct_2"] > 0.7
    assert REPORT["flags"][flag]["nearest"] < 0.25


def test_two_thousand_texts_are_benign() -> None:
    assert REPORT["kinds"]["benign"] >= 2_000


def test_no_two_families_say_nearly_the_same() -> None:
    assert REPORT["near_duplicates"] == []


def test_a_changed_word_makes_a_near_duplicate_that_leaks_where_the_splits_differ() -> None:
    told = "The old bus to the coast was late again this morning, so we walked."
    families = [f"x-{number:04d}" for number in range(20)]
    first = seed(told, families[0])
    other = next(each for each in (seed(told.replace("old", "new"), name) for name in families[1:]) if each.split != first.split)
    (pair,) = near_duplicates([first, other])
    assert pair.leaks
    assert 0.5 < pair.similarity < 1


def test_variants_of_one_family_are_no_duplicates() -> None:
    assert near_duplicates([seed("one two three four five six", "x-0001"), seed("one two three four five seven", "x-0001")]) == []


def test_a_template_refilled_is_less_varied_than_what_was_written() -> None:
    times = [
        (who, what, time) for who in ("Pt", "Client", "He", "She") for what in ("panic", "worry") for time in ("days", "weeks")
    ]
    refilled = [f"{who} reports {what} for {time}." for who, what, time in times]
    written = [each.text for each in load_seeds().of(SeedKind.STATEMENT) if each.about == "CD-007"][: len(refilled)]
    assert diversity(refilled).nearest > 3 * diversity(written).nearest
    assert diversity(refilled).distinct_2 < diversity(written).distinct_2 / 3


def test_the_report_holds_no_text() -> None:
    shown = json.dumps(REPORT)
    assert not any(each.text in shown for each in load_seeds().all if len(each.text) > 12)


def test_no_text_holds_what_looks_like_an_identifier() -> None:
    assert [each.place for each in load_seeds().all if PHI.search(each.text)] == []


@pytest.mark.skipif(not DATA.is_dir(), reason="the development data is not here")
def test_no_sentence_of_the_development_data_is_in_the_corpus() -> None:
    def bare(text: str) -> str:
        return " ".join(re.findall(r"[a-z0-9]+", text.casefold()))

    real = set()
    for path in DATA.glob("*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            text = json.loads(line).get("text", "")
            # Shorter sentences are stock phrases that nobody owns.
            real |= {sentence for part in re.split(r"(?<=[.!?])\s+|\n", text) if len((sentence := bare(part)).split()) >= 7}
    own = [(each.place, bare(part)) for each in load_seeds().all for part in re.split(r"(?<=[.!?])\s+|\n", each.text)]
    assert len(real) > 1_000
    assert [place for place, sentence in own if sentence in real] == []
