"""The pages that people open, in a real browser: no complaint, nothing from outside, readable by all and on a telephone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright")

_TELEPHONE = 400


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Every kind of page that the library writes, over one small clinic."""
    pytest.importorskip("great_expectations")
    pytest.importorskip("polars")
    from bh_lib.checks import check_events
    from bh_lib.evaluate import evaluate_notes
    from bh_lib.review import review_log
    from bh_lib.sentinel import Sentinel, render
    from bh_lib.synth import generate_notes, write_events

    folder = tmp_path_factory.mktemp("pages")
    write_events(folder / "log", 3000, seed=7)
    log = folder / "log/events.jsonl"
    with log.open(encoding="utf-8") as lines:
        first = json.loads(next(lines))
    bad = {key: value for key, value in first.items() if key != "integrity"} | {"http": {"route_template": "/patients/00471/notes"}}
    (folder / "bad.jsonl").write_text(json.dumps(bad) + "\n", "utf-8")
    docs = check_events(log, folder / "docs").docs
    check_events(folder / "bad.jsonl", folder / "docs")
    assert docs is not None
    found, *_ = sorted(docs.parent.glob("validations/**/*.html"))
    (folder / "review.html").write_text(review_log(log, context=folder / "log/context.jsonl").to_html(), "utf-8")
    evaluate_notes(list(generate_notes(150, seed=3, split="test")), Sentinel.load(), folder / "evaluation")
    text = "Reports thoughts of killing himself most nights. Denies homicidal ideation. His brother attempted suicide in 2011."
    shown = render(text, Sentinel.load().analyze(text))
    page = f'<!doctype html><html lang="en"><title>A note</title><main><h1>A note</h1>{shown}</main>'
    (folder / "note.html").write_text(page, "utf-8")
    yield {
        "data docs": docs,
        "a check's results": found,
        "what is expected": docs.parent / "expectations/audit-events.html",
        "access review": folder / "review.html",
        "evaluation report": folder / "evaluation/report.html",
        "a note": folder / "note.html",
    }


_SAYS = {
    "data docs": "What Great Expectations found",
    "a check's results": "clocks agree within five minutes",
    "what is expected": "values must be route templates",
    "access review": "Unexplained access, most telling first",
    "evaluation report": "C-SSRS",
    "a note": "not raised: negated",
}
each_page = pytest.mark.parametrize("name", list(_SAYS))


@each_page
def test_a_page_shows_its_text_without_a_complaint_or_a_request_to_anybody(
    visit: Callable[..., Any], made: dict[str, Path], name: str
) -> None:
    seen = visit(made[name].as_uri(), home="file://")
    seen.page.get_by_text(_SAYS[name]).first.wait_for(state="visible")
    assert seen.page.title()
    assert seen.page.locator("h1:visible").count() == 1
    assert (seen.complaints, seen.outside) == ([], [])


@each_page
def test_a_page_is_readable_on_a_telephone(visit: Callable[..., Any], made: dict[str, Path], name: str) -> None:
    seen = visit(made[name].as_uri(), home="file://", width=_TELEPHONE)
    seen.page.get_by_text(_SAYS[name]).first.wait_for(state="visible")
    assert seen.width() <= _TELEPHONE


@each_page
def test_a_page_has_no_serious_barrier(visit: Callable[..., Any], made: dict[str, Path], name: str) -> None:
    assert visit(made[name].as_uri(), home="file://").barriers() == []


def test_data_docs_lead_to_the_events_of_a_failure(visit: Callable[..., Any], made: dict[str, Path]) -> None:
    seen = visit(made["data docs"].as_uri(), home="file://")
    seen.page.get_by_role("link", name="what was found").last.click()
    summary = seen.page.locator(".failure", has_text="clocks agree").locator("summary")
    summary.click()
    seen.page.locator(".failure", has_text="clocks agree").locator("li").first.wait_for(state="visible")
    assert seen.complaints == []


def test_a_mark_says_in_words_what_it_says_in_colour(visit: Callable[..., Any], made: dict[str, Path]) -> None:
    page = visit(made["a note"].as_uri(), home="file://").page
    told = [page.locator("mark + sup, mark sup").nth(place).inner_text() for place in range(page.locator("mark").count())]
    assert [words.split(" ", 1)[1] for words in told] == ["present, current", "not raised: negated", "not raised: other person"]
    drawn = page.locator("mark").evaluate_all("marks => marks.map(mark => getComputedStyle(mark).borderBottomStyle)")
    assert drawn == ["solid", "dotted", "dotted"]
