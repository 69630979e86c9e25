"""The report's plots for a notebook, in matplotlib; each returns a figure and shows nothing by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bh_lib._extras import require
from bh_lib.errors import InputError
from bh_lib.evaluate.frames import flag_frame
from bh_lib.evaluate.metrics import Metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["decision_figure", "flag_figure", "level_figure", "recall_figure", "reliability_figure"]

_INK, _PALE = "#2f6f9f", "#dde7ef"


def _axes(width: float, height: float) -> tuple[Any, Any]:
    # A figure of its own and not pyplot's: no window, no global state, and nothing is drawn twice in a notebook.
    figure = require("matplotlib.figure", extra="lab").Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def flag_figure(metrics: Metrics) -> Figure:
    """F1 of each flag that occurs, with its 95 % interval; hatched where there are too few to say.

    Raises
    ------
    InputError
        If no flag is labelled.
    """
    frame = flag_frame(metrics)
    frame = frame[frame["support"] > 0].iloc[::-1]
    if frame.empty:
        raise InputError("no flag is labelled in these notes")
    figure, axes = _axes(7, 0.6 + 0.22 * len(frame))
    bars = axes.barh([f"{flag}  n {n}" for flag, n in frame["support"].items()], frame["f1"], color=_INK)
    for bar, verdict in zip(bars, frame["verdict"], strict=True):
        if verdict != "ok":
            bar.set(facecolor=_PALE, edgecolor=_INK, hatch="///")
    axes.hlines(range(len(frame)), frame["low"].astype(float), frame["high"].astype(float), color="#10202e", linewidth=1.5)
    axes.set(xlim=(0, 1), xlabel="F1, with its 95 % interval")
    axes.margins(y=0.01)
    return figure  # type: ignore[no-any-return]


def level_figure(metrics: Metrics) -> Figure:
    """Notes by true and guessed C-SSRS level, shaded by share of the row.

    Raises
    ------
    InputError
        If no level is labelled.
    """
    if metrics.c_ssrs is None:
        raise InputError("no C-SSRS level is labelled in these notes")
    table = metrics.c_ssrs.confusion
    shares = [[count / max(sum(row), 1) for count in row] for row in table]
    figure, axes = _axes(5, 4.6)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, row in enumerate(table):
        for j, count in enumerate(row):
            axes.text(j, i, str(count), ha="center", va="center", color="white" if shares[i][j] > 0.6 else "black")
    axes.set(xticks=range(7), yticks=range(7), xlabel="guessed level", ylabel="true level")
    return figure  # type: ignore[no-any-return]


def reliability_figure(systems: Mapping[str, Metrics]) -> Figure:
    """Share of raised flags that stand, against the confidence with which they were raised: a line a system.

    Raises
    ------
    InputError
        If none of them raised a flag on labelled notes.
    """
    curves = {name: metrics.calibration for name, metrics in systems.items() if metrics.calibration is not None}
    if not curves:
        raise InputError("no flag was raised on labelled notes")
    figure, axes = _axes(4.6, 4.4)
    axes.plot([0, 1], [0, 1], color="#ccd5dd")
    for marker, (name, curve) in zip("os^Dv*" * len(curves), curves.items(), strict=False):
        points = [(each.confidence, each.right) for each in curve.bins]
        axes.plot(*zip(*points, strict=True), marker=marker, label=f"{name} (ECE {curve.ece:.3f})")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that stands")
    axes.legend(loc="upper left", frameon=False)
    return figure  # type: ignore[no-any-return]


def recall_figure(metrics: Metrics) -> Figure:
    """Precision against recall, of notes with a critical flag and of all flags.

    Raises
    ------
    InputError
        If no flag is labelled, or none was ranked.
    """
    drawn = {name: points for name, points in metrics.pr_curves.items() if points}
    if not drawn:
        raise InputError("no labelled flag was ranked in these notes")
    figure, axes = _axes(4.6, 4.4)
    for style, (name, points) in zip(("-o", "--s"), drawn.items(), strict=False):
        label = {"critical": "notes with a critical flag", "flags": "all flags"}[name]
        axes.plot(*zip(*points, strict=True), style, markersize=3, label=label)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.legend(loc="lower left", frameon=False)
    return figure  # type: ignore[no-any-return]


def decision_figure(metrics: Metrics) -> Figure:
    """Net benefit of alerts on a critical flag, beside alerting on every note and on none.

    Raises
    ------
    InputError
        If no flag is labelled.
    """
    rows = metrics.net_benefit
    if not rows:
        raise InputError("no flag is labelled in these notes")
    figure, axes = _axes(5, 3.6)
    thresholds = [row["threshold"] for row in rows]
    axes.plot(thresholds, [row["net_benefit"] for row in rows], "-o", color=_INK, label="the system")
    axes.plot(thresholds, [row["alert_on_all"] for row in rows], "--s", color="#8a5a00", label="alert on every note")
    axes.axhline(0, color="#51606e", linewidth=1, linestyle=":", label="alert on none")
    highest = max(row["net_benefit"] for row in rows)
    axes.set(xlabel="threshold", ylabel="net benefit", ylim=(-0.1, max(highest * 1.3, 0.1)))
    axes.legend(frameon=False)
    return figure  # type: ignore[no-any-return]
