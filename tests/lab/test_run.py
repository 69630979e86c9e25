"""One config from seeds to the registry, on a thin slice of the encoder."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from bh_lib.errors import ConfigError, GateError, InputError, IntegrityError
from bh_lib.lab import ExperimentConfig, compare_runs, leaderboard_markdown, list_runs, load_sentinel, promote, run_experiment
from bh_lib.lab.card import CARD_FILES
from bh_lib.lab.names import METRIC_NAMES
from bh_lib.lab.track import connect
from bh_lib.schema.note import LabelledNote
from bh_lib.sentinel import Sentinel

pytest.importorskip("torch")
pytest.importorskip("mlflow")

THIN = {
    "model": "frozen",
    "encoder_layers": 1,
    "max_tokens": 48,
    "penalties": (30.0,),
    "min_positives": 4,
    "train_share": 0.1,
    "judge_share": 0.15,
    "dev_notes": 0,
    "test_notes": 0,
}
FOREIGN = {"posts": [LabelledNote("p1", "wants it to end", c_ssrs_level=1), LabelledNote("p2", "made soup", c_ssrs_level=0)]}


def config(name, **changes):
    return ExperimentConfig(name=name, reason="a test", **{**THIN, **changes})


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BH_LIB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(scope="module")
def run(out, cache):
    return run_experiment(config("thin"), out, corpora=FOREIGN)


def test_a_run_leaves_metrics_reports_and_a_model_that_loads(run):
    assert set(run.metrics) == {"test-seeds", "test-seeds-alone", "posts", "posts-alone"}
    for name in run.metrics:
        assert {path.name for path in (run.folder / name).iterdir()} == {"metrics.json", "report.html", "errors.jsonl"}
    assert run.metrics["test-seeds"].per_flag is not None and run.metrics["posts"].c_ssrs is not None
    assert Sentinel.load(classifier=run.model).analyze("Slept well.").to_dict()["status"]["transformer"] == "ok"


def test_the_same_config_gives_the_same_metrics_again(run, tmp_path):
    again = run_experiment(config("thin"), tmp_path, corpora=FOREIGN, track=False)
    for name, metrics in run.metrics.items():
        first, second = metrics.to_dict(), again.metrics[name].to_dict()
        assert {k: v for k, v in first.items() if k != "speed"} == {k: v for k, v in second.items() if k != "speed"}
    assert (again.model / "manifest.json").read_bytes() == (run.model / "manifest.json").read_bytes()


def test_the_record_holds_stable_names_commit_and_digest(run, out):
    row = list_runs(out).set_index("run_id").loc[run.run_id]
    shape = run.metrics["test-seeds"].to_dict()
    assert row["name"] == "thin" and row["test-seeds/micro/f1"] == pytest.approx(shape["micro"]["f1"])
    assert row["posts/c_ssrs/mae"] == pytest.approx(run.metrics["posts"].c_ssrs.mae)
    assert (
        row["params.corpus_digest"] == run.facts["corpus_digest"] and len(row["commit"]) == 40 and row["dirty"] in ("true", "false")
    )


def test_every_metric_that_is_logged_has_a_name_that_is_documented(run, out):
    patterns = [re.compile("(.+/)?" + re.sub(r"<[^>]*>", r"[^/]+", name)) for name in METRIC_NAMES]
    mlflow = connect(out)
    logged = mlflow.get_run(run.run_id).data.metrics
    assert [name for name in logged if not any(pattern.fullmatch(name) for pattern in patterns)] == []
    assert {"test-seeds/macro/auprc", "test-seeds/budget/100/sensitivity", "test-seeds/net_benefit/0.1", "posts/n"} <= set(logged)
    assert logged["system/peak_rss_mib"] > 50


def artifacts(out, run):
    """Every file of a run's record, by its place."""
    folder = Path(connect(out).artifacts.download_artifacts(run_id=run.run_id))
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def test_a_record_holds_plots_errors_environment_and_a_card(run, out):
    kept = artifacts(out, run)
    names = {"flags", "precision_recall", "reliability", "c_ssrs_confusion", "net_benefit"}
    drawn = {place for place in kept if place.startswith("plots/test-seeds/")}
    assert drawn == {f"plots/test-seeds/{name}.png" for name in names}
    assert all(kept[place].read_bytes().startswith(b"\x89PNG") for place in drawn)
    assert {place for place in kept if place.startswith("plots/posts/")} == {"plots/posts/c_ssrs_confusion.png"}
    table = json.loads(kept["errors/test-seeds.json"].read_text())
    assert table["columns"][:4] == ["note", "kind", "severity", "flag"] and len(table["data"]) > 0
    told = json.loads(kept["environment.json"].read_text())
    assert told["packages"]["numpy"] and told["knowledge_digest"].startswith("sha256:")
    assert {f"card/{name}" for name in CARD_FILES} <= set(kept)


def test_of_notes_that_were_brought_along_figures_and_plots_alone_are_recorded(run, out):
    kept = artifacts(out, run)
    assert {place for place in kept if "posts" in place} == {
        "evaluation/posts/metrics.json",
        "evaluation/posts-alone/metrics.json",
        "plots/posts/c_ssrs_confusion.png",
        "plots/posts-alone/c_ssrs_confusion.png",
    }
    assert "p1" not in json.dumps(json.loads(kept["evaluation/posts/metrics.json"].read_text()))


