"""How accurate a system is on labelled notes: scores with intervals, slices, a report, and the errors to look at first."""

from __future__ import annotations

from bh_lib.evaluate.agreement import Agreement, Share, agreement
from bh_lib.evaluate.calibration import Calibration, calibration
from bh_lib.evaluate.compare import Difference, compare, compare_calibration, critical_cells, flag_cells
from bh_lib.evaluate.counts import Counts
from bh_lib.evaluate.cssrs import Ordinal, ordinal, ordinal_level
from bh_lib.evaluate.figures import decision_figure, flag_figure, level_figure, recall_figure, reliability_figure
from bh_lib.evaluate.file import evaluate_file, evaluate_notes, read_labelled
from bh_lib.evaluate.frames import flag_frame, systems_frame
from bh_lib.evaluate.interval import Intervals
from bh_lib.evaluate.metrics import FlagScore, Metrics, corpus_digest, evaluate, evaluate_outcomes
from bh_lib.evaluate.mistakes import Mistake, mistakes, write_mistakes
from bh_lib.evaluate.outcome import Outcome, pair, true_flags
from bh_lib.evaluate.report import render_report, write_report
from bh_lib.evaluate.robustness import VARIANTS, Flips, robustness

__all__ = [
    "VARIANTS",
    "Agreement",
    "Calibration",
    "Counts",
    "Difference",
    "FlagScore",
    "Flips",
    "Intervals",
    "Metrics",
    "Mistake",
    "Ordinal",
    "Outcome",
    "Share",
    "agreement",
    "calibration",
    "compare",
    "compare_calibration",
    "corpus_digest",
    "critical_cells",
    "decision_figure",
    "evaluate",
    "evaluate_file",
    "evaluate_notes",
    "evaluate_outcomes",
    "flag_cells",
    "flag_figure",
    "flag_frame",
    "level_figure",
    "mistakes",
    "ordinal",
    "ordinal_level",
    "pair",
    "read_labelled",
    "recall_figure",
    "reliability_figure",
    "render_report",
    "robustness",
    "systems_frame",
    "true_flags",
    "write_mistakes",
    "write_report",
]
