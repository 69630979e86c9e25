"""The evaluation as one HTML file: it opens anywhere, loads nothing, and holds no word of any note."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from bh_lib._jsonl import atomic_write
from bh_lib.evaluate.metrics import Metrics
from bh_lib.evaluate.mistakes import mistakes
from bh_lib.evaluate.outcome import Outcome
from bh_lib.evaluate.plots import flag_bars, level_matrix, recall_curves, reliability
from bh_lib.evaluate.sections import interval, layer_section, parts_section, robustness_section, table, worth_section
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["render_report", "write_report"]

_SHOWN: Final = 200
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;color:#1a2530;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #ccd5dd}
table{border-collapse:collapse;margin:.6rem 0}th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #e3e8ed}
th:first-child,td:first-child{text-align:left}caption{text-align:left;color:#51606e;padding:.2rem 0}
.note{color:#51606e}.few{color:#8a5a00}svg{max-width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:#1a2530}
svg .small{font-size:11px;fill:#51606e}svg .light{fill:#fff}.bar{fill:#2f6f9f}rect.few{fill:url(#few)}.pale{fill:#dde7ef}
.hatch{stroke:#2f6f9f;stroke-width:2}.grid{stroke:#ccd5dd}.whisker{stroke:#10202e;stroke-width:2}.frame{fill:none;stroke:#ccd5dd}
.edge{fill:#2f6f9f;stroke:#ccd5dd}.diagonal{fill:#2f6f9f;stroke:#10202e;stroke-width:2}.curve{fill:none;stroke:#2f6f9f;stroke-width:2}
.point{fill:#2f6f9f}
.dashed{fill:none;stroke:#8a5a00;stroke-width:2;stroke-dasharray:6 4}
.scroll{overflow-x:auto}.scroll:focus-visible{outline:3px solid #2f6f9f}
@media(max-width:40rem){th,td{padding:.25rem .35rem}}
"""


def _overview(shape: Mapping[str, Any]) -> str:
    rows: list[tuple[object, ...]] = [("Notes", shape["n"])]
    signal, critical, levels, flags = (shape.get(key, {}) for key in ("any_signal", "critical", "c_ssrs", "micro"))
    if signal:
        rows.append(
            (f"Any signal (by {signal['basis']}), sensitivity", signal.get("sensitivity"), interval(signal["ci95"].get("recall")))
        )
        rows.append(("Any signal, PPV", signal.get("ppv"), interval(signal["ci95"].get("precision"))))
    if critical:
        rows.append(("Critical, sensitivity", critical.get("sensitivity"), interval(critical["ci95"].get("sensitivity"))))
        rows.append(("Critical, PPV", critical.get("ppv"), interval(critical["ci95"].get("ppv"))))
    if flags:
        rows.append(("All flags, micro-F1", flags.get("f1"), interval(flags["ci95"].get("f1"))))
    if shape.get("macro"):
        rows.append((f"All flags, macro-F1 over {shape['macro']['flags']}", shape["macro"]["f1"]))
        if "auprc" in shape["macro"]:
            rows.append((f"Mean area under their precision-recall curves, by {shape['ranked_by']}", shape["macro"]["auprc"]))
    for key, name in (
        ("qwk", "C-SSRS level, QWK"),
        ("mae", "C-SSRS level, mean error"),
        ("off_by_more_than_one", "… off by more than one"),
    ):
        if key in levels:
            rows.append((name, levels[key]))
    rows += [
        (f"C-SSRS level ≥ {k}, {name}", levels[f"{key}_ge{k}"])
        for k in (3, 4, 5)
        for key, name in _AT_LEAST
        if f"{key}_ge{k}" in levels
    ]
    if shape.get("calibration"):
        rows.append(("Calibration error of raised flags (ECE)", shape["calibration"]["ece"]))
    rows.append(("Notes with an alert, of 1,000", float(shape["alerts_per_1000"])))
    rows.append(("Notes for immediate review, of 1,000", float(shape["immediate_review_per_1000"])))
    if shape.get("speed"):
        rows.append(("Notes a second", float(shape["speed"]["notes_per_s"])))
    padded = [(*row, "") if len(row) == 2 else row for row in rows]
    return table("What isn't labelled in the corpus is not scored, and not listed.", ("Measure", "Value", "95 %"), padded)


