"""Why somebody looked: each access is explained by a fact of the context, or by evidence in the log, or not at all.

The unit is an *encounter*: one actor, one patient, one day. Explanation-based auditing turns the question around: not what
looks strange, but what has a reason. What has none is little, and a person can look at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bh_lib._extras import require

if TYPE_CHECKING:
    import polars as pl

__all__ = ["EVIDENCE", "FACTS", "encounters", "explain_by_context", "explain_by_log"]

FACTS = (
    *("care_team", "appointment", "group", "conference", "consult", "referral", "registration"),
    *("crisis_call", "claim", "release_request", "chart_audit"),
)
"""Kinds of fact that name a patient and a member of staff for a span of time."""

EVIDENCE = ("documented", "returning", "shares_team")
"""What the log itself can say for an access, strongest first."""

_WRITES = ("CREATE", "UPDATE", "GRANT", "REVOKE", "DISCLOSE")
_OFFICE = ("Appointment", "Claim", "Coverage", "Communication", "Consent", "DocumentReference", "Patient")
"""Resources that a whole office writes to for every patient: writing there makes nobody a colleague in care."""


def encounters(log: pl.LazyFrame) -> pl.LazyFrame:
    """Successful accesses of people and agents to patients, an actor, a patient and a day a row.

    ``who`` is the person to be explained: the actor, or for an agent the person who authorized it. Oversight (REVIEW),
    services acting on schedule, and patients on their own record need no explanation and are not in the table.
    """
    pl = require("polars", extra="lab")
    who = pl.when(pl.col("actor_type") == "agent").then(pl.coalesce("authorizing", "actor")).otherwise(pl.col("actor"))
    action = pl.col("action")
    return (
        log.filter(
            pl.col("patient").is_not_null()
            & (pl.col("status") == "SUCCESS")
            & (pl.col("actor_type") != "service")
            & (pl.col("actor") != pl.col("patient"))
            & (action != "REVIEW")
        )
        .with_columns(who.alias("who"), pl.col("at").dt.date().alias("day"))
        .group_by("who", "patient", "day")
        .agg(
            pl.len().alias("events"),
            pl.col("at").min().alias("first"),
            pl.col("at").max().alias("last"),
            pl.col("roles").list.first().drop_nulls().first().alias("role"),
            action.is_in(_WRITES).sum().alias("writes"),
            (action.is_in(_WRITES) & ~pl.col("resource").is_in(_OFFICE)).sum().alias("clinical"),
            (action == "EXPORT").sum().alias("exports"),
            (pl.col("resource") == "Note").sum().alias("notes"),
            (pl.col("emergency").is_not_null() & pl.col("approved_by").is_null()).sum().alias("unapproved"),
            (pl.col("attribution") == "unattributed").sum().alias("unattributed"),
            pl.col("client_ip").drop_nulls().unique().sort().alias("addresses"),
            pl.col("event_id").alias("event_ids"),
        )
    )


def explain_by_context(met: pl.LazyFrame, context: pl.LazyFrame) -> pl.LazyFrame:
    """Add ``explanation``: the first kind of `FACTS` that holds, ``front_desk``, or null.

    A fact holds on the days that its span touches. The front desk is explained by place: an appointment that day in its
    own program. Nothing explains an access after ``end`` of the actor's own line in the roster.
    """
    pl = require("polars", extra="lab")
    span = pl.col("start").dt.date().alias("from_day"), pl.col("end").dt.date().alias("to_day")
    rank = {kind: place for place, kind in enumerate(FACTS)}
    facts = context.filter(pl.col("kind").is_in(FACTS)).select("kind", "patient_id", "staff_id", *span)
    staff = context.filter(pl.col("kind") == "staff").select("staff_id", "program_id", pl.col("end").alias("left_at"))
    keys = ["who", "patient", "day"]
    held = (
        met.select(keys)
        .join(facts, left_on=["who", "patient"], right_on=["staff_id", "patient_id"])
        .filter((pl.col("from_day") <= pl.col("day")) & (pl.col("day") <= pl.col("to_day")))
        .with_columns(pl.col("kind").replace_strict(rank, return_dtype=pl.Int64).alias("rank"))
        .group_by(keys)
        .agg(pl.col("kind").sort_by("rank").first().alias("fact"))
    )
    booked = (
        context.filter(pl.col("kind") == "appointment")
        .select("patient_id", "program_id", pl.col("start").dt.date().alias("day"), pl.lit("front_desk").alias("desk"))
        .unique()
    )
    met = met.join(staff, left_on="who", right_on="staff_id", how="left")
    return (
        met.join(held, on=keys, how="left")
        .join(booked, left_on=["patient", "program_id", "day"], right_on=["patient_id", "program_id", "day"], how="left")
        .with_columns(
            pl.when(pl.col("left_at") <= pl.col("first"))
            .then(None)
            .when(pl.col("fact").is_not_null())
            .then(pl.col("fact"))
            .when(pl.col("role") == "front_desk")
            .then(pl.col("desk"))
            .alias("explanation")
        )
        .drop("fact", "desk", "program_id")
    )


def explain_by_log(met: pl.LazyFrame, *, days: int = 3, shared: int = 5) -> pl.LazyFrame:
    """Add ``explanation`` from the log alone: one of `EVIDENCE`, or null. Weaker than a context, and all there is without one.

    ``documented``: who opened the chart also wrote in it that day. ``returning``: the same person was in this chart on at
    least ``days`` days. ``shares_team``: somebody who wrote clinical entries in this chart has patients in common with this
    person, both having written in those charts: at least ``shared``, and a fifth of the patients of whoever has fewer.
    """
    pl = require("polars", extra="lab")
    pairs = met.group_by("who", "patient").agg(pl.len().alias("met_days"), pl.col("clinical").sum().alias("wrote"))
    writers = pairs.filter(pl.col("wrote") > 0).select("who", "patient")
    known = writers.group_by("who").agg(pl.len().alias("known"))
    common = (
        writers.join(writers.rename({"who": "mate"}), on="patient")
        .filter(pl.col("who") != pl.col("mate"))
        .group_by("who", "mate")
        .agg(pl.len().alias("common"))
        .join(known, on="who")
        .join(known.rename({"who": "mate", "known": "mate_known"}), on="mate")
        .filter((pl.col("common") >= shared) & (pl.col("common") * 5 >= pl.min_horizontal("known", "mate_known")))
    )
    team = (
        met.select("who", "patient")
        .unique()
        .join(writers.rename({"who": "mate"}), on="patient")
        .join(common, on=["who", "mate"], how="semi")
        .select("who", "patient", pl.lit(True).alias("team"))
        .unique()
    )
    return (
        met.join(pairs.select("who", "patient", "met_days"), on=["who", "patient"], how="left")
        .join(team, on=["who", "patient"], how="left")
        .with_columns(
            pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("left_at"),
            pl.when(pl.col("writes") > 0)
            .then(pl.lit("documented"))
            .when(pl.col("met_days") >= days)
            .then(pl.lit("returning"))
            .when(pl.col("team"))
            .then(pl.lit("shares_team"))
            .alias("explanation"),
        )
        .drop("met_days", "team")
    )
