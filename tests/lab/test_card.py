"""The model card: 31 attributes, none of them called measured without a figure, and both forms whole."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser

import pytest

from bh_lib.evaluate import evaluate
from bh_lib.lab import ExperimentConfig, ExperimentRun
from bh_lib.lab.attributes import Status, categories, load_attributes
from bh_lib.lab.card import CARD_FILES, build_card, card_html, card_xml, write_card
from bh_lib.lab.names import metric_names
from bh_lib.schema.note import LabelledNote

PARTS = {1: 4, 2: 4, 3: 2, 4: 4, 5: 2, 6: 4, 7: 5, 8: 4, 9: 2}
NAMESPACE = "{https://mc.chai.org/v0.2/schema.xsd}"
ORDER = [
    "BasicInfo", "ReleaseInfo", "ModelSummary", "UsesAndDirections", "Warnings", "TrustIngredients", "KeyMetrics", "Resources",
    "Bibliography",
]  # fmt: skip


def made(tmp_path, corpora, model="frozen", name="a-run"):
    notes = [LabelledNote(str(n), "She wants to die.", flags=("SH-002",), c_ssrs_level=2) for n in range(12)]
    answers = [{"flags": [{"flag_id": "SH-002", "confidence": 0.9}], "c_ssrs": {"ideation_level": 2, "behavior": []}}] * 12
    metrics = {corpus: evaluate(notes, answers) for corpus in corpora}
    facts = {"corpus_digest": "sha256:" + "0" * 64, "train_examples": 1234, "seconds": {}}
    return ExperimentRun(ExperimentConfig(name, "why <not>", model=model), tmp_path, metrics, None, facts)


@pytest.fixture
def full(tmp_path):
    return made(tmp_path, ["test", "test-alone", "posts"])


def test_the_attributes_are_the_31_of_the_rule_by_paragraph():
    counted = Counter(int(attribute.category) for attribute in load_attributes())
    assert counted == PARTS and len(load_attributes()) == 31 and len(categories()) == 9
    numerals = ("i", "ii", "iii", "iv", "v")
    wanted = [f"{part}.{numerals[k]}" for part, count in PARTS.items() for k in range(count)]
    assert [attribute.attribute_id for attribute in load_attributes()] == wanted


@pytest.mark.parametrize("corpora", [[], ["test"], ["test-seeds"], ["posts"], ["test", "posts"]])
@pytest.mark.parametrize("model", ["none", "frozen"])
def test_what_is_called_measured_has_the_very_figures_of_the_run_behind_it(tmp_path, corpora, model):
    run = made(tmp_path, corpora, model)
    logged = {
        ("" if corpus == "test" else f"{corpus}/") + name: value
        for corpus, metrics in run.metrics.items()
        for name, value in metric_names(metrics.to_dict()).items()
    }
    for answer in build_card(run).answers:
        assert (answer.status is Status.MEASURED) == bool(answer.figures)
        assert answer.figures.items() <= logged.items()
        assert answer.value.strip() and answer.source.strip()


def test_a_run_that_was_judged_on_nothing_measures_nothing(tmp_path):
    assert build_card(made(tmp_path, [])).count(Status.MEASURED) == 0


def test_own_and_brought_notes_answer_different_attributes(full):
    found = {answer.attribute.attribute_id: answer for answer in build_card(full).answers}
    assert found["7.i"].status is Status.MEASURED and not any(name.startswith("posts/") for name in found["7.i"].figures)
    assert found["7.iii"].status is Status.MEASURED and all(name.startswith("posts/") for name in found["7.iii"].figures)
    assert found["6.i"].figures == {"posts/n": 12.0}
    assert not any("alone" in name for answer in found.values() for name in answer.figures)


def test_what_nobody_knows_is_called_missing(full):
    missing = {answer.attribute.attribute_id for answer in build_card(full).answers if answer.status is Status.MISSING}
    assert {"1.i", "1.ii", "4.iii", "6.ii", "7.v", "8.ii", "8.iv", "9.ii"} <= missing


def test_the_facts_of_the_run_stand_in_what_is_stated(tmp_path, full):
    def said(run):
        return next(answer.value for answer in build_card(run).answers if answer.attribute.attribute_id == "4.i")

    assert said(full).startswith("1,234 training sentences") and said(made(tmp_path, [], "none")).startswith("No model was trained")


def test_the_xml_has_the_elements_of_the_schema_in_their_order_and_each_attribute_once(full):
    root = ET.fromstring(card_xml(build_card(full)))
    assert root.tag == f"{NAMESPACE}AppliedModelCard" and [each.tag for each in root] == [NAMESPACE + name for name in ORDER]
    texts = " ".join(root.itertext())
    told = [f"(B)({a.category})({a.attribute_id.partition('.')[2]}) {a.name}:" for a in load_attributes()]
    assert [texts.count(each) for each in told] == [1] * 31
    for part in ("UsefulnessUsabilityEfficacy", "FairnessEquity", "SafetyReliability"):
        inner = root.find(f"{NAMESPACE}KeyMetrics/{NAMESPACE}{part}")
        assert [each.tag.removeprefix(NAMESPACE) for each in inner] == [
            "MetricGoal", "Results", "Interpretation", "TestType", "TestingDataDescription", "ValidationProcessAndJustification",
        ]  # fmt: skip
        assert len(inner[1]) >= 1 and all(json.loads(each[1].text)["kind"] == "single" for each in inner[1])


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.seen = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def of(self, tag):
        return [attrs for name, attrs in self.seen if name == tag]


def test_the_page_has_a_language_headings_and_table_heads_and_loads_nothing(full):
    html = card_html(build_card(full))
    page = Page(html)
    assert page.of("html") == [{"lang": "en"}] and len(page.of("h1")) == 1 and len(page.of("h2")) == len(page.of("table")) == 9
    scopes = Counter(attrs.get("scope") for attrs in page.of("th"))
    assert scopes == {"row": 31, "col": 36} and len(page.of("caption")) == 9 and len(page.of("title")) == 1
    assert not any(word in html for word in ("http://", "https://", "<script", "src=", "@import"))
    assert "why &lt;not&gt;" in html and "<not>" not in html


def test_the_three_files_are_written_and_tell_the_same(full, tmp_path):
    write_card(tmp_path, build_card(full))
    assert {path.name for path in tmp_path.iterdir()} == set(CARD_FILES)
    rows = json.loads((tmp_path / "source_attributes.json").read_text())["attributes"]
    assert len(rows) == 31 and rows[0]["paragraph"] == "170.315(b)(11)(iv)(B)(1)(i)"
    assert all(bool(row["metrics"]) == (row["status"] == "measured") for row in rows)
