"""Annotated sentences: each mark is raised, or seen and not raised, as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bh_lib.schema.marked import parse_marked
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.sentinel import Sentinel

CASES = sorted((Path(__file__).resolve().parent.parent / "cases").glob("*.txt"))


def lines() -> list[tuple[str, str]]:
    return [
        (f"{path.stem}:{number}", line)
        for path in CASES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]


def test_there_are_cases_in_both_directions() -> None:
    texts = [line for _, line in lines()]
    assert len(texts) >= 120
    assert sum("negated" in text or "historical" in text for text in texts) >= 30
    assert sum("[[SH-002]]" in text for text in texts) >= 30


@pytest.mark.parametrize(("place", "line"), lines(), ids=[place for place, _ in lines()])
def test_a_case_is_read_as_it_is_marked(sentinel: Sentinel, place: str, line: str) -> None:
    text, spans = parse_marked(line)
    analysis = sentinel.analyze(text).to_dict()
    if not spans:
        assert analysis["flags"] == [], place
    for span in spans:
        raised = overlapping(analysis["flags"], span.flag_id, span.start, span.end)
        calm = overlapping(analysis["suppressed"], span.flag_id, span.start, span.end)
        plain = (span.assertion, span.temporality, span.experiencer) == (
            Assertion.PRESENT,
            Temporality.CURRENT,
            Experiencer.PATIENT,
        )
        assert bool(raised) is plain, place
        if not plain:
            assert calm, place
            if span.assertion is Assertion.NEGATED:
                assert "negated" in {row["reason"] for row in calm}, place


def overlapping(rows: list[dict[str, object]], flag_id: str, start: int, end: int) -> list[dict[str, object]]:
    return [
        row
        for row in rows
        if row["flag_id"] == flag_id and any(span["start"] < end and start < span["end"] for span in row["spans"])  # type: ignore[attr-defined]
    ]
