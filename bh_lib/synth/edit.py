"""Edits of a text that carries gold spans: the one place where an offset could be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bh_lib.schema.note import Span

__all__ = ["Edit", "apply_edits"]


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``text[start:end]``; an insertion has ``start == end``."""

    start: int
    end: int
    new: str


def apply_edits(text: str, spans: Sequence[Span], edits: Sequence[Edit]) -> tuple[str, tuple[Span, ...]]:
    """Carry out edits that don't overlap, and move the spans.

    What is inserted at a span's edge stays outside it; a span that an edit reaches into takes in the whole replacement.
    An edit that would leave a span with no character is not carried out.

    Examples
    --------
    >>> text, spans = apply_edits("cut last night", [Span("SH-007", 4, 8)], [Edit(0, 3, "cutt"), Edit(4, 8, "LAST")])
    >>> text, text[spans[0].start : spans[0].end]
    ('cutt LAST night', 'LAST')
    """
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    kept: list[Edit] = []
    for edit in ordered:
        empties = not edit.new and any(edit.start <= span.start and span.end <= edit.end for span in spans)
        if not empties and (not kept or edit.start >= kept[-1].end):
            kept.append(edit)
    pieces: list[str] = []
    at = 0
    for edit in kept:
        pieces += (text[at : edit.start], edit.new)
        at = edit.end
    pieces.append(text[at:])

    def moved(position: int, *, is_end: bool) -> int:
        shift = 0
        for edit in kept:
            if edit.start == edit.end:
                before = edit.start < position or (edit.start == position and not is_end)
            else:
                before = edit.end <= position
            if before:
                shift += len(edit.new) - (edit.end - edit.start)
            elif edit.start < position:
                return edit.start + shift + (len(edit.new) if is_end else 0)
            else:
                break
        return position + shift

    out = []
    for span in spans:
        start, end = moved(span.start, is_end=False), moved(span.end, is_end=True)
        # Two deletions that meet inside a span can empty it though neither does alone.
        if start >= end:
            return text, tuple(spans)
        out.append(replace(span, start=start, end=end))
    return "".join(pieces), tuple(out)
