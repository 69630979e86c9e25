"""The stable names under which metrics are tracked, so that a chart made today still shows next year's runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["METRIC_NAMES", "metric_names"]

METRIC_NAMES: Final[Mapping[str, str]] = {
    "n": "notes",
    "alerts_per_1000": "notes in which anything but a protective factor was raised",
    "immediate_review_per_1000": "notes that ask for immediate review",
    "flag/<FLAG>/<score>": "precision, recall, f1, auprc and support of a flag that occurs",
    "micro/<score>": "all flags of all notes together",
    "macro/<score>": "means over the flags that occur, and how many they are (flags)",
    "any_signal/<score>": "whether a note shows any sign at all: sensitivity, ppv, f1, support, n",
    "critical/<score>": "notes with a critical flag: sensitivity, ppv, support; flag_sensitivity and flag_ppv by flag and note",
    "c_ssrs/<score>": "C-SSRS level: qwk, mae, off_by_more_than_one, sensitivity and ppv at 3, 4 and 5 or above",
    "calibration/<score>": "of raised flags: ece, slope, n",
    "prevalence/<question>/<share>/<score>": "ppv and npv where signals are as common as stated",
    "net_benefit/<threshold>": "of alerts on a critical flag",
    "budget/<alerts of 1,000>/<score>": "sensitivity and ppv on critical notes within a budget of alerts",
    "layers/<layer_and_layer>/<score>": "flags by the layers that raised them: raised, right, ppv, critical_raised, critical_right",
    "register/<name>/<score>": "the scores of one kind of text",
    "pronoun/<name>/<score>": "the scores of notes by their commonest pronoun",
    "shorthand/<name>/<score>": "the scores of notes by the shorthand that they are written in",
    "length/<class>/<score>": "the scores of notes by their length",
    "robustness/<variant>/<score>": "n, flips, critical_lost",
    "speed/notes_per_s": "throughput",
    "seconds/<step>": "of each step of a run",
    "system/peak_rss_mib": "the most memory that the run's process held",
}
"""Every name that a run may log. Those of another corpus than the test notes stand behind ``<corpus>/``, those of layer 2 by itself
behind ``<corpus>-alone/``."""

_PARTS: Final = ("register", "pronoun", "shorthand", "length")


def _safe(name: str) -> str:
    """Such characters alone as MLflow allows in a name, and no blank."""
    return re.sub(r"[^\w.\-/]+", "_", name.replace("2000+", "2000_or_more").replace("+", "_and_"))


def _groups(shape: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    groups = {f"flag/{flag}": scores for flag, scores in shape.get("per_flag", {}).items() if scores["support"]}
    for key in ("micro", "macro", "any_signal", "critical", "c_ssrs", "calibration", "speed"):
        if key in shape:
            groups[key] = shape[key]
    for part in _PARTS:
        groups |= {f"{part}/{name}": scores for name, scores in shape.get("slices", {}).get(part, {}).items()}
    for question, table in shape.get("prevalence", {}).items():
        for row in table["at"]:
            groups[f"prevalence/{question}/{row['prevalence']:g}"] = {key: row[key] for key in ("ppv", "npv") if key in row}
    for row in shape.get("alert_budget", ()):
        groups[f"budget/{row['budget_per_1000']:g}"] = {key: row[key] for key in ("sensitivity", "ppv") if key in row}
    groups |= {f"layers/{name}": scores for name, scores in shape.get("layers", {}).items()}
    groups |= {f"robustness/{name}": scores for name, scores in shape.get("robustness", {}).items()}
    return groups


def metric_names(shape: Mapping[str, Any]) -> dict[str, float]:
    """Metrics of ``metrics.json`` by their names in `METRIC_NAMES`.

    Examples
    --------
    >>> metric_names({"n": 3, "per_flag": {"SH-002": {"f1": 0.5, "support": 2}}, "c_ssrs": {"qwk": 0.8}})
    {'n': 3.0, 'flag/SH-002/f1': 0.5, 'flag/SH-002/support': 2.0, 'c_ssrs/qwk': 0.8}
    >>> metric_names({"layers": {"pattern+transformer": {"ppv": 0.9}}, "net_benefit": [{"threshold": 0.1, "net_benefit": 0.2}]})
    {'layers/pattern_and_transformer/ppv': 0.9, 'net_benefit/0.1': 0.2}
    """
    found = {key: float(shape[key]) for key in ("n", "alerts_per_1000", "immediate_review_per_1000") if key in shape}
    for group, scores in _groups(shape).items():
        for name, value in scores.items():
            if isinstance(value, int | float):
                found[_safe(f"{group}/{name}")] = float(value)
    return found | {f"net_benefit/{row['threshold']:g}": float(row["net_benefit"]) for row in shape.get("net_benefit", ())}
