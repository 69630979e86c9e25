"""Metrics as tables for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bh_lib._extras import require
from bh_lib.evaluate.metrics import Metrics
from bh_lib.schema.taxonomy import load_taxonomy

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["flag_frame", "systems_frame"]


def flag_frame(metrics: Metrics) -> pd.DataFrame:
    """One row a flag that occurs or was raised: scores, interval of F1, support, verdict; empty where flags aren't labelled.

    Examples
    --------
    >>> from bh_lib.evaluate import evaluate
    >>> from bh_lib.schema.note import LabelledNote
    >>> metrics = evaluate([LabelledNote("a", "x", flags=("SH-001",))], [{"flags": [{"flag_id": "SH-001"}]}])
    >>> float(flag_frame(metrics).loc["SH-001", "f1"])
    1.0
    """
    pandas = require("pandas", extra="lab")
    columns = ["name", "severity", "precision", "recall", "f1", "low", "high", "auprc", "support", "verdict"]
    taxonomy, rows, index = load_taxonomy(), [], []
    for flag, score in (metrics.per_flag or {}).items():
        if not score.counts.support and not score.counts.fp:
            continue
        shape = score.to_dict()
        low, high = score.ci95.f1 or (None, None)
        scores = [shape.get(name) for name in ("precision", "recall", "f1")]
        rows.append(
            [
                taxonomy[flag].name,
                taxonomy[flag].severity.name,
                *scores,
                low,
                high,
                score.auprc,
                score.counts.support,
                score.verdict,
            ]
        )
        index.append(flag)
    return pandas.DataFrame(rows, columns=columns, index=pandas.Index(index, name="flag"))


def systems_frame(systems: Mapping[str, Metrics]) -> pd.DataFrame:
    """One row a system, side by side: the scores that a reader compares first; what isn't labelled is empty."""
    pandas = require("pandas", extra="lab")
    rows = {}
    for name, metrics in systems.items():
        shape = metrics.to_dict()
        row: dict[str, float | None] = {"notes": metrics.n}
        for column, (part, key) in _COLUMNS.items():
            row[column] = shape.get(part, {}).get(key)
        rows[name] = {**row, "alerts per 1,000": metrics.alerts_per_1000}
    return pandas.DataFrame.from_dict(rows, orient="index").rename_axis("system")


_COLUMNS = {
    "macro-F1": ("macro", "f1"),
    "micro-F1": ("micro", "f1"),
    "critical sensitivity": ("critical", "sensitivity"),
    "critical PPV": ("critical", "ppv"),
    "any signal sensitivity": ("any_signal", "sensitivity"),
    "any signal PPV": ("any_signal", "ppv"),
    "QWK": ("c_ssrs", "qwk"),
    "level ≥ 4 sensitivity": ("c_ssrs", "sensitivity_ge4"),
    "ECE": ("calibration", "ece"),
}
