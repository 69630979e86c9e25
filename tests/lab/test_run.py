"""One config from seeds to the registry, on a thin slice of the encoder."""

from __future__ import annotations

import json
import math

import pytest

from bh_lib.errors import ConfigError, GateError, InputError, IntegrityError
from bh_lib.lab import ExperimentConfig, compare_runs, leaderboard_markdown, list_runs, load_sentinel, promote, run_experiment
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
    assert {"enough notes", "critical sensitivity not worse than the rules alone"} <= {check.name for check in checks}
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
    assert "| thin |" in board and "| words |" in board and "## posts" in board
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
