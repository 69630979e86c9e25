"""The questions an access review asks of a log; each takes the table of `scan_log` and gives a lazy table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bh_lib._extras import require

if TYPE_CHECKING:
    import polars as pl

__all__ = ["accesses", "activity", "break_glass", "consent_gaps", "denials", "disclosures", "log_ins"]

_ACCESS = ("READ", "CREATE", "UPDATE", "DELETE", "EXPORT", "PRINT", "QUERY", "DISCLOSE")


def accesses(log: pl.LazyFrame) -> pl.LazyFrame:
    """Who saw whom: a row for each actor and patient, with counts, first and last time, and what was done.

    ``for_whom`` is the person on whose authority an agent acted.
    """
    pl = require("polars", extra="lab")
    reached = log.filter(pl.col("patient").is_not_null() & (pl.col("status") == "SUCCESS") & pl.col("action").is_in(_ACCESS))
    return (
        reached.group_by("patient", "actor")
        .agg(
            pl.col("actor_type").first(),
            pl.col("roles").first().list.join(", ").alias("roles"),
            pl.col("authorizing").drop_nulls().unique().sort().str.join(", ").alias("for_whom"),
            pl.len().alias("events"),
            pl.col("at").min().alias("first"),
            pl.col("at").max().alias("last"),
            pl.col("action").unique().sort().str.join(", ").alias("actions"),
            pl.col("purpose").drop_nulls().unique().sort().str.join(", ").alias("purposes"),
        )
        .sort("events", "patient", "actor", descending=[True, False, False])
    )


def activity(log: pl.LazyFrame) -> pl.LazyFrame:
    """What happened, event by event, oldest first."""
    columns = ("at", "actor", "action", "action_name", "resource", "resource_id", "patient", "purpose", "status", "reason")
    return log.select(*columns, "client_ip", "session", "event_id").sort("at", maintain_order=True)


def denials(log: pl.LazyFrame) -> pl.LazyFrame:
    """What the system refused, by reason and actor: DENIED alone, for FAILURE says nothing about a right."""
    pl = require("polars", extra="lab")
    return (
        log.filter(pl.col("status") == "DENIED")
        .group_by("reason", "actor", "action")
        .agg(
            pl.len().alias("events"),
            pl.col("patient").drop_nulls().n_unique().alias("patients"),
            pl.col("at").min().alias("first"),
            pl.col("at").max().alias("last"),
        )
        .sort("events", "reason", "actor", "action", descending=[True, False, False, False])
    )


def log_ins(log: pl.LazyFrame) -> pl.LazyFrame:
    """Log-ins by actor: succeeded, refused, from how many addresses, without a second factor's record."""
    pl = require("polars", extra="lab")
    return (
        log.filter(pl.col("action") == "LOGIN")
        .group_by("actor")
        .agg(
            (pl.col("status") == "SUCCESS").sum().alias("succeeded"),
            (pl.col("status") == "DENIED").sum().alias("refused"),
            (pl.col("status") == "FAILURE").sum().alias("failed"),
            pl.col("client_ip").drop_nulls().n_unique().alias("addresses"),
            pl.col("at").max().alias("last"),
        )
        .sort("refused", "actor", descending=[True, False])
    )


