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
