"""What is expected of an audit log, of labelled notes, of predictions: one list each, with the reason of each line."""

from __future__ import annotations

from typing import Any

from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.schema.validate import VERSIONS

__all__ = ["events_suite", "notes_suite", "predictions_suite"]

_STATUSES = ["SUCCESS", "FAILURE", "DENIED"]
_SUBJECTS = ["human", "service", "agent"]
_SKEW_SECONDS = 300
"""Kerberos refuses a clock that is off by more (RFC 4120, its usual limit): such clocks can't tell what came first."""
_SILENCE = 1.5
_EMERGENCY_PURPOSES = "BTG", "ETREAT"


def _critical(reason: str) -> dict[str, Any]:
    return {"severity": "critical", "notes": reason}


def _warning(reason: str) -> dict[str, Any]:
    return {"severity": "warning", "notes": reason}


def events_suite() -> list[Any]:
    """Expectations over `frames.events_frame`."""
    import great_expectations.expectations as gxe
    from great_expectations.expectations.row_conditions import Column

    from bh_lib.checks.expectations.expect_chains_to_link import ExpectChainsToLink
    from bh_lib.checks.expectations.expect_column_values_to_be_free_of_identifiers import ExpectColumnValuesToBeFreeOfIdentifiers
    from bh_lib.checks.expectations.expect_column_values_to_be_route_templates import ExpectColumnValuesToBeRouteTemplates

    refused = Column("status").is_in(["FAILURE", "DENIED"])
    emergency = Column("purpose_of_use").is_in(list(_EMERGENCY_PURPOSES))
    part2 = (Column("is_part2") == True) & (Column("status") == "SUCCESS") & (Column("is_cross_org") == True)  # noqa: E712
    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="holds_schema", value_set=[True], **_critical("an event holds the schema of its version")
        ),
        gxe.ExpectColumnValuesToBeUnique(column="event_id", **_critical("an event is counted once")),
        gxe.ExpectColumnValuesToNotBeNull(column="occurred_at", **_critical("an event says when, with an offset from UTC")),
        gxe.ExpectColumnValuesToNotBeNull(column="actor_id", **_critical("an event says who")),
        gxe.ExpectColumnValuesToBeInSet(
            column="schema_version", value_set=list(VERSIONS), **_critical("the version is a published one")
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="status", value_set=_STATUSES, **_critical("the system failed, or the user wasn't authorized")
        ),
        gxe.ExpectColumnValuesToBeInSet(column="actor_type", value_set=_SUBJECTS, **_critical("the actor is of a known kind")),
        ExpectColumnValuesToBeFreeOfIdentifiers(column="error_message", **_critical("the trail doesn't leak what it guards")),
        ExpectColumnValuesToBeFreeOfIdentifiers(column="resource_id", **_critical("an id is a pseudonym, not an identifier")),
        ExpectColumnValuesToBeRouteTemplates(column="route_template", **_critical("a raw path holds identifiers")),
        ExpectChainsToLink(**_critical("an event that was cut out or slipped in shows")),
        gxe.ExpectColumnValuesToNotBeNull(
            column="error_type", row_condition=refused, **_critical("a failure and a denial say why: an access review needs it")
        ),
        gxe.ExpectColumnValuesToNotBeNull(
            column="consent_basis", row_condition=part2, **_warning("42 CFR Part 2: another organization's access needs a basis")
        ),
        gxe.ExpectColumnValuesToNotBeNull(
            column="review_due_at", row_condition=emergency, **_warning("break-glass is reviewed afterwards: a date is set")
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="attribution",
            value_set=["verified", "bound", "asserted"],
            **_warning("an agent acts for a person who can be named"),
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="behind_seconds",
            max_value=_SKEW_SECONDS,
            **_warning("clocks agree within five minutes: else nobody can say what came first"),
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="beat_gap",
            max_value=_SILENCE,
            **_warning("a service's heartbeats don't stop: a silent trail may be one that was switched off"),
        ),
    ]


def notes_suite() -> list[Any]:
    """Expectations over `frames.notes_frame`; labels and spans were held to the schema when it was read."""
    import great_expectations.expectations as gxe

    from bh_lib.checks.expectations.expect_column_values_to_be_free_of_identifiers import ExpectColumnValuesToBeFreeOfIdentifiers
    from bh_lib.checks.expectations.expect_flags_to_be_covered import ExpectFlagsToBeCovered
    from bh_lib.checks.expectations.expect_groups_to_stay_in_one_split import ExpectGroupsToStayInOneSplit

    return [
        gxe.ExpectColumnValuesToBeUnique(column="note_id", **_critical("a note is counted once")),
        gxe.ExpectColumnValuesToBeBetween(column="length", min_value=1, max_value=1_000_000, **_critical("a note has text")),
        gxe.ExpectColumnValuesToBeBetween(column="c_ssrs_level", min_value=0, max_value=6, **_critical("the level is 0-6")),
        ExpectColumnValuesToBeFreeOfIdentifiers(column="text", **_critical("no person can be found from the corpus")),
        ExpectGroupsToStayInOneSplit(**_critical("no family is taught and tested")),
        ExpectFlagsToBeCovered(**_warning("each of the 40 flags stands somewhere")),
        gxe.ExpectColumnValuesToBeUnique(column="digest", **_warning("no note stands twice, case and spacing aside")),
        gxe.ExpectColumnUniqueValueCountToBeBetween(column="register", min_value=2, **_warning("more than one register")),
    ]


def predictions_suite() -> list[Any]:
    """Expectations over `frames.predictions_frame`."""
    import great_expectations.expectations as gxe
    from great_expectations.expectations.row_conditions import Column

    critical = Column("max_severity") == "CRITICAL"
    triages = ["none", "low", "moderate", "high"]
    return [
        gxe.ExpectColumnValuesToBeInSet(column="has_text", value_set=[False], **_critical("no text is ever in an analysis")),
        gxe.ExpectColumnValuesToBeInSet(
            column="taxonomy_version",
            value_set=[load_taxonomy().version],
            **_critical("flags are read by the taxonomy they were raised by"),
        ),
        gxe.ExpectColumnValuesToBeInSet(column="triage", value_set=triages, **_critical("a triage is given")),
        gxe.ExpectColumnValuesToBeBetween(column="ideation_level", min_value=0, max_value=5, **_critical("the level is 0-5")),
        gxe.ExpectColumnValuesToBeInSet(
            column="immediate_review",
            value_set=[True],
            row_condition=critical,
            **_critical("a critical flag asks for a person at once"),
        ),
        gxe.ExpectColumnValuesToBeInSet(column="pattern_status", value_set=["ok"], **_warning("the safety net was there")),
    ]