def break_glass(log: pl.LazyFrame) -> pl.LazyFrame:
    """Every broken glass with its review: approved by whom, due when, reviewed when (or ``overdue``, or ``never``).

    A review is a REVIEW event on the same patient's EmergencyAccess whose resource id is the session of the access.
    Overdue is judged at the log's last event, so that the same log always gives the same answer.
    """
    pl = require("polars", extra="lab")
    broken = log.filter(pl.col("purpose").is_in(("BTG", "ETREAT")) & (pl.col("status") == "SUCCESS"))
    reviews = (
        log.filter((pl.col("action") == "REVIEW") & (pl.col("resource") == "EmergencyAccess"))
        .group_by("patient", "resource_id")
        .agg(pl.col("at").min().alias("reviewed_at"), pl.col("actor").first().alias("reviewed_by"))
    )
    end = log.select(pl.col("at").max().alias("log_end"))
    columns = ("at", "actor", "patient", "purpose", "emergency", "approved_by", "review_due_at", "session", "event_id")
    reviewed = (
        pl.when(pl.col("reviewed_at").is_not_null())
        .then(pl.when(pl.col("reviewed_at") > pl.col("review_due_at")).then(pl.lit("late")).otherwise(pl.lit("reviewed")))
        .when(pl.col("review_due_at").is_null())
        .then(pl.lit("never"))
        .when(pl.col("review_due_at") < pl.col("log_end"))
        .then(pl.lit("overdue"))
        .otherwise(pl.lit("due"))
    )
    return (
        broken.select(columns)
        .join(reviews, left_on=["patient", "session"], right_on=["patient", "resource_id"], how="left")
        .join(end, how="cross")
        .with_columns(reviewed.alias("review"))
        .drop("log_end", "session")
        .sort("at", "event_id")
    )


def disclosures(log: pl.LazyFrame) -> pl.LazyFrame:
    """The accounting of disclosures of 45 CFR 164.528: date, recipient, what, why, on which basis.

    ``accountable`` is false for treatment, payment and operations, which 164.528(a)(1)(i) exempts, and for what the patient
    got or authorized. ``part2`` marks records of 42 CFR Part 2; the accounting of its section 2.25 is not yet in force.
    """
    pl = require("polars", extra="lab")
    exempt = pl.col("purpose").is_in(("TREAT", "ETREAT", "HPAYMT", "HOPERAT", "PATRQT")) | pl.col("basis").is_in(("CONSENT",))
    part2 = pl.col("sensitivity").list.contains("42CFRPart2").fill_null(False)
    return (
        log.filter((pl.col("action") == "DISCLOSE") & (pl.col("status") == "SUCCESS"))
        .select(
            *("at", "patient", "recipient", "recipient_type", "description_code", "purpose", "basis", "consent_id", "notice_sent"),
            part2.alias("part2"),
            (~exempt.fill_null(False)).alias("accountable"),
            "actor",
            "event_id",
        )
        .sort("at", "event_id")
    )


def consent_gaps(log: pl.LazyFrame) -> pl.LazyFrame:
    """Part 2 records that crossed an organization's border, or were disclosed, without a basis that held at that moment.

    ``gap``: ``no consent``, ``before consent``, ``expired``, ``revoked``, or ``no notice`` (42 CFR 2.32).
    """
    pl = require("polars", extra="lab")
    part2 = pl.col("sensitivity").list.contains("42CFRPart2").fill_null(False)
    crossed = (pl.col("org") != pl.col("owner_org")).fill_null(False)
    disclosed = pl.col("action") == "DISCLOSE"
    to_patient = (pl.col("recipient_type") == "patient").fill_null(False)
    gap = (
        pl.when(pl.col("basis").is_null() & (crossed | ~to_patient))
        .then(pl.lit("no consent"))
        .when(pl.col("revoked_at") <= pl.col("at"))
        .then(pl.lit("revoked"))
        .when(pl.col("expires_at") <= pl.col("at"))
        .then(pl.lit("expired"))
        .when(pl.col("signed_at") > pl.col("at"))
        .then(pl.lit("before consent"))
        .when(disclosed & ~to_patient & ~pl.col("notice_sent").fill_null(False))
        .then(pl.lit("no notice"))
    )
    return (
        log.filter(part2 & (pl.col("status") == "SUCCESS") & (crossed | disclosed))
        .with_columns(gap.alias("gap"))
        .filter(pl.col("gap").is_not_null())
        .select("at", "gap", "actor", "patient", "action", "recipient", "basis", "consent_id", "expires_at", "event_id")
        .sort("at", "event_id")
    )
