"""The review as one page: no script, nothing loaded from anywhere, every value escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bh_lib.review.review import Review, Section

__all__ = ["render_review"]

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 76rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.25rem; margin-top: 2.4rem; }
p.about, p.small, figcaption { color: #4a5360; margin: .2rem 0 .8rem; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dl.facts dt { font-weight: 600; } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; list-style: none; }
a { color: #0b57a4; } a:focus-visible, .scroll:focus-visible { outline: 3px solid #0b57a4; outline-offset: 2px; }
.scroll { overflow-x: auto; max-height: 34rem; border: 1px solid #d5dae1; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; padding: .4rem .6rem; color: #4a5360; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #e6e9ee; }
thead th { position: sticky; top: 0; background: #f3f5f8; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
p.none { background: #f3f5f8; border-radius: 6px; padding: .6rem .8rem; }
figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
@media (max-width: 40rem) { dl.facts { grid-template-columns: 1fr; } svg text { font-size: 18px; } }
@media print { .scroll { max-height: none; overflow: visible; } }
"""
_TIMES = {"at", "first", "last", "reviewed_at", "review_due_at", "expires_at"}
_SHORT = {"day", "who", "actor", "patient", "role", "gap", "review"}
_VERDICTS = {
    "COMPLETE": "the chain holds, and so does a checkpoint kept elsewhere",
    "CONSISTENT": "the chain holds; without a checkpoint kept elsewhere, a cut tail would not show",
    "BROKEN": "do not rely on this log before the fault is explained",
    "EMPTY": "there is nothing to verify",
}
_HIDDEN = {"event_ids"}
_QUOTED = '"time"'


def _cell(name: str, value: Any) -> str:
    if value is None or value == "":
        return '<td><span aria-label="none">–</span></td>'
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, (int, float)):
        return f'<td class="number">{value:,}</td>'
    if isinstance(value, list):
        shown = ", ".join(map(str, value[:6])) + (f" and {len(value) - 6} more" if len(value) > 6 else "")
        return f"<td>{escape(shown)}</td>"
    if name in _TIMES:
        return f'<td class="time">{escape(str(value)[:19].replace("T", " "))}</td>'
    return f"<td{' class=' + _QUOTED if name in _SHORT else ''}>{escape(str(value))}</td>"


def _header(name: str, *, numeric: bool) -> str:
    kind = ' class="number"' if numeric else ""
    return f'<th scope="col"{kind}>{escape(name.replace("_", " "))}</th>'


def _table(section: Section) -> str:
    if not section.rows:
        return '<p class="none">Nothing found.</p>'
    names = [name for name in section.rows[0] if name not in _HIDDEN]
    numeric = {
        name for name in names if isinstance(section.rows[0][name], (int, float)) and not isinstance(section.rows[0][name], bool)
    }
    head = "".join(_header(name, numeric=name in numeric) for name in names)
    body = "\n".join("<tr>" + "".join(_cell(name, row[name]) for name in names) + "</tr>" for row in section.rows)
    count = f"{len(section.rows):,} of {section.total:,} rows; times are UTC"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(section.title)}">'
        f"<table><caption>{count}</caption><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _timeline(by_day: list[tuple[str, int, int]]) -> str:
    """Bars of events a day; denials are told in the text and by a mark, not by colour alone."""
    if len(by_day) < 2:
        return ""
    width, height, most = 960, 150, max(events for _, events, _ in by_day) or 1
    step = width / len(by_day)
    bars = []
    for place, (day, events, denied) in enumerate(by_day):
        tall = events / most * height
        x = place * step
        bars.append(
            f'<rect x="{x:.1f}" y="{height - tall + 14:.1f}" width="{max(step - 1, 0.8):.1f}" height="{tall:.1f}" fill="#3b6ea5">'
            f"<title>{escape(day)}: {events:,} events, {denied:,} denied</title></rect>"
        )
        if denied:
            x_mid = x + step / 2
            bars.append(f'<circle cx="{x_mid:.1f}" cy="6" r="{min(4, 1 + denied**0.5 / 2):.1f}" fill="#a3400b"/>')
    refused = sum(denied for _, _, denied in by_day)
    busiest = max(by_day, key=lambda row: row[1])
    said = f"Busiest on {busiest[0]} with {busiest[1]:,} events; {refused:,} denials in all, as dots above their day."
    return (
        f'<figure><svg viewBox="0 0 {width} {height + 34}" role="img" aria-label="{escape(said)}">{"".join(bars)}'
        f'<text x="0" y="{height + 30}" font-size="13" fill="#1b1f24">{escape(by_day[0][0])}</text>'
        f'<text x="{width}" y="{height + 30}" font-size="13" text-anchor="end" fill="#1b1f24">{escape(by_day[-1][0])}</text></svg>'
        f"<figcaption>{escape(said)}</figcaption></figure>"
    )


def _explained(explained: dict[str, int]) -> str:
    if not explained:
        return ""
    total = sum(explained.values())
    open_ = explained.get("unexplained", 0)
    rows = "".join(
        f'<tr><th scope="row">{escape(name.replace("_", " "))}</th><td class="number">{count:,}</td>'
        f'<td class="number">{count / total:.1%}</td></tr>'
        for name, count in explained.items()
    )
    return (
        f'<h2 id="explained">{(total - open_) / total:.1%} of access is explained</h2>'
        '<p class="about">By one person, of one patient, on one day.</p><div class="scroll" tabindex="0" role="region" '
        'aria-label="What explains access"><table><thead><tr><th scope="col">explained by</th>'
        '<th scope="col" class="number">accesses</th><th scope="col" class="number">share</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def render_review(review: Review) -> str:
    """Render a review as a whole HTML document; see `Review.to_html`."""
    facts = {"Log": review.path, "Events in scope": f"{review.events:,}", "From": review.first or "–", "To": review.last or "–"}
    if review.verdict is not None:
        facts["Proof"] = f"{review.verdict} ({_VERDICTS.get(review.verdict.partition(':')[0], 'see bh audit verify')})"
    facts |= {name.capitalize(): str(value) for name, value in review.filters.items()}
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    contents = "".join(f'<li><a href="#{escape(s.name)}">{escape(s.title)} ({s.total:,})</a></li>' for s in review.sections)
    sections = "\n".join(
        f'<section><h2 id="{escape(s.name)}">{escape(s.title)}</h2><p class="about">{escape(s.about)}</p>{_table(s)}</section>'
        for s in review.sections
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Access review</title><style>{_STYLE}</style></head><body><main>"
        "<h1>Access review</h1>"
        '<p class="small">An unexplained access is a question to ask, not a finding of misuse. This page holds identifiers of '
        "patients and staff: keep it where the log itself may be kept.</p>"
        f'<dl class="facts">{listed}</dl>{_timeline(review.by_day)}'
        f'<nav aria-label="Sections"><ul>{contents}</ul></nav>{_explained(review.explained)}{sections}</main></body></html>\n'
    )
