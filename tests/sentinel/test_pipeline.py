"""The whole sentinel: what peers get wrong, what may fail, and any text at all."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bh_lib._resources import schema_path
from bh_lib.errors import InputError
from bh_lib.schema.taxonomy import Severity
from bh_lib.sentinel import Sentinel, pipeline
from bh_lib.sentinel.context import ContextEngine
from bh_lib.sentinel.cues import load_cues
from bh_lib.sentinel.knowledge import release_patterns
from bh_lib.sentinel.layers.patterns import PatternLayer
from bh_lib.sentinel.mention import Mention

SENTINEL = Sentinel.load()
SCHEMA = jsonschema.Draft202012Validator(json.loads(schema_path("analysis", "1.0", "analysis.schema.json").read_text("utf-8")))
SECRET = "Zebedee Quillfeather"
NOTE = f"{SECRET} endorses suicidal ideation. Denies homicidal ideation. Feels hopeless."


class Broken:
    """A layer that fails, and would say the text."""

    name = "broken"

    def mentions(self, document):
        raise RuntimeError(document.text)


class Says:
    """A layer that says what it is told to."""

    name = "transformer"

    def __init__(self, *mentions):
        self._mentions = list(mentions)

    def mentions(self, document):
        return self._mentions


def ids(analysis):
    return {flag.flag_id for flag in analysis.flags}


def with_layers(pattern=None, transformer=None):
    engine = ContextEngine(load_cues())
    return Sentinel(pattern or PatternLayer(release_patterns(), engine), engine, transformer)


def test_no_improvement_in_sleep_before_a_denial_is_not_critical():
    analysis = SENTINEL.analyze("No improvement in sleep. Denies suicidal ideation.")
    assert analysis.summary.max_severity is not Severity.CRITICAL
    assert not analysis.summary.immediate_review
    assert ("SH-002", "negated") in {(item.flag_id, item.reason) for item in analysis.suppressed}


def test_know_holds_no_no():
    assert "SH-002" in ids(SENTINEL.analyze("I know I want to kill myself."))


def test_present_ideation_is_not_weakened_by_a_historical_mention_elsewhere():
    alone = SENTINEL.analyze("Endorses suicidal ideation.")
    for text in (
        "History of suicidal ideation in 2012. Endorses suicidal ideation.",
        "Endorses suicidal ideation. History of suicidal ideation in 2012.",
    ):
        both = SENTINEL.analyze(text)
        here, there = (next(flag for flag in a.flags if flag.flag_id == "SH-002") for a in (both, alone))
        assert (here.severity, here.temporality, here.confidence) == (there.severity, there.temporality, there.confidence)
        assert both.c_ssrs.ideation_level == 2


def test_si_with_plan_is_ideation_with_a_plan():
    analysis = SENTINEL.analyze("SI with plan")
    assert "SH-005" in ids(analysis)
    assert (analysis.c_ssrs.ideation_level, analysis.c_ssrs.triage.name) == (5, "HIGH")


def test_a_denied_sentence_silences_no_next_one():
    assert "SH-002" in ids(SENTINEL.analyze("Denies suicidal ideation at intake. Now says he wants to kill himself."))


def test_protective_factors_lower_no_triage():
    text = "Endorses suicidal ideation with a plan and intent to act."
    factors = " Attends therapy, has support from family, takes medication as prescribed."
    assert SENTINEL.analyze(text + factors).c_ssrs.triage >= SENTINEL.analyze(text).c_ssrs.triage


def test_a_failing_transformer_leaves_the_patterns_standing():
    analysis = with_layers(transformer=Broken()).analyze(NOTE)
    assert dict(analysis.status) == {"pattern": "ok", "transformer": "failed", "emotion": "ok", "rules": "ok"}
    assert ids(analysis) == ids(SENTINEL.analyze(NOTE))
    assert analysis.summary.immediate_review


def test_a_failing_pattern_layer_leaves_transformer_and_emotions_standing():
    analysis = with_layers(Broken(), Says(Mention("CD-002", 0, 5, 0))).analyze(NOTE)
    assert (analysis.status["pattern"], analysis.status["transformer"]) == ("failed", "ok")
    assert ids(analysis) == {"CD-002"}
    assert analysis.emotions["hopelessness"] > 0.5
    assert analysis.summary.immediate_review
    assert "pattern layer failed" in analysis.summary.recommended_action


@pytest.mark.parametrize(("layer", "function"), [("emotion", "score_emotions"), ("rules", "apply_rules")])
def test_failing_emotions_or_rules_leave_the_flags_standing(monkeypatch, layer, function):
    def broken(*_):
        raise RuntimeError(NOTE)

    text = "Sleeps poorly, isolating from friends."
    before = SENTINEL.analyze(text)
    monkeypatch.setattr(pipeline, function, broken)
    after = SENTINEL.analyze(text)
    assert after.status[layer] == "failed"
    assert ids(after) == ids(before)
    assert after.summary.immediate_review
    SCHEMA.validate(after.to_dict())


@pytest.mark.parametrize("wrong", [Mention("SH-999", 0, 1, 0), Mention("SH-002", 0, 10_000, 0), Mention("SH-002", 3, 3, 0)])
def test_a_layer_that_names_no_flag_or_no_place_has_failed(wrong):
    analysis = with_layers(transformer=Says(wrong)).analyze(NOTE)
    assert analysis.status["transformer"] == "failed"
    assert "SH-002" in ids(analysis)


def test_no_text_is_kept_in_an_analysis():
    for sentinel in (SENTINEL, with_layers(Broken(), Broken())):
        analysis = sentinel.analyze(NOTE, id="n-1")
        for kept in (repr(analysis), json.dumps(analysis.to_dict()), repr(vars(sentinel))):
            assert "Quillfeather" not in kept
            assert "quillfeather" not in kept


def test_an_exception_says_nothing_of_the_text():
    for wrong in (
        lambda: SENTINEL.analyze(NOTE.encode()),
        lambda: SENTINEL.qualify(NOTE, 5, 5_000),
        lambda: SENTINEL.analyze(NOTE * 20_000),
    ):
        with pytest.raises(InputError) as refused:
            wrong()
        assert "Quillfeather" not in str(refused.value)


@pytest.mark.parametrize("text", ["", " ", "a", "\n", "\x00", "\ud800", "é"])
def test_nothing_or_one_character_is_a_result(text):
    analysis = SENTINEL.analyze(text)
    assert (analysis.flags, analysis.c_ssrs.ideation_level) == ((), 0)
    assert "failed" not in analysis.status.values()
    SCHEMA.validate(analysis.to_dict())


def test_a_million_characters_are_read_and_one_more_is_refused():
    text = ("Slept well and ate breakfast. " * 40_000)[: 1_000_000 - 28] + " Endorses suicidal ideation."
    text = text[-1_000_000:]
    started = time.process_time()
    analysis = SENTINEL.analyze(text)
    assert time.process_time() - started < 60
    assert "SH-002" in ids(analysis)
    assert analysis.flags[0].spans[-1].end > 999_900
    with pytest.raises(InputError, match="1,000,000"):
        SENTINEL.analyze(text + " ")


PIECES = st.sampled_from([
    "suicidal ideation", "denies ", "SI/HI", "no ", "I want to die", " in 2012", "\r\n", "\n\n- ", "&amp;", "&#8217;", "\u200b",
    "’", "🙂",
    "hopeless", "mother ", "[x] ", ": ", ". ", "İ", "\x00", "e\u0301", "history of ", "currently ", "kms",
])  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES | st.text(max_size=8), max_size=25).map("".join))
def test_any_text_gives_a_valid_analysis_with_offsets_inside_the_text(text):
    analysis = SENTINEL.analyze(text)
    assert "failed" not in analysis.status.values()
    SCHEMA.validate(analysis.to_dict())
    for item in (*analysis.flags, *analysis.suppressed):
        assert all(0 <= span.start < span.end <= len(text) for span in item.spans)


def test_an_offset_points_at_the_words_whatever_stands_before_them():
    text = "\u200b🙂 &amp; It’s e\u0301 \r\n\r\n Endorses suicidal ideation."
    span = next(flag for flag in SENTINEL.analyze(text).flags if flag.flag_id == "SH-002").spans[0]
    assert "suicidal ideation" in text[span.start : span.end]


def test_threads_give_the_same_answers():
    texts = [NOTE, "SI with plan", "Denies suicidal ideation.", "Relapsed on alcohol, feels hopeless."] * 10
    alone = [analysis.to_dict() for analysis in SENTINEL.analyze_batch(texts)]
    with ThreadPoolExecutor(8) as pool:
        assert [analysis.to_dict() for analysis in pool.map(SENTINEL.analyze, texts)] == alone


def test_the_fast_engine_finds_what_the_plain_one_finds():
    plain = Sentinel.load(fast=False)
    for text in (NOTE, "SI with plan", "Attempted suicide in 2015. Relapsed, hears voices."):
        assert plain.analyze(text) == SENTINEL.analyze(text)


def test_qualify_says_how_a_span_stands():
    text = "Her mother had depression. Denies suicidal ideation."
    assert SENTINEL.qualify(text, 15, 25).experiencer.value == "family"
    assert SENTINEL.qualify(text, 34, 51).negated
    for start, end in ((-1, 3), (3, 3), (0, len(text) + 1)):
        with pytest.raises(InputError, match="span"):
            SENTINEL.qualify(text, start, end)
