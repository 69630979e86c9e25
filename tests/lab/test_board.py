"""The leaderboard reads the records: the newest finished run of each experiment, and no other."""

from __future__ import annotations

import pytest

from bh_lib.errors import InputError
from bh_lib.lab import leaderboard, leaderboard_markdown

pytest.importorskip("mlflow")

from bh_lib.lab.track import connect


def record(mlflow, name, score, status="FINISHED", corpus="", **tags):
    with mlflow.start_run(run_name=name) as run:
        mlflow.set_tags({"git.commit": "abcdef1234567890", "git.dirty": "false", **tags})
        mlflow.log_metrics({f"{corpus}macro/f1": score, f"{corpus}alerts_per_1000": 100.0, f"{corpus}n": 40.0})
    mlflow.MlflowClient().set_terminated(run.info.run_id, status)


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    mlflow = connect(tmp_path)
    record(mlflow, "rules", 0.4)
    record(mlflow, "rules", 0.5, **{"git.dirty": "true"})
    record(mlflow, "rules", 0.9, "FAILED")
    record(mlflow, "words", 0.6)
    record(mlflow, "posts-only", 0.7, corpus="posts/")
    return tmp_path


def test_the_newest_finished_run_of_each_experiment_counts_best_first(out):
    board = leaderboard(out)
    assert board["name"].tolist() == ["words", "rules", "posts-only"] and board["macro/f1"].tolist()[:2] == [0.6, 0.5]


def test_each_corpus_has_a_table_of_its_own_with_commits_and_only_who_was_judged_on_it(out):
    test, posts = (part for part in leaderboard_markdown(out).split("## ")[1:])
    assert test.startswith("test\n") and "| words | abcdef1 | 40 | 0.600 |" in test and "| rules | abcdef1* | 40 | 0.500 |" in test
    assert posts.startswith("posts\n") and "posts-only" in posts and "posts-only" not in test and "words" not in posts


def test_without_a_finished_run_it_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match="no finished run"):
        leaderboard(tmp_path)
    record(connect(tmp_path), "rules", 0.9, "FAILED")
    with pytest.raises(InputError, match="no finished run"):
        leaderboard(tmp_path)
