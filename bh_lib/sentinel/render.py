"""An analysis beside its text, for a person: HTML for a page or a notebook, plain text for a terminal.

The text is the caller's and is rendered for the caller alone; nothing is kept. Assertion and time stand in words: no meaning is
in a colour only.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from bh_lib.sentinel.analysis import Analysis

__all__ = ["Rendered", "render", "render_text"]

_COLOURS: Final = {
    "CRITICAL": "#f6c1bc",
    "HIGH": "#fbd9a8",
    "MEDIUM": "#fbeebb",
    "LOW": "#e8e8e8",
    "POSITIVE": "#cfe8d5",
    "": "#eeeeee",
}
_STYLE: Final = (
    "<style>.bh{font:15px/1.6 system-ui,sans-serif;color:#1c1c1c;background:#fff;max-width:60rem;padding:.5rem 1rem}"
    ".bh mark{color:inherit;padding:.1em .2em;border-radius:.2em;border-bottom:2px solid #555}"
    ".bh mark.off{border-bottom-style:dotted}.bh sup{font-size:.7em;font-weight:600;margin-left:.2em}"
    ".bh pre{white-space:pre-wrap!important;overflow:visible!important;word-break:normal!important;font:inherit!important;"
    "margin:.5rem 0}"
    ".bh table{border-collapse:collapse;margin:.5rem 0}"
    ".bh td,.bh th{text-align:left!important;padding:.2rem .8rem .2rem 0;vertical-align:top;border-bottom:1px solid #ddd}"
    ".bh small{color:#444}</style>"
)


class Rendered:
    """HTML that a notebook shows by itself."""

    def __init__(self, html: str) -> None:
        self.html = html

    def _repr_html_(self) -> str:
        return self.html

    def __str__(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"<Rendered, {len(self.html)} characters of HTML>"


def _marks(analysis: Mapping[str, Any]) -> list[tuple[int, int, str, str, bool]]:
    marks = []
    for flag in analysis["flags"]:
        words = f"{flag['flag_id']} {flag['assertion']}, {flag['temporality']}"
        marks += [(span["start"], span["end"], words, flag["severity"], True) for span in flag["spans"]]
    for item in analysis["suppressed"]:
        words = f"{item['flag_id']} not raised: {item['reason'].replace('_', ' ')}"
        marks += [(span["start"], span["end"], words, "", False) for span in item["spans"]]
    # Where spans overlap, the first is marked and the later one's words are added to it.
    return sorted(marks, key=lambda mark: (mark[0], -mark[1]))


def _joined(analysis: Mapping[str, Any]) -> list[tuple[int, int, list[str], str, bool]]:
    joined: list[tuple[int, int, list[str], str, bool]] = []
    for start, end, words, severity, raised in _marks(analysis):
        if joined and start < joined[-1][1]:
            first, last, said, worst, up = joined[-1]
            order = list(_COLOURS)
            graver = min(worst, severity, key=order.index)
            joined[-1] = (first, max(last, end), said if words in said else [*said, words], graver, up or raised)
        else:
            joined.append((start, end, [words], severity, raised))
    return joined


def _marked_html(text: str, analysis: Mapping[str, Any]) -> str:
    pieces, at = [], 0
    for start, end, words, severity, raised in _joined(analysis):
        kind = "" if raised else ' class="off"'
        colour = f' style="background:{_COLOURS[severity]}"'
        said = escape(" · ".join(words))
        pieces += [escape(text[at:start]), f"<mark{kind}{colour}>{escape(text[start:end])}</mark><sup>{said}</sup>"]
        at = end
    return "".join([*pieces, escape(text[at:])])


def render(text: str, analysis: Analysis) -> Rendered:
    """The text with its findings marked, what to do first, and why each flag was raised.

    Examples
    --------
    >>> from bh_lib.sentinel import Sentinel
    >>> note = "Endorses suicidal ideation."
    >>> "<mark" in render(note, Sentinel.load().analyze(note)).html
    True
    """
    data = analysis.to_dict()
    rows = "".join(
        f"<tr><td><b>{escape(flag['flag_id'])}</b></td><td>{escape(flag['severity'].lower())}</td>"
        f"<td>{escape(flag['name'])}</td><td>{escape(flag['basis'])}</td></tr>"
        for flag in data["flags"]
    )
    table = (
        f"<table><tr><th>flag</th><th>severity</th><th>signal</th><th>why</th></tr>{rows}</table>"
        if rows
        else "<p>No flag was raised.</p>"
    )
    c_ssrs, review = data["c_ssrs"], "yes" if data["summary"]["immediate_review"] else "no"
    head = f"<p><b>Immediate review: {review}.</b> C-SSRS ideation item {c_ssrs['ideation_level']}, triage {c_ssrs['triage']}.</p>"
    advice = f"<p>{escape(data['summary']['recommended_action'])}</p>"
    body = f"<pre>{_marked_html(text, data)}</pre>"
    return Rendered(
        f'{_STYLE}<div class="bh">{head}{advice}{body}{table}<p><small>{escape(data["clinical_use_notice"])}</small></p></div>'
    )


def render_text(text: str, analysis: Analysis) -> str:
    """The same for a terminal: findings in square brackets, then one line a flag.

    Examples
    --------
    >>> from bh_lib.sentinel import Sentinel
    >>> note = "Denies suicidal ideation."
    >>> print(render_text(note, Sentinel.load().analyze(note)).splitlines()[0])
    Denies [suicidal ideation | SH-002 not raised: negated].
    """
    data = analysis.to_dict()
    pieces, at = [], 0
    for start, end, words, _, _ in _joined(data):
        pieces += [text[at:start], f"[{text[start:end]} | {' · '.join(words)}]"]
        at = end
    lines = ["".join([*pieces, text[at:]])]
    lines += [f"{flag['flag_id']} {flag['severity']}: {flag['name']}. {flag['basis']}" for flag in data["flags"]]
    c_ssrs = data["c_ssrs"]
    lines.append(
        f"C-SSRS ideation item {c_ssrs['ideation_level']}, triage {c_ssrs['triage']}. {data['summary']['recommended_action']}"
    )
    return "\n".join(lines)