def test_the_corpora_are_inputs_by_name_and_digest(run, out):
    inputs = connect(out).get_run(run.run_id).inputs.dataset_inputs
    found = {each.dataset.name: (each.dataset.digest, each.tags[0].value) for each in inputs}
    assert found["labelled-notes"] == (run.facts["corpus_digest"].removeprefix("sha256:")[:32], "training")
    assert found["posts"] == (run.metrics["posts"].corpus_digest.removeprefix("sha256:")[:32], "evaluation")
    assert set(found) == {"labelled-notes", "test-seeds", "posts"}


def test_the_model_says_what_it_takes_and_gives(run, out):
    info = connect(out).models.get_model_info("models:/bh-sentinel/1")
    assert [each.name for each in info.signature.inputs.inputs] == ["text"]
    assert [each.name for each in info.signature.outputs.inputs] == ["analysis", "max_severity", "c_ssrs_level", "immediate_review"]
    assert info.saved_input_example_info is not None


def test_no_seed_text_is_in_any_record(run, out):
    from bh_lib.synth.corpus import seed_examples

    texts = [note.text for note in seed_examples("test")][::10]
    files = [path for path in (out / "mlartifacts").rglob("*") if path.suffix in (".json", ".jsonl", ".html", ".py", ".yaml", "")]
    written = "\n".join(path.read_text("utf-8", "replace") for path in files if path.is_file())
    assert "corpus_digest" in written and not [text for text in texts if len(text) > 20 and text in written]


def test_promotion_moves_the_alias_and_the_name_loads_everywhere(run, out):
    with pytest.raises(InputError, match="no such model"):
        load_sentinel("models:/bh-sentinel@champion", out_dir=out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bh_lib.lab.track.require_gate", lambda checks: None)  # the gate has its own tests; a thin model may fail it
        checks = promote(run.run_id, out)
    names = {"enough notes", "expectations of the notes", "critical sensitivity not worse than the rules alone", "calibration"}
    assert names <= {check.name for check in checks}
    expectations = next(check for check in checks if check.name == "expectations of the notes")
    assert expectations.held and expectations.figures == "all critical ones hold"
    text = "Wants to die. Relapsed on Friday."
    by_name = load_sentinel("models:/bh-sentinel@champion", out_dir=out).analyze(text).to_dict()
    assert by_name == load_sentinel(run.model).analyze(text).to_dict()
    import mlflow
    import pandas as pd

    answer = mlflow.pyfunc.load_model("models:/bh-sentinel@champion").predict(pd.DataFrame({"text": [text]}))
    assert json.loads(answer["analysis"][0])["flags"] == by_name["flags"] and answer["c_ssrs_level"][0] >= 0


def test_a_worse_model_is_refused_and_the_alias_stays(run, out, monkeypatch):
    from bh_lib.evaluate import Outcome
    from bh_lib.lab.gate import Judged

    answers = iter([0.2, 0.9])  # the candidate's critical sensitivity, then the rules'

    def judged(notes, system):
        share = next(answers)
        return Judged(
            tuple(
                Outcome(str(k), frozenset({"SH-005"}), {"SH-005": 1.0} if k < 100 * share else {}, group=str(k)) for k in range(100)
            ),
            0.01,
        )

    monkeypatch.setattr("bh_lib.lab.track.judge", judged)
    with pytest.raises(GateError, match="critical sensitivity"):
        promote(run.run_id, out)


def test_runs_compare_and_the_leaderboard_is_made_from_the_records(run, out):
    other = run_experiment(config("words", model="tfidf"), out, corpora=FOREIGN)
    table = compare_runs("thin", other.run_id, out)
    assert {"test-seeds/micro/f1", "posts/c_ssrs/mae"} <= set(table.index)
    assert all(math.isclose(d, s - f) for f, s, d in table.itertuples(index=False))
    board = leaderboard_markdown(out)
    tables = {part.partition("\n")[0]: part for part in board.split("## ")[1:]}
    assert set(tables) == {"test-seeds", "test-seeds-alone", "posts", "posts-alone"}
    assert all("| thin |" in part and "| words |" in part for part in tables.values())
    assert "macro-AUPRC" in tables["test-seeds"] and "macro-F1" not in tables["posts"]
    commit = list_runs(out).set_index("name").loc["thin", "commit"]
    assert commit[:7] in tables["posts"]
    with pytest.raises(InputError, match="no such run"):
        compare_runs("thin", "nobody", out)
    with pytest.raises(InputError, match="registered no model"):
        promote(other.run_id, out)


def test_a_check_that_refuses_stops_before_anything_is_trained(tmp_path):
    def refuse(path, splits):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert {row["id"] for row in rows} == set(splits) and set(splits.values()) == {"train", "dev", "test"}
        raise GateError("a critical expectation fails")

    with pytest.raises(GateError, match="critical expectation"):
        run_experiment(config("stopped"), tmp_path, check=refuse)
    assert not (tmp_path / "stopped" / "model").exists() and not (tmp_path / "mlflow.db").exists()


def test_a_model_that_was_touched_does_not_load(run, tmp_path):
    import shutil

    folder = shutil.copytree(run.model, tmp_path / "touched")
    heads = folder / "heads.json"
    heads.write_text(heads.read_text().replace('"threshold": 0.', '"threshold": 1.', 1))
    with pytest.raises(IntegrityError, match=r"heads\.json"):
        load_sentinel(folder)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"config\.toml"):
        run_experiment(tmp_path / "nothing", tmp_path)
    with pytest.raises(InputError, match="no model"):
        load_sentinel(tmp_path)
