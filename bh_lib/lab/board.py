"""Runs beside each other: the leaderboard, and what differs between two."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import require
from bh_lib.errors import InputError
from bh_lib.lab.track import list_runs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "compare_runs", "leaderboard", "leaderboard_markdown"]

COLUMNS: Final = {
    "n": "notes",
    "macro/f1": "macro-F1",
    "macro/auprc": "macro-AUPRC",
    "micro/f1": "micro-F1",
    "critical/sensitivity": "critical sensitivity",
    "critical/ppv": "critical PPV",
    "any_signal/sensitivity": "any signal, sensitivity",
    "any_signal/ppv": "any signal, PPV",
    "c_ssrs/qwk": "QWK",
    "c_ssrs/sensitivity_ge4": "level ≥ 4, sensitivity",
    "calibration/ece": "ECE",
    "alerts_per_1000": "alerts per 1,000",
    "speed/notes_per_s": "notes/s",
}
"""What a table of the leaderboard shows, by the metric's stable name; what no run of the corpus has is left out."""

_ORDER: Final = ("macro/f1", "any_signal/f1", "c_ssrs/qwk")
_EACH: Final = "alerts_per_1000"
"""A metric that every evaluation has, so that it tells which corpora there are."""


def leaderboard(out_dir: str | os.PathLike[str]) -> pd.DataFrame:
    """The latest finished run of each experiment, best macro-F1 on the test notes first; a metric is a column by its stable name.

    Raises
    ------
    InputError
        If no run has finished yet.
    """
    runs = list_runs(out_dir)
    if not runs.empty:
        runs = runs[runs["status"] == "FINISHED"]
    if runs.empty:
        raise InputError("there is no finished run yet: bh experiment run DIR")
    latest = runs.drop_duplicates("name")
    return latest.sort_values("macro/f1", ascending=False) if "macro/f1" in latest else latest


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _cell(value: Any) -> str:
    if value is None or value != value:  # NaN: the run has no such metric
        return "–"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.3f}"


def _corpora(board: pd.DataFrame) -> list[str]:
    """The test notes first, then the others by name; a layer by itself stands behind its corpus."""
    found = [column.removesuffix(_EACH).removesuffix("/") for column in board if column == _EACH or column.endswith(f"/{_EACH}")]
    return sorted(found, key=lambda name: (bool(name), name))


def leaderboard_markdown(out_dir: str | os.PathLike[str]) -> str:
    """The leaderboard as Markdown, made from the records alone: one table a corpus, one row an experiment, with its commit."""
    board = leaderboard(out_dir)
    parts = [
        "# Leaderboard",
        "",
        "Made from the records of the runs: the newest finished run of each experiment. Test notes and seeds are synthetic; no",
        "seed family is in two splits. A name that ends in `-alone` is layer 2 by itself. A commit with `*` had changes beside it.",
        "",
    ]
    for corpus in _corpora(board):
        prefix = f"{corpus}/" if corpus else ""
        judged = board[board[f"{prefix}{_EACH}"].notna()]
        order = next((f"{prefix}{key}" for key in _ORDER if f"{prefix}{key}" in judged), f"{prefix}{_EACH}")
        shown = {f"{prefix}{key}": name for key, name in COLUMNS.items()}
        shown = {key: name for key, name in shown.items() if key in judged and judged[key].notna().any()}
        rows = []
        for _, row in judged.sort_values(order, ascending=False).iterrows():
            commit = row.get("commit")
            told = f"{commit[:7]}{'*' if row.get('dirty') == 'true' else ''}" if isinstance(commit, str) else "–"
            rows.append([str(row["name"]), told, *(_cell(row[key]) for key in shown)])
        parts += [f"## {corpus or 'test'}", "", _table(["experiment", "commit", *shown.values()], rows), ""]
    return "\n".join(parts)


def compare_runs(first: str, second: str, out_dir: str | os.PathLike[str]) -> pd.DataFrame:
    """Each metric of two runs and the difference, largest first; runs are named by id or by experiment (its latest run).

    Raises
    ------
    InputError
        If there is no such run.
    """
    pandas = require("pandas", extra="lab")
    runs = list_runs(out_dir)
    rows = []
    for wanted in (first, second):
        found = runs[(runs["run_id"] == wanted) | (runs["name"] == wanted)]
        if found.empty:
            raise InputError("there is no such run: see bh experiment list")
        rows.append(found.iloc[0])
    metrics = [c for c in runs.columns if pandas.api.types.is_numeric_dtype(runs[c]) and not c.startswith("params.")]
    table = pandas.DataFrame({"first": rows[0][metrics].astype(float), "second": rows[1][metrics].astype(float)}).dropna()
    table["difference"] = table["second"] - table["first"]
    return table.reindex(table["difference"].abs().sort_values(ascending=False).index)