_AT_LEAST: Final = (("sensitivity", "sensitivity"), ("ppv", "PPV"))


def _flags(metrics: Metrics) -> str:
    if metrics.per_flag is None:
        return ""
    taxonomy, rows = load_taxonomy(), []
    for flag, score in metrics.per_flag.items():
        shape = score.to_dict()
        if not score.counts.support and not score.counts.fp:
            continue
        name = f"{flag} {taxonomy[flag].name}"
        rows.append(
            (
                name,
                shape.get("precision"),
                shape.get("recall"),
                shape.get("f1"),
                interval(score.ci95.f1),
                shape.get("auprc"),
                interval(score.auprc_ci95),
                score.counts.support,
                score.verdict,
            )
        )
    head = ("Flag", "Precision", "Recall", "F1", "95 %", "AUPRC", "95 %", "Notes", "Verdict")
    legend = "Line: 95 % interval, seed families resampled. Hatched: too few notes or families to say."
    return f"<h2>Each flag</h2>{flag_bars(metrics.per_flag)}<p class=note>{legend}</p>{table('', head, rows)}"


def _errors(outcomes: Sequence[Outcome]) -> str:
    listed = mistakes(outcomes)
    rows = [
        (
            each.note_id,
            each.kind.name.lower().replace("_", " "),
            each.flag_id or (f"level {each.levels[0]} read as {each.levels[1]}" if each.levels else "any signal"),
            each.severity.name,
            ", ".join(f"{start}-{end}" for start, end in each.spans),
            each.why or "",
        )
        for each in listed[:_SHOWN]
    ]
    caption = f"The first {len(rows)} of {len(listed)}, misses of critical flags first; errors.jsonl has all."
    return "<h2>What to look at first</h2>" + table(
        caption, ("Note", "Kind", "What", "Severity", "Characters", "Suppressed because"), rows
    )


def render_report(metrics: Metrics, outcomes: Sequence[Outcome], *, title: str = "Evaluation") -> str:
    """The report as one HTML document."""
    levels = f"<h2>C-SSRS level</h2>{level_matrix(metrics.c_ssrs.confusion)}" if metrics.c_ssrs is not None else ""
    curve = ""
    if metrics.calibration is not None:
        curve = f"<h2>What a confidence means</h2>{reliability(metrics.calibration)}"
    ranked = f"<h2>Precision and recall</h2>{recall_curves(metrics.pr_curves)}" if any(metrics.pr_curves.values()) else ""
    notice = "Decision support, for a clinician to judge: no diagnosis."
    digest = f"<p class=note>Corpus <code>{escape(metrics.corpus_digest[:23])}…</code>. {notice}</p>"
    tables = (worth_section(metrics), parts_section(metrics), layer_section(metrics), robustness_section(metrics))
    sections = "".join((_overview(metrics.to_dict()), levels, _flags(metrics), ranked, curve, *tables, _errors(outcomes)))
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head = f"<head>{meta}<title>{escape(title)}</title><style>{_STYLE}</style></head>"
    return f'<!doctype html>\n<html lang="en">{head}<body><h1>{escape(title)}</h1>{digest}{sections}</body></html>\n'


def write_report(path: str | os.PathLike[str], metrics: Metrics, outcomes: Sequence[Outcome], *, title: str = "Evaluation") -> None:
    """Write ``report.html``, whole or not at all."""
    with atomic_write(path) as out:
        out.write(render_report(metrics, outcomes, title=title))
