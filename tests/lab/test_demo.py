"""The main job, as a newcomer runs it: twice, into one folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("mlflow")
pytest.importorskip("great_expectations")

from bh_lib.lab.demo import run_demo


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "out"


def test_the_demo_drives_one_true_path_and_a_second_run_reuses_its_data(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BH_LIB_CACHE", raising=False)
    told: list[str] = []
    summary = run_demo(out, tell=told.append)
    assert (summary.intact.verdict, summary.edited.verdict, summary.cut.verdict) == ("COMPLETE", "BROKEN", "BROKEN")
    assert summary.inferences.events == summary.analyses > 100
    assert summary.predictions.success and not summary.events.failed("critical") and not summary.notes.failed("critical")
    for place in (
        "docs/gx/uncommitted/data_docs/local_site/index.html",
        "demo/test/report.html",
        "demo/model/manifest.json",
        "mlflow.db",
    ):
        assert (out / place).is_file(), place
    texts = [json.loads(line)["text"] for line in (out / "texts.jsonl").read_text("utf-8").splitlines()]
    for written in (out / "analyses.jsonl", out / "inferences.jsonl", *(out / "demo").rglob("*.html")):
        held = written.read_text("utf-8")
        assert not any(text in held for text in texts if len(text) > 40), written.name

    made = (out / "log" / "events.jsonl").stat().st_mtime_ns
    again: list[str] = []
    second = run_demo(out, tell=again.append)
    assert (out / "log" / "events.jsonl").stat().st_mtime_ns == made
    assert len(told) - len(again) == 2, "the second run made its data again"
    assert second.intact.events == 2 * summary.intact.events, "the ledger goes on"
    first_scores, second_scores = (each.trained.metrics["test"].to_dict() for each in (summary, second))
    assert first_scores["macro"] == second_scores["macro"], "the same config gives the same metrics"
