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
    "macro/f1": "macro-F1",
    "micro/f1": "micro-F1",
    "critical/sensitivity": "critical sensitivity",
    "critical/ppv": "critical PPV",
    "c_ssrs/qwk": "QWK",
    "calibration/ece": "ECE",
    "alerts_per_1000": "alerts per 1,000",
    "speed/notes_per_s": "notes/s",
}
"""What the leaderboard shows of the test notes, by the metric's stable name."""

_FOREIGN: Final = {
    "any_signal/sensitivity": "sensitivity",
    "any_signal/ppv": "PPV",
    "c_ssrs/qwk": "QWK",
    "c_ssrs/sensitivity_ge4": "level ≥ 4 sensitivity",
    "any_signal/f1": "F1",
}


def leaderboard(out_dir: str | os.PathLike[str]) -> pd.DataFrame:
    """The latest run of each experiment, best macro-F1 on the test notes first; every metric is a column under its stable name."""
    runs = list_runs(out_dir)
    if runs.empty:
        raise InputError("there is no run yet: bh experiment run DIR")
    latest = runs.drop_duplicates("name")
    return latest.sort_values("macro/f1", ascending=False) if "macro/f1" in latest else latest


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _cell(value: Any) -> str:
    if value is None or value != value:  # NaN: the run has no such metric
        return "–"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.3f}"


def leaderboard_markdown(out_dir: str | os.PathLike[str]) -> str:
    """The leaderboard as Markdown, made from the records alone: the test notes, then each other corpus that was judged on."""
    board = leaderboard(out_dir)
    shown = {key: name for key, name in COLUMNS.items() if key in board}
    parts = [
        "# Leaderboard",
        "",
        "Made from the records of the runs. Test notes are synthetic; no seed family is in two splits.",
        "",
    ]
    rows = [
        [str(row["name"]), str(row.get("commit") or "–")[:7], *(_cell(row[key]) for key in shown)] for _, row in board.iterrows()
    ]
    parts += [_table(["experiment", "commit", *shown.values()], rows), ""]
    prefixes = sorted({column.split("/")[0] for column in board if column.endswith(("/any_signal/f1", "-alone/macro/f1"))})
    for prefix in prefixes:
        names = {**_FOREIGN, "macro/f1": "macro-F1", "critical/sensitivity": "critical sensitivity"}
        shown = {f"{prefix}/{key}": name for key, name in names.items() if f"{prefix}/{key}" in board}
        rows = [[str(row["name"]), *(_cell(row[key]) for key in shown)] for _, row in board.iterrows()]
        rows = [row for row in rows if set(row[1:]) != {"–"}]
        parts += [f"## {prefix}", "", _table(["experiment", *shown.values()], rows), ""]
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
