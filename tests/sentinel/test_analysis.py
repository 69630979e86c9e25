"""What an analysis says: in the published shape, without a word of the text, and true of what it holds back."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.schema.marked import parse_marked
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.document import read_document
from bh_lib.sentinel.knowledge import KNOWLEDGE, read_toml, release_patterns
from bh_lib.sentinel.mention import Mention

ROOT = Path(__file__).resolve().parents[2]
LINES = [
    line
    for path in sorted((ROOT / "tests" / "cases").glob("*.txt"))
    for line in path.read_text("utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]
TEXTS = [parse_marked(line)[0] for line in LINES]
REASONS = {"negated", "historical", "other_person", "hypothetical", "figurative", "education", "fiction", "unsure"}
# Made up, so that no knowledge file holds them: one of each kind that a text may carry.
MARKERS = ["Quorvanthe", "Zyxbellum", "77311942", "quorv@zyx.example", "Brandlewick Lane"]


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "schema" / "analysis" / "1.0" / "analysis.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


class Broken:
    """A layer that fails, and says the text as it does."""

    name = "pattern"

    def mentions(self, document):
        raise RuntimeError(document.text)


class Model:
    """A layer 2 that is sure of one flag in every sentence."""

    name = "model"

    def mentions(self, document):
        return [Mention("SH-002", s.start, s.end, s.index, layer="transformer", cues=("model",)) for s in document.sentences]


@pytest.mark.parametrize("text", ["", " \n", "x", "😀", *TEXTS[::9]])
def test_an_analysis_has_the_published_shape(sentinel: Sentinel, text: str) -> None:
    assert list(validator().iter_errors(sentinel.analyze(text, "n-1").to_dict())) == []
    assert list(validator().iter_errors(sentinel.analyze(text).to_dict())) == []


def test_an_analysis_of_many_sentences_and_of_a_failed_layer_has_the_published_shape(sentinel: Sentinel) -> None:
    text = "\n".join(TEXTS)
    whole = sentinel.analyze(text).to_dict()
    assert list(validator().iter_errors(whole)) == []
    assert len(whole["flags"]) > 30 and len(whole["suppressed"]) > 10
    failed = Sentinel(Broken(), sentinel._engine).analyze(TEXTS[0])
    assert failed.status["pattern"] == "failed"
    assert list(validator().iter_errors(failed.to_dict())) == []
    modelled = Sentinel.load(Model()).analyze("Slept well. Denies suicidal ideation.")
    assert modelled.status["transformer"] == "ok"
    assert list(validator().iter_errors(modelled.to_dict())) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(TEXTS), max_size=6), st.one_of(st.none(), st.text(max_size=8)))
def test_the_json_of_an_analysis_reads_back_the_same_and_says_all_that_it_holds(
    sentinel: Sentinel, texts: list[str], name: str | None
) -> None:
    analysis = sentinel.analyze("\n".join(texts), name)
    told = analysis.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told == sentinel.analyze("\n".join(texts), name).to_dict()
    assert told["id"] == name
    assert [row["flag_id"] for row in told["flags"]] == [finding.flag_id for finding in analysis.flags]
    for row, finding in zip(told["flags"], analysis.flags, strict=True):
        assert [(s["start"], s["end"], s["cue"].split()) for s in row["spans"]] == [
            (p.start, p.end, list(p.cues)) for p in finding.spans
        ]
        assert (row["name"], row["domain"]) == (load_taxonomy()[row["flag_id"]].name, load_taxonomy()[row["flag_id"]].domain)
    assert [(row["flag_id"], row["reason"]) for row in told["suppressed"]] == [(i.flag_id, i.reason) for i in analysis.suppressed]


@pytest.mark.parametrize("marker", MARKERS)
def test_no_word_of_the_text_is_in_an_analysis_nor_in_how_it_prints(sentinel: Sentinel, marker: str) -> None:
    text = " ".join(f"{line.rstrip('.')} {marker}. {marker} says so." for line in TEXTS[::15])
    for maker in (sentinel, Sentinel.load(Model()), Sentinel(Broken(), sentinel._engine)):
        analysis = maker.analyze(text)
        for told in (json.dumps(analysis.to_dict(), ensure_ascii=False), repr(analysis), str(analysis)):
            for part in marker.split():
                assert part.casefold() not in told.casefold()


def test_what_an_analysis_says_is_made_of_known_ids_and_sentences_of_our_own(sentinel: Sentinel) -> None:
    patterns = {pattern.pattern_id for pattern in release_patterns()}
    _, context = read_toml(KNOWLEDGE / "context.toml")
    cues = {row["id"] for row in context["cue"]}
    for text in TEXTS:
        told = sentinel.analyze(text).to_dict()
        for row in (*told["flags"], *told["suppressed"]):
            for span in row["spans"]:
                first, *others = span["cue"].split()
                assert first in patterns
                assert all(cue in cues or re.fullmatch(r"(?:section|when|form)\.[a-z]+", cue) for cue in others)


@pytest.mark.parametrize("line", LINES[::3])
def test_what_is_suppressed_was_seen_and_is_not_raised_in_that_place(sentinel: Sentinel, line: str) -> None:
    text, _ = parse_marked(line)
    analysis = sentinel.analyze(text)
    ends = [(sentence.start, sentence.end) for sentence in read_document(text).sentences]
    raised = {(finding.flag_id, place.start, place.end) for finding in analysis.flags for place in finding.spans}
    assert len({(item.flag_id, item.reason) for item in analysis.suppressed}) == len(analysis.suppressed)
    for item in analysis.suppressed:
        assert item.reason in REASONS
        for place in item.spans:
            assert (item.flag_id, place.start, place.end) not in raised
            start, end = ends[place.sentence]
            assert start <= place.start < place.end <= end
            assert place.cues[0].startswith(item.flag_id)


def test_the_reason_is_that_of_the_words(sentinel: Sentinel) -> None:
    said = {
        "Denies suicidal ideation.": "negated",
        "Previous suicidal ideation, resolved.": "historical",
        "My roommate is suicidal.": "other_person",
        "Return to the ED if you have suicidal thoughts.": "hypothetical",
        "Antidepressants may cause suicidal thoughts in young people.": "education",
    }
    for text, reason in said.items():
        analysis = sentinel.analyze(text)
        assert [(item.flag_id, item.reason) for item in analysis.suppressed if item.flag_id == "SH-002"] == [("SH-002", reason)], (
            text
        )
        assert "SH-002" not in {finding.flag_id for finding in analysis.flags}


def test_a_denial_and_a_statement_of_the_same_flag_are_both_told(sentinel: Sentinel) -> None:
    text = "Denied suicidal ideation on Monday. Today endorses suicidal ideation."
    analysis = sentinel.analyze(text)
    (raised,) = [finding for finding in analysis.flags if finding.flag_id == "SH-002"]
    (calm,) = [item for item in analysis.suppressed if item.flag_id == "SH-002"]
    assert [text[p.start : p.end] for p in (*raised.spans, *calm.spans)] == ["suicidal ideation"] * 2
    assert calm.spans[0].sentence < raised.spans[0].sentence
