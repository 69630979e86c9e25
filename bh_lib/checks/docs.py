"""Makes Data Docs readable where nothing can be fetched: Great Expectations' pages take their style and scripts from the web."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

from bh_lib._jsonl import atomic_write

__all__ = ["make_self_contained"]

_FROM_THE_WEB: Final = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*\bhref=\"https?://[^>]*>|<img\b[^>]*\bsrc=\"https?://[^>]*>", re.DOTALL
)
_MARK: Final = "<!-- self-contained -->"
_STYLE: Final = """<style>
body{font:15px/1.55 system-ui,sans-serif;color:#1c1c1c;background:#fff;max-width:72rem;margin:1.5rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.6rem 0;width:100%} td,th{text-align:left;vertical-align:top;padding:.35rem .9rem .35rem 0;
border-bottom:1px solid #ddd} h1,h2,h3,h4,h5{line-height:1.25;margin:1.2rem 0 .4rem} a{color:#0b4f8a}
ul{padding-left:1.2rem} .badge{font-weight:600;padding:0 .35rem;border:1px solid #888;border-radius:.25rem}
button,input,.fixed-table-toolbar,.navbar-toggler,.cooltip,.modal,footer,.action-card{display:none!important}
[class*=fa-check]::before{content:"holds"} [class*=fa-times]::before{content:"fails";font-weight:700}
[class*=fa-exclamation]::before{content:"error"} i{font-style:normal}
nav ul,.breadcrumb{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1rem}
.alert{border-left:4px solid #888;padding-left:.8rem}
img{max-width:10rem}
</style>"""


def _validations(site: Path) -> Iterator[tuple[str, str, str]]:
    """Suite, time and address of each validation's page, the newest first."""
    pages = sorted((site / "validations").rglob("*.html"), key=lambda page: page.parent.name, reverse=True)
    for page in pages:
        suite, when = page.relative_to(site / "validations").parts[0], page.parent.name
        told = f"{when[:4]}-{when[4:6]}-{when[6:8]} {when[9:11]}:{when[11:13]}:{when[13:15]} UTC" if len(when) > 15 else when
        yield suite, told, page.relative_to(site).as_posix()


def _index(site: Path) -> str:
    rows = "".join(
        f'<tr><td>{escape(suite)}</td><td>{when}</td><td><a href="{escape(page, quote=True)}">what was found</a></td>'
        f'<td><a href="expectations/{escape(suite, quote=True)}.html">what is expected</a></td></tr>'
        for suite, when, page in _validations(site)
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Data Docs</title>{_MARK}{_STYLE}</head><body>'
        "<h1>Data Docs</h1><p>What Great Expectations found, the newest check first. Counts and rules only: no value of any row is "
        f"in these pages.</p><table><tr><th>suite</th><th>checked</th><th></th><th></th></tr>{rows}</table></body></html>"
    )


def make_self_contained(site: Path) -> Path:
    """Take every reference to the web out of a Data Docs site, give it a style of its own, and write its index.

    Parameters
    ----------
    site : Path
        The folder with ``index.html``.

    Returns
    -------
    Path
        The index.
    """
    for page in site.rglob("*.html"):
        html = page.read_text("utf-8")
        if _MARK not in html:
            bare = _FROM_THE_WEB.sub("", html)
            with atomic_write(page) as out:
                out.write(bare.replace("</head>", f"{_MARK}{_STYLE}</head>", 1))
    index = site / "index.html"
    with atomic_write(index) as out:
        out.write(_index(site))
    return index
