"""The report's tables: parts of the corpus, what an alert is worth, which layers agree, and robustness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

from bh_lib.evaluate.metrics import Metrics

__all__ = ["interval", "layer_section", "parts_section", "robustness_section", "table", "worth_section"]

_PARTS: Final = (
    ("register", "Kind of text"),
    ("length", "Characters"),
    ("pronoun", "Commonest pronoun"),
    ("shorthand", "Shorthand"),
)
_CURVE: Final = ("net_benefit", "alert_on_all", "alerts_per_1000")
_QUESTIONS: Final = {"critical": "a critical flag", "any_signal": "any signal"}


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))


def interval(edges: object) -> str:
    """Two edges as text.

    Examples
    --------
    >>> interval((0.5, 0.75)), interval(None)
    ('0.50–0.75', '–')
    """
    return f"{edges[0]:.2f}–{edges[1]:.2f}" if isinstance(edges, Sequence) and len(edges) == 2 else "–"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table that scrolls by itself on a narrow screen, by keyboard too.

    Examples
    --------
    >>> '<th scope="col">a</th>' in table("", ("a",), [(1,)])
    True
    """
    body = "".join("<tr>" + "".join(f"<td>{_shown(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    inner = f"<table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    label = escape(caption or head[0], quote=True)
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{inner}</div>'


def parts_section(metrics: Metrics) -> str:
    """Scores on parts of the corpus, and of mentions by how they stand."""
    found = []
    for part, name in _PARTS:
        if part in metrics.slices:
            rows = [
                (key, each["n"], each.get("precision"), each.get("recall"), each.get("f1"), each.get("critical_sensitivity"))
                for key, each in metrics.slices[part].items()
            ]
            found.append(table("", (name, "Notes", "Precision", "Recall", "F1", "Critical sensitivity"), rows))
    if "mention" in metrics.slices:
        kinds = [(key, each["n"], each["raised"]) for key, each in metrics.slices["mention"].items()]
        caption = "High where the flag stands, low where it does not."
        found.append(table(caption, ("How the mention stands", "Mentions", "Flag raised"), kinds))
    return "<h2>Parts of the corpus</h2>" + "".join(found) if found else ""


def _prevalence(name: str, found: dict[str, Any]) -> str:
    caption = (
        f"Notes with {_QUESTIONS[name]}: sensitivity {found['sensitivity']:.3f} among {found['positives']}, "
        f"specificity {found['specificity']:.3f} among {found['negatives']}"
    )
    rows = [(f"{each['prevalence']:.1%}", each.get("ppv"), interval(each.get("ci95")), each.get("npv")) for each in found["at"]]
    return table(caption, ("Where as common as", "PPV", "95 %", "NPV"), rows)


def worth_section(metrics: Metrics) -> str:
    """Predictive values at stated prevalences, sensitivity within a budget, net benefit."""
    found = [_prevalence(name, metrics.prevalence[name]) for name in _QUESTIONS if name in metrics.prevalence]
    if metrics.alert_budget:
        rows = [
            (row["budget_per_1000"], row["alerts_per_1000"], row["sensitivity"], row.get("ppv")) for row in metrics.alert_budget
        ]
        head = ("May be alerted on, of 1,000", "Alerted on", "Sensitivity", "PPV")
        found.append(table("Notes with a critical flag, at the corpus' own prevalence, from the surest on", head, rows))
    if metrics.net_benefit:
        curve = [(f"{row['threshold']:.0%}", *(row[key] for key in _CURVE)) for row in metrics.net_benefit]
        caption = "Net benefit of alerts on a critical flag; alerting on no note is 0, and below it an alert does harm"
        found.append(table(caption, ("Threshold", "Net benefit", "Alert on every note", "Alerts of 1,000"), curve))
    return "<h2>What an alert is worth</h2>" + "".join(found) if found else ""


def layer_section(metrics: Metrics) -> str:
    """Raised flags by the layers behind them."""
    if not metrics.layers:
        return ""
    rows = [
        (name, row["raised"], row["right"], row["ppv"], row["critical_raised"], row["critical_right"])
        for name, row in metrics.layers.items()
    ]
    head = ("Raised by", "Flags", "Stand", "PPV", "Critical", "Stand")
    return "<h2>Where the layers agree</h2>" + table("Each flag of each note is counted once.", head, rows)


def robustness_section(metrics: Metrics) -> str:
    """Verdicts that a change of wording flipped, where it was asked for."""
    if not metrics.robustness:
        return ""
    rows = [(name, flips.n, flips.flips, flips.rate, flips.critical_lost) for name, flips in metrics.robustness.items()]
    head = ("Written otherwise", "Notes changed", "Verdicts flipped", "Share", "Critical flags lost")
    return "<h2>Robustness</h2>" + table("The same text, only written in another way.", head, rows)
