"""How often clinicians dismissed a flag, and why: the table that says which flag to mend first."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, Literal

from bh_lib._extras import require
from bh_lib.errors import InputError
from bh_lib.evaluate.feedback.judgement import REASONS, NoteReview, Reason, Verdict
from bh_lib.evaluate.feedback.store import judgements_path, read_judgements
from bh_lib.evaluate.interval import score_intervals
from bh_lib.evaluate.metrics import MIN_SUPPORT
from bh_lib.schema.taxonomy import load_taxonomy

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["dismiss_rates", "wilson"]

_Z = 1.959964


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson's score method, which holds for few trials and for shares of 0 and 1.

    Examples
    --------
    >>> [round(bound, 3) for bound in wilson(0, 10)]
    [0.0, 0.278]
    """
    if not 0 <= hits <= n or n < 1:
        raise InputError("a share needs at least one trial, and no more hits than trials")
    share, square = hits / n, _Z * _Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z * sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    # Rounding must not push a bound past the share itself.
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def _by_flag(states: Sequence[NoteReview]) -> tuple[list[str], list[list[object]]]:
    taxonomy = load_taxonomy()
    counts: dict[str, dict[Verdict, int]] = defaultdict(lambda: dict.fromkeys(Verdict, 0))
    for state in states:
        for mark in state.marks:
            if mark.raised and mark.proposed is not None and mark.verdict is not Verdict.OPEN:
                counts[mark.proposed.flag_id][mark.verdict] += 1
    rows: list[list[object]] = []
    index = []
    for flag, found in counts.items():
        judged, dismissed = sum(found.values()), found[Verdict.DISMISSED]
        verdict = "ok" if judged >= MIN_SUPPORT else "insufficient"
        said = [found[Verdict.ACCEPTED], found[Verdict.CORRECTED], dismissed]
        rows.append(
            [
                taxonomy[flag].name,
                taxonomy[flag].severity.name,
                judged,
                *said,
                dismissed / judged,
                *wilson(dismissed, judged),
                verdict,
            ]
        )
        index.append(flag)
    return index, rows


def _by_reason(states: Sequence[NoteReview]) -> tuple[list[str], list[list[object]]]:
    np = require("numpy", extra="ml")
    dismissals = [(state.note_id, mark.reason) for state in states for mark in state.marks if mark.reason is not None]
    reasons = list(Reason)
    cells = np.zeros((len(dismissals), len(reasons), 3))
    for row, (_, reason) in enumerate(dismissals):
        cells[row, :, 1] = 1
        cells[row, reasons.index(reason)] = (1, 0, 0)
    intervals = score_intervals([note for note, _ in dismissals], cells)
    rows: list[list[object]] = []
    index = []
    for number, reason in enumerate(reasons):
        count = sum(given is reason for _, given in dismissals)
        if not count:
            continue
        low, high = intervals[number].precision or (None, None)
        verdict = "ok" if len(dismissals) >= MIN_SUPPORT else "insufficient"
        rows.append([REASONS[reason], count, count / len(dismissals), low, high, verdict])
        index.append(reason.value)
    return index, rows


def dismiss_rates(path: str | os.PathLike[str], by: Literal["flag", "reason"] = "flag") -> pd.DataFrame:
    """Read what a review saved, and count.

    Parameters
    ----------
    path : path
        The labelled notes that the review wrote, or their judgements file.
    by : {"flag", "reason"}
        ``flag``: of the times that a flag was raised and judged, how often it was dismissed, most often first; a note counts
        once a flag, and the 95 % interval is Wilson's. ``reason``: what share of all dismissals had each reason; the interval
        resamples notes, since dismissals in one note go together.

    Returns
    -------
    pandas.DataFrame
        ``verdict`` is ``insufficient`` below ten judgements. Empty where nothing was judged.

    Raises
    ------
    InputError
        If there are no judgements to read.
    """
    pandas = require("pandas", extra="lab")
    if by not in ("flag", "reason"):
        raise InputError("by is flag or reason")
    beside = path if str(path).endswith(".judgements.jsonl") else judgements_path(path)
    states = [state for state, _ in read_judgements(beside).values()]
    index, rows = _by_flag(states) if by == "flag" else _by_reason(states)
    if by == "flag":
        columns = ["name", "severity", "judged", "accepted", "corrected", "dismissed", "rate", "low", "high", "verdict"]
    else:
        columns = ["meaning", "dismissed", "share", "low", "high", "verdict"]
    frame = pandas.DataFrame(rows, columns=columns, index=pandas.Index(index, name=by, dtype=object))
    return frame.sort_values(["rate" if by == "flag" else "share", "dismissed"], ascending=False, kind="stable")
