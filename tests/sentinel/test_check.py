"""The knowledge check finds what is wrong, and the knowledge of this release holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from bh_lib.sentinel.check import check_knowledge

PACK = """
taxonomy_version = "1.0.0"
domain = "self_harm"

[[pattern]]
id = "SH-002.c01"
flag = "SH-002"
voice = "clinician"
regex = '{regex}'
precision = 0.9
raises = ["{raises}"]
spares = ["{spares}"]
"""


def _faults(
    tmp_path: Path, regex: str = r"\bsuicidal ideation\b", raises: str = "Reports suicidal ideation.", spares: str = "Calm."
) -> list[str]:
    pack = tmp_path / "self_harm.toml"
    pack.write_text(PACK.format(regex=regex, raises=raises, spares=spares), "utf-8")
    return [str(fault) for fault in check_knowledge([pack])]


def test_the_knowledge_of_this_release_holds() -> None:
    assert [str(fault) for fault in check_knowledge()] == []


def test_a_sound_pack_has_no_fault(tmp_path: Path) -> None:
    assert _faults(tmp_path) == []


def test_a_sentence_that_should_raise_and_does_not_is_named_with_its_pattern(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, raises="Reports low mood.")
    assert "self_harm.toml" in fault and "SH-002.c01" in fault


def test_a_sentence_that_context_denies_does_not_count_as_raised(tmp_path: Path) -> None:
    assert len(_faults(tmp_path, raises="Denies suicidal ideation.")) == 1


def test_a_denied_sentence_is_spared(tmp_path: Path) -> None:
    assert _faults(tmp_path, spares="Denies suicidal ideation.") == []


def test_a_sentence_that_should_be_spared_and_is_raised_is_a_fault(tmp_path: Path) -> None:
    assert len(_faults(tmp_path, spares="He has suicidal ideation.")) == 1


@pytest.mark.parametrize("regex", [r"(a+)+suicid", r"suicid(?=al)", r"(suicid)\1", r"suicid("])
def test_an_expression_that_could_run_away_or_is_not_of_the_common_subset_is_a_fault(tmp_path: Path, regex: str) -> None:
    assert _faults(tmp_path, regex=regex)


SECOND = PACK[PACK.index("[[pattern]]") :].replace("SH-002.c01", "SH-002.p01").replace("clinician", "patient")


def _two(tmp_path: Path, first: str, second: str, more: str = "") -> list[str]:
    pack = tmp_path / "self_harm.toml"
    raises, spares = "Reports suicidal ideation.", "Calm."
    one = PACK.format(regex=first, raises=raises, spares=spares)
    pack.write_text(one + SECOND.format(regex=second, raises=raises, spares=spares) + more, "utf-8")
    return [str(fault) for fault in check_knowledge([pack])]


def test_a_pattern_that_another_one_covers_is_a_fault_with_its_line_and_the_others_id(tmp_path: Path) -> None:
    (fault,) = _two(tmp_path, r"\bsuicidal (?:ideations?|thoughts?)\b", r"\bsuicidal ideation\b")
    assert fault == (
        "self_harm.toml, line 13, SH-002.p01: adds nothing: SH-002.c01 (self_harm.toml, line 5) matches all that it matches"
    )


def test_of_two_that_cover_each_other_one_is_a_fault(tmp_path: Path) -> None:
    (fault,) = _two(tmp_path, r"\bsuicidal (?:ideation|thoughts)\b", r"\bsuicidal (?:thoughts|ideation)\b")
    assert "SH-002.p01" in fault


@pytest.mark.parametrize("more", ["negatable = false", 'temporality = "current"', 'assertion = "possible"'])
def test_a_pattern_that_says_something_else_is_not_covered(tmp_path: Path, more: str) -> None:
    assert _two(tmp_path, r"\bsuicidal (?:ideation|thoughts)\b", r"\bsuicidal ideation\b", more) == []


@pytest.mark.parametrize("second", [r"\bsuicidal ideations?\b", r"suicidal ideation\b", r"\breports suicidal ideation\b"])
def test_a_pattern_with_one_string_or_place_of_its_own_is_not_covered(tmp_path: Path, second: str) -> None:
    assert _two(tmp_path, r"\bsuicidal (?:ideation|thoughts)\b", second) == []
