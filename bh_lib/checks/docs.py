"""Makes Data Docs readable where nothing can be fetched: Great Expectations' pages take their style and scripts from the web."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

from bh_lib._jsonl import atomic_write
from bh_lib.checks.report import Outcome

__all__ = ["make_self_contained"]

_FROM_THE_WEB: Final = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*\bhref=\"https?://[^>]*>|<img\b[^>]*\bsrc=\"https?://[^>]*>"
    # An icon whose path is one folder short, an empty title, and styles for the dark that load a picture.
    r"|<link\b[^>]*\brel=\"shortcut icon\"[^>]*>|<title></title>|\burl\('https?://[^']*'\)",
    re.DOTALL,
)
_BODY: Final = re.compile(r"<body\b[^>]*>")
_TITLE: Final = re.compile(r"<title>Data documentation compiled by Great Expectations</title>")
_MARK: Final = "<!-- self-contained -->"
# The hidden parts are buttons, filters and explanations that only work with the scripts that were taken out.
_STYLE: Final = """<style>
:root{color-scheme:light}
body{font:16px/1.55 system-ui,sans-serif;color:#1c1c1c;background:#fff;max-width:64rem;margin:1.5rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.6rem 0;width:100%;color:inherit!important;background:none!important}
td,th{text-align:left;vertical-align:top;padding:.35rem .9rem .35rem 0;border-bottom:1px solid #ddd}
th:first-child{width:5rem} th:last-child{width:11rem}
td,code,span,li,p,h2,h3{overflow-wrap:anywhere}
h1,h2,h3,h4,h5{line-height:1.25;margin:1.4rem 0 .4rem} h4,h5{font-size:1.05rem} a{color:#0b4f8a}
ul{padding-left:1.2rem} .badge{font-weight:600;padding:0 .35rem;border:1px solid #767676;border-radius:.25rem}
button,input,.fixed-table-toolbar,.navbar-toggler,.cooltip,.modal,footer,.action-card{display:none!important}
.navbar-brand,.sticky>.card:first-child,.collapse,[data-toggle=collapse],.lead{display:none!important}
[class*=fa-check]::before{content:"holds"} [class*=fa-times]::before{content:"fails";font-weight:700}
[class*=fa-exclamation]::before{content:"error"} i{font-style:normal}
nav{height:auto!important} nav ul,.breadcrumb{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1rem}
#navigation,.card,.card-body,nav ul{max-height:none!important}
.alert{border-left:4px solid #767676;padding-left:.8rem}
.failure{border-left:4px solid #767676;padding:.1rem 0 .1rem .9rem;margin:1rem 0}
.failure.critical{border-color:#a3200b} .failure h3{margin-top:.2rem}
.failure ul{max-height:16rem;overflow:auto;margin:.4rem 0;padding-left:1.2rem}
summary{cursor:pointer} img{max-width:10rem}
</style>"""


def _validations(site: Path) -> Iterator[tuple[str, str, str]]:
    """Suite, time and address of each validation's page, the newest first."""
    pages = sorted((site / "validations").rglob("*.html"), key=lambda page: page.parent.name, reverse=True)
    for page in pages:
        suite, when = page.relative_to(site / "validations").parts[0], page.parent.name
        told = f"{when[:4]}-{when[4:6]}-{when[6:8]} {when[9:11]}:{when[11:13]}:{when[13:15]} UTC" if len(when) > 15 else when
        yield suite, told, page.relative_to(site).as_posix()


def _failures(suite: str, outcomes: Sequence[Outcome]) -> str:
    """What fails, and in which rows: in words and by id, never by value. The worst first."""
    failed = sorted((outcome for outcome in outcomes if not outcome.success), key=lambda outcome: outcome.severity != "critical")
    held = f"{len(failed)} of {len(outcomes)} expectations fail" if failed else "every expectation holds"
    parts = [f"<header><h1>{escape(suite)}: {held}</h1>"]
    for outcome in failed:
        count = "" if outcome.unexpected is None else f": {outcome.unexpected:,} against it"
        kind = "critical" if outcome.severity == "critical" else "warning"
        parts.append(
            f'<div class="failure {kind}"><h2>{kind.capitalize()}: {escape(outcome.reason)}</h2>'
            f"<p><code>{escape(outcome.expectation)}</code> on <code>{escape(outcome.column)}</code>{count}</p>"
        )
        if outcome.rows:
            first = "All of them" if len(outcome.rows) == outcome.unexpected else f"The first {len(outcome.rows)}"
            listed = "".join(f"<li><code>{escape(row)}</code></li>" for row in outcome.rows)
            # Few are shown at once, many on request.
            opened = " open" if len(outcome.rows) <= 8 else ""
            parts.append(
                f"<details{opened}><summary>{first}, by event id or place</summary>"
                f'<ul tabindex="0" aria-label="Rows against {escape(outcome.column)}">{listed}</ul></details>'
            )
        parts.append("</div>")
    return "".join(parts) + "<h2>Everything that was checked</h2></header>"


def _index(site: Path) -> str:
    rows = "".join(
        f'<tr><td>{escape(suite)}</td><td>{when}</td><td><a href="{escape(page, quote=True)}">what was found</a></td>'
        f'<td><a href="expectations/{escape(suite, quote=True)}.html">what is expected</a></td></tr>'
        for suite, when, page in _validations(site)
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Data Docs</title>{_MARK}{_STYLE}</head><body><main><h1>Data Docs</h1>"
        "<p>What Great Expectations found, the newest check first. Counts, rules and the ids of events: "
        'no value of a row is in these pages.</p><table><tr><th scope="col">suite</th><th scope="col">checked</th>'
        f'<th scope="col">found</th><th scope="col">expected</th></tr>{rows}</table></main></body></html>'
    )


def make_self_contained(site: Path, outcomes: Sequence[Outcome] = ()) -> Path:
    """Take every reference to the web out of a Data Docs site, give it a style of its own, and write its index.

    Parameters
    ----------
    site : Path
        The folder with ``index.html``.
    outcomes : sequence of Outcome
        What the check just found: stands at the head of its page, with the rows that failed.

    Returns
    -------
    Path
        The index.
    """
    for page in site.rglob("*.html"):
        html, parts = page.read_text("utf-8"), page.relative_to(site).parts
        if _MARK not in html:
            suite = parts[1] if parts[0] == "validations" else page.stem
            told = _failures(suite, outcomes) if parts[0] == "validations" else f"<h1>{escape(suite)}: what is expected</h1>"
            bare = _FROM_THE_WEB.sub("", html).replace("<html>", '<html lang="en">', 1)
            titled = _TITLE.sub(f"<title>Data Docs: {escape(suite)}</title>", bare, count=1)
            styled = titled.replace("</head>", f"{_MARK}{_STYLE}</head>", 1).replace("</body>", "</main></body>")
            at = _BODY.search(styled)
            place = at.end() if at else 0
            with atomic_write(page) as out:
                out.write(f"{styled[:place]}<main>{told}{styled[place:]}")
    index = site / "index.html"
    with atomic_write(index) as out:
        out.write(_index(site))
    return index
