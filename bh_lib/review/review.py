"""One access review: which questions, over which part of the log, and what they found."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from bh_lib._extras import require
from bh_lib.emitters import AuditLogger, verify
from bh_lib.errors import InputError
from bh_lib.review.explain import encounters, explain_by_context, explain_by_log
from bh_lib.review.log import readable, scan_context, scan_log, within
from bh_lib.review.queries import accesses, activity, break_glass, consent_gaps, denials, disclosures, log_ins
from bh_lib.review.rank import rank_unexplained

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Review", "Section", "record_review", "review_log"]


@dataclass(frozen=True, slots=True)
class Section:
    """One question's answer: ``rows`` are the first of ``total``."""

    name: str
    title: str
    about: str
    total: int
    rows: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Review:
    """What a review found.

    Attributes
    ----------
    path : str
    filters : dict
        As asked for, without what was not.
    events : int
        Events in scope.
    first, last : str or None
        The time of the first and the last of them.
    by_day : list of tuple of str, int, int
        Day, events, and how many of them were denied.
    sections : list of Section
    explained : dict of str to int
        Encounters (an actor, a patient, a day) by what explains them; ``unexplained`` is one of the keys. Empty if not asked for.
    verdict : str or None
        What `bh_lib.emitters.verify` says of the ledger, with its first fault; None for Parquet, which is no ledger.
    """

    path: str
    filters: dict[str, Any]
    events: int
    first: str | None
    last: str | None
    by_day: list[tuple[str, int, int]]
    sections: list[Section]
    explained: dict[str, int] = field(default_factory=dict)
    verdict: str | None = None

    def section(self, name: str) -> Section:
        """The answer to one question.

        Raises
        ------
        InputError
            If it was not asked.
        """
        for section in self.sections:
            if section.name == name:
                return section
        raise InputError("this review has no such section: ask for it", place=name)

    def to_dict(self) -> dict[str, Any]:
        """As JSON: times are RFC 3339."""
        return {
            "path": self.path,
            "filters": self.filters,
            "events": self.events,
            "first": self.first,
            "last": self.last,
            "by_day": [list(row) for row in self.by_day],
            "verdict": self.verdict,
            "explained": self.explained,
            "sections": {one.name: {"title": one.title, "total": one.total, "rows": one.rows} for one in self.sections},
        }

    def to_html(self) -> str:
        """A report for a privacy officer: one page that needs nothing from anywhere."""
        from bh_lib.review.html import render_review

        return render_review(self)


_QUESTIONS: dict[str, tuple[str, str, Callable[[pl.LazyFrame], pl.LazyFrame]]] = {
    "accesses": ("Who saw whom", "Successful access to patients' records, by patient and actor.", accesses),
    "activity": ("What this person did", "Every event of the actor, oldest first.", activity),
    "denied": (
        "Denials by reason",
        "The system refused, as it should. Failures of the system itself are not counted here.",
        denials,
    ),
    "log_ins": ("Log-ins", "Refused log-ins first.", log_ins),
    "break_glass": (
        "Break-glass and its review",
        "Emergency access, who approved it, and whether someone looked at it.",
        break_glass,
    ),
    "disclosures": (
        "Accounting of disclosures",
        "45 CFR 164.528. The accounting of 42 CFR 2.25 is not yet in force; Part 2 records are marked.",
        disclosures,
    ),
    "consent_gaps": (
        "Consent gaps",
        "Part 2 records that left their program without a consent that held, or without the notice of 42 CFR 2.32.",
        consent_gaps,
    ),
}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _section(name: str, title: str, about: str, frame: Any, limit: int) -> Section:
    rows = [{key: _value(value) for key, value in row.items()} for row in frame.head(limit).to_dicts()]
    return Section(name, title, about, frame.height, rows)


