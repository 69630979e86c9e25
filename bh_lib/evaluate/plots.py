"""Plots as SVG text: they stand inside one HTML file, need no library, and are read without colour too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from bh_lib.evaluate.calibration import Calibration

if TYPE_CHECKING:
    from bh_lib.evaluate.metrics import FlagScore

__all__ = ["flag_bars", "level_matrix", "recall_curves", "reliability"]


def _svg(width: int, height: int, label: str, parts: Sequence[str]) -> str:
    inner = "\n".join(parts)
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg {size} role="img" aria-label="{escape(label, quote=True)}"><title>{escape(label)}</title>\n{inner}\n</svg>'


def _text(x: float, y: float, text: object, anchor: str = "start", kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(str(text))}</text>'


def flag_bars(per_flag: Mapping[str, FlagScore]) -> str:
    """F1 of each flag that occurs, with its 95 % interval; hatched where there are too few to say.

    Examples
    --------
    >>> flag_bars({}).startswith("<svg")
    True
    """
    rows = [(flag, score) for flag, score in per_flag.items() if score.counts.support]
    left, width, step = 90, 420, 18
    bottom = 26 + step * len(rows)
    parts = [
        '<defs><pattern id="few" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" class="pale"/><line x1="0" y1="0" x2="0" y2="6" class="hatch"/></pattern></defs>'
    ]
    for tenth in range(0, 11, 2):
        x = left + width * tenth / 10
        parts.append(f'<line x1="{x:.1f}" y1="18" x2="{x:.1f}" y2="{bottom}" class="grid"/>')
        parts.append(_text(x, 12, f"{tenth / 10:.1f}", "middle", "small"))
    for number, (flag, score) in enumerate(rows):
        y = 24 + step * number
        fill = "bar" if score.verdict == "ok" else "few"
        parts.append(_text(left - 8, y + 10, flag, "end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{width * score.counts.f1:.1f}" height="12" class="{fill}"/>')
        if score.ci95.f1 is not None:
            low, high = (left + width * value for value in score.ci95.f1)
            parts.append(f'<line x1="{low:.1f}" y1="{y + 6}" x2="{high:.1f}" y2="{y + 6}" class="whisker"/>')
        parts.append(_text(left + width + 10, y + 10, f"{score.counts.f1:.2f}  (n {score.counts.support})", kind="small"))
    return _svg(left + width + 110, bottom + 6, "F1 of each flag with its 95 % interval", parts)


def level_matrix(table: Sequence[Sequence[int]]) -> str:
    """Notes by true (row) and guessed (column) C-SSRS level; the darker, the larger its share of the row."""
    cell, left, top = 46, 70, 44
    parts = [_text(left + cell * len(table) / 2, 14, "guessed level", "middle"), _text(8, top - 10, "true", kind="small")]
    for i, row in enumerate(table):
        total = sum(row)
        parts.append(_text(left - 12, top + cell * i + cell / 2 + 4, i, "end"))
        parts.append(_text(left + cell * i + cell / 2, top - 10, i, "middle"))
        for j, count in enumerate(row):
            share = count / total if total else 0.0
            x, y = left + cell * j, top + cell * i
            edge = "diagonal" if i == j else "edge"
            parts.append(f'<rect x="{x}" y="{y}" width="{cell}" height="{cell}" class="{edge}" style="fill-opacity:{share:.3f}"/>')
            parts.append(_text(x + cell / 2, y + cell / 2 + 4, count, "middle", "light" if share > 0.6 else ""))
    size = left + cell * len(table) + 12
    return _svg(size, top + cell * len(table) + 12, "Notes by true and guessed C-SSRS level", parts)


def recall_curves(curves: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """Precision against recall: one line for notes with a critical flag, a dashed one for all flags.

    Examples
    --------
    >>> "dashed" in recall_curves({"flags": [[0.5, 1.0], [1.0, 0.5]]})
    True
    """
    side, left, top = 300, 52, 12
    bottom = top + side
    parts = [
        f'<rect x="{left}" y="{top}" width="{side}" height="{side}" class="frame"/>',
        _text(left + side / 2, bottom + 34, "recall", "middle"),
        _text(left - 8, top - 2, "precision", "end", "small"),
    ]
    for tenth in (0, 5, 10):
        parts += [
            _text(left + side * tenth / 10, bottom + 16, f"{tenth / 10:.1f}", "middle", "small"),
            _text(left - 8, bottom - side * tenth / 10 + 4, f"{tenth / 10:.1f}", "end", "small") if tenth < 10 else "",
        ]
    for row, (name, kind) in enumerate((("critical", "curve"), ("flags", "dashed"))):
        points = curves.get(name)
        if not points:
            continue
        path = " ".join(f"{left + side * recall:.1f},{bottom - side * precision:.1f}" for recall, precision in points)
        y = top + 18 + 20 * row
        parts.append(f'<polyline points="{path}" class="{kind}"/>')
        parts.append(f'<line x1="{left + side + 16}" y1="{y}" x2="{left + side + 46}" y2="{y}" class="{kind}"/>')
        label = "notes with a critical flag" if name == "critical" else "all flags"
        parts.append(_text(left + side + 54, y + 4, label, kind="small"))
    return _svg(left + side + 220, bottom + 44, "Precision and recall, from the surest answers on", parts)


def reliability(calibrated: Calibration) -> str:
    """Share of raised flags that stand, against the confidence with which they were raised."""
    side, left, top = 300, 52, 12
    bottom = top + side

    def at(x: float, y: float) -> tuple[float, float]:
        return left + side * x, bottom - side * y

    parts = [
        f'<rect x="{left}" y="{top}" width="{side}" height="{side}" class="frame"/>',
        f'<line x1="{left}" y1="{bottom}" x2="{left + side}" y2="{top}" class="grid"/>',
        _text(left + side / 2, bottom + 34, "confidence", "middle"),
        _text(left - 8, top + 10, "right", "end", "small"),
    ]
    for tenth in (0, 5, 10):
        x, y = at(tenth / 10, tenth / 10)
        parts += [
            _text(x, bottom + 16, f"{tenth / 10:.1f}", "middle", "small"),
            _text(left - 8, y + 4, f"{tenth / 10:.1f}", "end", "small") if tenth < 10 else "",
        ]
    points = [(*at(each.confidence, each.right), each.n) for each in calibrated.bins]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    parts.append(f'<polyline points="{path}" class="curve"/>')
    largest = max(each.n for each in calibrated.bins)
    for x, y, n in points:
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 7 * (n / largest) ** 0.5:.1f}" class="point"/>')
    return _svg(left + side + 20, bottom + 44, "Reliability of confidences; the area of a point is its number of flags", parts)
