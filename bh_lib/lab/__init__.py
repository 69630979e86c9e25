"""The lab: train, calibrate, export, judge, track and promote. Heavy libraries are imported only when they are used."""

from __future__ import annotations

from bh_lib.lab.board import compare_runs, leaderboard, leaderboard_markdown
from bh_lib.lab.config import ExperimentConfig, parse_config, read_config
from bh_lib.lab.load import load_sentinel
from bh_lib.lab.run import Corpus, ExperimentRun, build_corpus, run_experiment
from bh_lib.lab.track import download_model, list_runs, promote

__all__ = [
    "Corpus",
    "ExperimentConfig",
    "ExperimentRun",
    "build_corpus",
    "compare_runs",
    "download_model",
    "leaderboard",
    "leaderboard_markdown",
    "list_runs",
    "load_sentinel",
    "parse_config",
    "promote",
    "read_config",
    "run_experiment",
]