def review_log(
    path: str | os.PathLike[str],
    patient: str | None = None,
    actor: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    denied: bool = False,
    disclosures: bool = False,
    unexplained: bool = False,
    context: str | os.PathLike[str] | None = None,
    limit: int = 1000,
) -> Review:
    """Review an audit log.

    With none of ``denied``, ``disclosures`` and ``unexplained``, every question is asked but the last, which is asked too
    where a context is given. With any of them, only those are.

    Parameters
    ----------
    path : path
        JSONL or Parquet; may be larger than memory.
    patient, actor : str, optional
        Only events on this patient, of this actor (an agent's events count for whoever authorized it).
    since, until : str or datetime, optional
        RFC 3339 or a date; from ``since`` on, and before ``until``.
    denied, disclosures, unexplained : bool
        Ask only these.
    context : path, optional
        Facts that explain access, as of `scan_context`; without it, explanations come from the log itself and are weaker.
    limit : int
        Rows kept of each section; ``total`` counts them all.

    Raises
    ------
    InputError
        If a file is missing or is no log, or a time can't be read.
    MissingExtraError
        Without Polars (the ``lab`` extra).
    """
    pl = require("polars", extra="lab")
    whole = scan_log(path)
    facts = None if context is None else scan_context(context)
    scope = within(whole, since, until)
    if patient is not None:
        scope = scope.filter(pl.col("patient") == patient)
    if actor is not None:
        scope = scope.filter((pl.col("actor") == actor) | (pl.col("authorizing") == actor).fill_null(False))
    if denied or disclosures or unexplained:
        asked = [name for name, wanted in (("denied", denied), ("disclosures", disclosures)) if wanted]
    else:
        asked = [name for name in _QUESTIONS if name != "activity" or actor is not None]
        unexplained = context is not None
    with readable(str(path)):
        days = scope.group_by(pl.col("at").dt.date().alias("day")).agg(
            pl.len().alias("events"),
            (pl.col("status") == "DENIED").sum().alias("denied"),
            pl.col("at").min(),
            pl.col("at").max().alias("end"),
        )
        frames = [days.sort("day"), *(_QUESTIONS[name][2](scope) for name in asked)]
        daily, *answers = pl.collect_all(frames)
    sections = [_section(name, *_QUESTIONS[name][:2], frame, limit) for name, frame in zip(asked, answers, strict=True)]
    explained: dict[str, int] = {}
    if unexplained:
        explained, alerts = _unexplained(whole, facts, scope, str(path), context)
        about = (
            "Nothing in the context explains it."
            if facts is not None
            else "Nothing in the log itself explains it; no context was given."
        )
        sections.insert(0, _section("unexplained", "Unexplained access, most telling first", about, alerts, limit))
    known = daily.drop_nulls("day")
    return Review(
        path=str(path),
        filters={
            key: _value(value)
            for key, value in {"patient": patient, "actor": actor, "since": since, "until": until, "context": context}.items()
            if value is not None and key != "context"
        },
        events=int(daily["events"].sum()),
        first=_value(known["at"].min()),
        last=_value(known["end"].max()),
        by_day=[(str(day), events, refused) for day, events, refused in known.select("day", "events", "denied").iter_rows()],
        sections=sections,
        explained=explained,
        verdict=None if str(path).endswith(".parquet") else str(verify(path)),
    )


def _unexplained(whole: Any, facts: Any, scope: Any, path: str, context: Any) -> tuple[dict[str, int], Any]:
    """Explain over the whole log, for history explains, and report on the scope alone."""
    met = encounters(whole)
    explained = explain_by_log(met) if facts is None else explain_by_context(met, facts)
    wanted = encounters(scope).select("who", "patient", "day")
    with readable(path if context is None else f"{path} or {context}"):
        here = explained.join(wanted, on=["who", "patient", "day"], how="semi").collect()
        alerts = rank_unexplained(here.lazy(), whole, facts).collect()
    counts = here.group_by("explanation").len().sort("len", "explanation", descending=[True, False])
    return {name or "unexplained": count for name, count in counts.iter_rows()}, alerts


def record_review(audit: AuditLogger, review: Review, *, actor: dict[str, Any]) -> Any:
    """Leave the REVIEW event that reading an audit trail leaves; returns the receipt.

    Parameters
    ----------
    audit : AuditLogger
        The trail of the reviewing system; may be the one that was reviewed.
    actor : dict
        Who reviewed: the ``actor`` block.
    """
    resource = {"type": "AuditTrail"}
    if "patient" in review.filters:
        resource["patient_id"] = review.filters["patient"]
    return audit.record(
        "REVIEW", actor=actor, resource=resource, phi_touched=True, data_classification="PHI", purpose_of_use="HOPERAT"
    )
