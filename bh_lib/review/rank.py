"""Orders what stays unexplained, so that a reviewer's first hour goes to what matters most.

An *alert* is one person's unexplained access of one day. Its score is a sum of points for what can be said of it in words;
a reviewer sees the words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bh_lib._extras import require

if TYPE_CHECKING:
    import polars as pl

__all__ = ["SIGNALS", "rank_unexplained"]

SIGNALS: dict[str, tuple[int, str]] = {
    "left": (5, "the account's holder had left"),
    "unapproved": (4, "broke the glass without approval"),
    "unattributed": (4, "an agent acted for nobody that can be named"),
    "exports": (4, "exported five records or more"),
    "guessed": (4, "logged in from an address that failed to log in to five accounts or more that day"),
    "two_places": (3, "two sessions at once from different addresses"),
    "employee": (3, "the patient works here"),
    "vip": (3, "the patient is in the public eye"),
    "surname": (2, "the patient is of the same surname group"),
    "many": (2, "four patients or more"),
    "area": (1, "the patient lives in the same area"),
    "notes": (1, "read notes"),
}
"""Signal → points, and what it says. One point more for being unexplained at all."""


def _two_places(log: pl.LazyFrame) -> pl.LazyFrame:
    pl = require("polars", extra="lab")
    sessions = (
        log.filter(pl.col("session").is_not_null() & pl.col("client_ip").is_not_null() & (pl.col("status") == "SUCCESS"))
        .filter(pl.col("actor_type") == "human")
        .with_columns(pl.col("at").dt.date().alias("day"))
        .group_by("actor", "day", "session")
        .agg(pl.col("client_ip").first().alias("ip"), pl.col("at").min().alias("from"), pl.col("at").max().alias("to"))
    )
    return (
        sessions.join(sessions, on=["actor", "day"], suffix="_other")
        .filter(
            (pl.col("ip") != pl.col("ip_other")) & (pl.col("from") < pl.col("to_other")) & (pl.col("from_other") < pl.col("to"))
        )
        .select(pl.col("actor").alias("who"), "day", pl.lit(True).alias("two_places"))
        .unique()
    )


def _guessed(log: pl.LazyFrame, accounts: int = 5) -> pl.LazyFrame:
    pl = require("polars", extra="lab")
    tried = log.filter(pl.col("action") == "LOGIN").with_columns(pl.col("at").dt.date().alias("day"))
    sprayed = (
        tried.filter(pl.col("status") == "DENIED")
        .group_by("client_ip", "day")
        .agg(pl.col("actor").n_unique().alias("accounts"))
        .filter(pl.col("accounts") >= accounts)
    )
    return (
        tried.filter(pl.col("status") == "SUCCESS")
        .join(sprayed, on=["client_ip", "day"], how="semi")
        .select(pl.col("actor").alias("who"), "day", pl.lit(True).alias("guessed"))
        .unique()
    )


def _relations(met: pl.LazyFrame, context: pl.LazyFrame | None) -> pl.LazyFrame:
    """Add what could make somebody curious: needs a context."""
    pl = require("polars", extra="lab")
    if context is None:
        return met.with_columns(pl.lit(False).alias(name) for name in ("employee", "vip", "surname", "area"))
    fields = ("area_id", "surname_group")
    patient = context.filter(pl.col("kind") == "patient").select("patient_id", *fields, "employee_id", "vip")
    staff = context.filter(pl.col("kind") == "staff").select("staff_id", *(pl.col(name).alias(f"own_{name}") for name in fields))
    return (
        met.join(
            patient.unique("patient_id", keep="last", maintain_order=True), left_on="patient", right_on="patient_id", how="left"
        )
        .join(staff, left_on="who", right_on="staff_id", how="left")
        .with_columns(
            pl.col("employee_id").is_not_null().alias("employee"),
            pl.col("vip").fill_null(False),
            (pl.col("surname_group") == pl.col("own_surname_group")).fill_null(False).alias("surname"),
            (pl.col("area_id") == pl.col("own_area_id")).fill_null(False).alias("area"),
        )
    )


def rank_unexplained(explained: pl.LazyFrame, log: pl.LazyFrame, context: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Turn unexplained encounters into alerts, the most telling first.

    Parameters
    ----------
    explained : LazyFrame
        Of `explain_by_context` or `explain_by_log`.
    log, context : LazyFrame
        Of `scan_log` and `scan_context`.

    Returns
    -------
    LazyFrame
        ``day``, ``who``, ``role``, ``score`` (points), ``why`` (words), ``patients`` (ids), ``events``, ``first``, ``last``,
        ``event_ids``; ties are broken by day and person, so the same log gives the same order.
    """
    pl = require("polars", extra="lab")
    open_cases = _relations(explained.filter(pl.col("explanation").is_null()), context)
    alerts = (
        open_cases.group_by("who", "day")
        .agg(
            pl.col("role").drop_nulls().first(),
            pl.col("patient").sort().alias("patients"),
            pl.col("events").sum(),
            pl.col("first").min(),
            pl.col("last").max(),
            (pl.col("left_at") <= pl.col("first")).fill_null(False).any().alias("left"),
            (pl.col("exports").sum() >= 5).alias("exports"),
            (pl.col("unapproved").sum() > 0).alias("unapproved"),
            (pl.col("unattributed").sum() > 0).alias("unattributed"),
            (pl.col("notes").sum() > 0).alias("notes"),
            (pl.len() >= 4).alias("many"),
            # Among many patients somebody is related to everybody, which then says nothing.
            *((pl.col(name).any() & (pl.len() < 4)).alias(name) for name in ("employee", "vip", "surname", "area")),
            pl.col("event_ids").list.explode().sort().alias("event_ids"),
        )
        .join(_two_places(log), on=["who", "day"], how="left")
        .join(_guessed(log), on=["who", "day"], how="left")
        .with_columns(pl.col("two_places", "guessed").fill_null(False))
    )
    points = [pl.when(name).then(score).otherwise(0) for name, (score, _) in SIGNALS.items()]
    words = [pl.when(name).then(pl.lit(text)) for name, (_, text) in SIGNALS.items()]
    return (
        alerts.with_columns(
            (pl.sum_horizontal(points) + 1).cast(pl.Int64).alias("score"),
            pl.concat_str(words, separator="; ", ignore_nulls=True).alias("why"),
        )
        .select("day", "who", "role", "score", "why", "patients", "events", "first", "last", "event_ids")
        .sort("score", "day", "who", descending=[True, False, False])
    )
