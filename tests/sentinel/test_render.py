"""An analysis beside its text: escaped, in words, and with no flag lost."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.sentinel import Sentinel, render, render_text
from bh_lib.sentinel.analysis import Analysis
from bh_lib.sentinel.conditions import Evidence
from bh_lib.sentinel.cssrs import assess
from bh_lib.sentinel.findings import findings, summarize, suppressed
from bh_lib.sentinel.mention import Mention
from bh_lib.sentinel.rules import apply_rules


@pytest.fixture(scope="module")
def sentinel():
    return Sentinel.load()


def analysis_of(mentions):
    c_ssrs = assess(mentions)
    decision = apply_rules(Evidence(mentions, {}, c_ssrs.ideation_level))
    raised = findings(mentions, decision)
    return Analysis(raised, suppressed(mentions), {}, c_ssrs, summarize(raised, decision, c_ssrs, []), {}, "1.0.0")


def test_markup_in_the_text_is_shown_and_never_run(sentinel):
    text = "<script>alert('x')</script> & <b>Endorses suicidal ideation</b>."
    html = render(text, sentinel.analyze(text)).html
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "&amp;" in html


def test_assertion_and_time_stand_in_words(sentinel):
    text = "Endorses suicidal ideation. Denies homicidal ideation."
    analysis = sentinel.analyze(text)
    for shown in (render(text, analysis).html, render_text(text, analysis)):
        assert "SH-002 present, current" in shown
        assert "HO-001 not raised: negated" in shown
    assert "Immediate review: yes" in render(text, analysis).html


def test_no_flag_is_lost_where_spans_overlap():
    mentions = [
        Mention("SH-002", 0, 9, 0),
        Mention("SU-001", 4, 12, 0),
        Mention("CD-001", 4, 6, 0),
        Mention("HO-001", 2, 3, 0, reason="negated"),
    ]
    text = "0123456789abcdef"
    for shown in (render(text, analysis_of(mentions)).html, render_text(text, analysis_of(mentions)).splitlines()[0]):
        assert all(flag in shown for flag in ("SH-002 present", "SU-001 present", "CD-001 present", "HO-001 not raised"))


def test_a_text_without_flags_says_so(sentinel):
    assert "No flag was raised." in str(render("", sentinel.analyze("")))
    assert render("", sentinel.analyze(""))._repr_html_() == str(render("", sentinel.analyze("")))


@given(
    st.text(min_size=20, max_size=60),
    st.lists(st.tuples(st.sampled_from(["SH-002", "CD-001", "PF-001"]), st.integers(0, 15), st.integers(1, 5)), max_size=6),
)
def test_the_text_stands_whole_whatever_is_marked(text, places):
    mentions = [Mention(flag, start, start + size, 0) for flag, start, size in places]
    body = render(text, analysis_of(mentions)).html.split("<pre>")[1].split("</pre>")[0]
    assert unescape(re.sub(r"<sup>.*?</sup>|</?mark[^>]*>", "", body, flags=re.DOTALL)) == text
    assert body.count("<mark") == body.count("</mark>") <= len(places)
