"""The evidence of a log as one HTML page, for whoever must look through it with an auditor."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from bh_lib.schema.controls import controls_checked_on
from bh_lib.schema.evidence import ControlEvidence, QueryResult

__all__ = ["evidence_html"]

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;max-width:75rem;color:#1b1b1b}"
    "table{border-collapse:collapse;width:100%}td,th{border-top:1px solid #ccc;padding:.5rem;text-align:left;vertical-align:top}"
    "p{margin:.2rem 0;color:#444}ul{margin:0;padding-left:1.1rem}code{font-size:.85em;overflow-wrap:anywhere}"
    ".gap,.partial td:nth-child(4){color:#8a4b00}.missing td:nth-child(4){color:#a00}.found td:nth-child(4){color:#06643b}"
    ".found td:nth-child(4),.partial td:nth-child(4),.missing td:nth-child(4){font-weight:600}"
    "@media print{body{margin:0}tr{break-inside:avoid}}"
)
_HEAD: Final = "<tr><th>Section<th>What an auditor asks<th>Status<th>Evidence<th>In this log</tr>"


def _count(result: QueryResult) -> str:
    if result.not_seen:
        return "did not happen in this log"
    if result.query.span_days:
        return f"{result.found:,} days, {result.missing:,} short"
    missing = f", {result.missing:,} missing" if result.query.has else ""
    first = f" (the first: <code>{escape(result.counterexample)}</code>)" if result.counterexample else ""
    return f"{result.found:,} found{missing}{first}"


def _row(item: ControlEvidence) -> str:
    control = item.control
    found = "".join(
        f"<li class={'ok' if result.ok or result.not_seen else 'gap'}>{escape(result.query.says)}: {_count(result)}</li>"
        for result in item.results
    )
    note = f"<p>{escape(control.note)}</p>" if control.note else ""
    return (
        f"<tr class={item.verdict.value.replace(' ', '-')}><td>{escape(control.section)}</td>"
        f"<td><b>{escape(control.title)}</b><p>{escape(control.asks)}</p>{note}</td>"
        f"<td>{escape(control.status.value.replace('_', ' '))}</td><td>{item.verdict.value}</td><td><ul>{found}</ul></td></tr>"
    )


def evidence_html(evidence: Iterable[ControlEvidence], title: str = "Evidence by control") -> str:
    """One readable page, with nothing loaded from elsewhere; counts and event ids, never another value of an event.

    Examples
    --------
    >>> from bh_lib.schema import gather_evidence
    >>> page = evidence_html(gather_evidence([{"action": {"type": "REVIEW"}}], "soc2"))
    >>> "The audit trail was reviewed: 1 found" in page
    True
    """
    rows = "".join(_row(item) for item in evidence)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1><p>An engineering reference, not legal advice. Statuses are as of {controls_checked_on()}.</p>"
        f"<table>{_HEAD}{rows}</table></html>\n"
    )
