"""Which layers raised what, and how often they were right: alone, and where they agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bh_lib.evaluate.outcome import Outcome
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["layer_agreement"]


def layer_agreement(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """By the set of layers behind a raised flag: how many were raised, how many of them stand, and the same of critical flags.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Those whose flags aren't labelled are left out, and so is a flag that names no layer.

    Examples
    --------
    >>> both = Outcome("a", frozenset({"SH-002"}), {"SH-002": 0.9}, layers={"SH-002": ("transformer", "pattern")})
    >>> alone = Outcome("b", frozenset(), {"CD-003": 0.4}, layers={"CD-003": ("transformer",)})
    >>> found = layer_agreement([both, alone])
    >>> found["pattern+transformer"]["ppv"], found["transformer"]["ppv"]
    (1.0, 0.0)
    """
    grave = frozenset(load_taxonomy().critical)
    found: dict[str, dict[str, Any]] = {}
    for outcome in outcomes:
        if outcome.truth is None:
            continue
        for flag, layers in outcome.layers.items():
            if not layers:
                continue
            row = found.setdefault("+".join(sorted(layers)), {"raised": 0, "right": 0, "critical_raised": 0, "critical_right": 0})
            right = flag in outcome.truth
            row["raised"] += 1
            row["right"] += right
            row["critical_raised"] += flag in grave
            row["critical_right"] += right and flag in grave
    for row in found.values():
        row["ppv"] = row["right"] / row["raised"]
    return dict(sorted(found.items()))
