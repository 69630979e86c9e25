"""The stable names under which metrics are tracked, so that a chart made today still shows next year's runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["metric_names"]


def metric_names(shape: Mapping[str, Any]) -> dict[str, float]:
    """Metrics of ``metrics.json`` by name: ``flag/SH-002/f1``, ``c_ssrs/qwk``, ``critical/sensitivity``, ``n``, …

    Examples
    --------
    >>> metric_names({"n": 3, "per_flag": {"SH-002": {"f1": 0.5, "support": 2}}, "c_ssrs": {"qwk": 0.8}})
    {'n': 3.0, 'flag/SH-002/f1': 0.5, 'flag/SH-002/support': 2.0, 'c_ssrs/qwk': 0.8}
    """
    found = {key: float(shape[key]) for key in ("n", "alerts_per_1000", "immediate_review_per_1000") if key in shape}
    groups = {f"flag/{flag}": scores for flag, scores in shape.get("per_flag", {}).items() if scores["support"]}
    for key in ("micro", "macro", "any_signal", "critical", "c_ssrs", "calibration", "speed"):
        if key in shape:
            groups[key] = shape[key]
    for register, scores in shape.get("slices", {}).get("register", {}).items():
        groups[f"register/{register}"] = scores
    for group, scores in groups.items():
        for name, value in scores.items():
            if isinstance(value, int | float):
                found[f"{group}/{name}"] = float(value)
    return found
