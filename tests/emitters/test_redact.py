"""What is taken out of free text, and what may pass as metadata."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_lib.emitters.redact import Redactor, scrub
from bh_lib.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("SSN 123-45-6789", "6789"),
        ("SSN 123 45 6789", "6789"),
        ("123456789", "1234"),
        ("123\u200b-45\u200b-6789", "6789"),
        ("１２３-４５-６７８９", "６７８９"),
        ("123\u201145\u20116789", "6789"),
        ("call (555) 010-4477 now", "4477"),
        ("call 555.010.4477", "4477"),
        ("+1 555 010 4477", "4477"),
        ("ann.example+x@mail.example.org", "example"),
        ("born 1990-01-02", "1990"),
        ("born 1/2/90", "1/2/90"),
        ("born January 2nd, 1990", "1990"),
        ("born 2 Jan 1990", "1990"),
        ("MRN: A12-99", "A12"),
        ("mrn#77123", "77123"),
        ("record 0012345", "12345"),
        ("123\u221245\u22126789", "6789"),
        ("123 - 45 - 6789", "6789"),
        ("123%2D45%2D6789", "6789"),
        ("+44 20 7946 0958", "0958"),
        ("ann%40clinic.example", "clinic"),
        ("ann @ clinic.example.org", "clinic"),
        ("5931 8390", "8390"),
        ("seen in March 1990", "1990"),
        ("seen on 2nd of May", "May"),
    ],
)
def test_an_identifier_in_free_text_is_taken_out(text, gone):
    assert gone not in scrub(text)


@pytest.mark.parametrize(
    "text", ["timeout after 30 s", "HTTP 503 from 2 of 3 replicas", "pdf", "export v2.10.1", "decimal 10, marker 7"]
)
def test_words_that_identify_nobody_stay(text):
    assert scrub(text) == text


@settings(max_examples=300, deadline=None)
@given(st.text("ab ,.x", max_size=300), st.text("ab ,.x", max_size=300))
def test_a_number_never_survives_the_cap(before, after):
    assert "6789" not in scrub(f"{before} 123-45-6789 {after}")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500))
def test_scrubbing_twice_changes_nothing_and_never_lengthens_past_the_cap(text):
    once = scrub(text)
    assert len(once) <= 256
    assert once.isprintable()


def test_a_text_too_long_to_be_a_label_goes_as_a_whole():
    assert scrub("x" * 5000 + " 123-45-6789") == "[LONG TEXT REMOVED]"


def test_registered_names_go_in_any_case_and_only_as_words():
    redact = Redactor(names=["Ann Example", "Li"])
    assert redact.text("ANN EXAMPLE and li saw the list") == "[NAME] and [NAME] saw the list"


@pytest.mark.parametrize("text", ["jose\u0301 pen\u0303a", "JOSÉ\u00a0PEÑA", "José \u200bPeña", "by_josé_peña_2", "ＪＯＳÉ Peña"])
def test_a_registered_name_goes_however_it_is_written(text):
    assert "pe" not in Redactor(names=["José Peña"]).text(text).lower()


def test_codes_and_versions_of_models_stay_and_identifiers_in_them_go():
    redact = Redactor(names=["Ann Example"])
    event = {
        "disclosure": {"description_code": "LOINC 11488-4"},
        "emergency": {"nature_code": "SCT 410429000 Ann Example"},
        "delegation": {"acting": {"agent": {"model_version": "20241022", "vendor": "ann@example.org", "harness": "h 2024-10-22"}}},
        "actor": {"roles": ["nurse", "of 123-45-6789"], "subject_id": "123-45-6789"},
        "resource": {"type": "Note of Ann Example", "id": "Ann Example"},
    }
    out = redact(event)
    assert out["disclosure"]["description_code"] == "LOINC 11488-4"
    assert out["emergency"]["nature_code"] == "SCT 410429000 [NAME]"
    assert out["delegation"]["acting"]["agent"] == {"model_version": "20241022", "vendor": "[EMAIL]", "harness": "h 2024-10-22"}
    assert out["actor"] == {"roles": ["nurse", "of [SSN]"], "subject_id": "123-45-6789"}
    assert out["resource"] == {"type": "Note of [NAME]", "id": "Ann Example"}


def test_a_label_known_by_sight_is_still_told_from_one_that_is_not():
    redact = Redactor(names=["Ann"])
    for _ in range(3):
        assert redact({"resource": {"type": "Note"}, "outcome": {}, "action": {}, "actor": {}})["resource"] == {"type": "Note"}
        assert redact({"resource": {"type": "Ann"}, "outcome": {}, "action": {}, "actor": {}})["resource"] == {"type": "[NAME]"}


def test_metadata_passes_by_allowlist_and_as_scalars_only():
    redact = Redactor(metadata=["a", "b", "c", "d", "e", "f", "g"])
    event = {
        "metadata": {
            "a": 1,
            "b": True,
            "c": None,
            "d": 0.5,
            "e": {"x": 1},
            "f": float("nan"),
            "g": 2**60,
            "note": "free text",
        }
    }
    assert redact(event)["metadata"] == {"a": 1, "b": True, "c": None, "d": 0.5}
    assert redact.dropped == 4


def test_metadata_that_is_all_dropped_leaves_no_block():
    assert "metadata" not in Redactor()({"metadata": {"note": "x"}})


def test_no_more_metadata_than_the_standard_allows():
    keys = [f"k{number}" for number in range(30)]
    redact = Redactor(metadata=keys)
    assert len(redact({"metadata": dict.fromkeys(keys, 1)})["metadata"]) == 20
    assert redact.dropped == 10


def test_one_string_is_not_a_list_of_keys():
    with pytest.raises(ConfigError):
        Redactor(metadata="note")


def test_a_label_with_a_query_does_not_let_a_template_keep_its_own():
    redact = Redactor()
    event = {"outcome": {"status": "SUCCESS"}, "action": {"type": "READ"}, "actor": {}, "resource": {"type": "/a?b=c"}}
    for _ in range(3):
        told = redact({**event, "http": {"route_template": "/a?b=c"}})
        assert told["http"] == {"route_template": "/a"}
