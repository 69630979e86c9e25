"""How well a review finds what the answer key says was done."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bh_lib._jsonl import read_json
from bh_lib.errors import InputError

__all__ = ["PERSONAL", "ReviewScore", "read_cases", "score_alerts"]

PERSONAL = (
    *("snoop_vip", "snoop_coworker", "snoop_surname", "snoop_neighbour", "after_termination", "shared_login"),
    *("impossible_travel", "mass_export", "credential_stuffing", "break_glass_abuse", "unattributed_agent"),
)
"""Scenarios in which an account reached patients without a reason: what unexplained access is measured on."""


@dataclass(frozen=True, slots=True)
class ReviewScore:
    """Alerts against the answer key.

    Attributes
    ----------
    alerts : int
        How many a reviewer has to look at.
    hits : int
        How many of them hold an event of an injected case.
    cases, found : int
        Injected cases of `PERSONAL` scenarios, and those that an alert holds an event of.
    people, people_found : int
        The same by actor.
    by_scenario : dict of str to tuple of int
        ``(found, injected)``.
    """

    alerts: int
    hits: int
    cases: int
    found: int
    people: int
    people_found: int
    by_scenario: dict[str, tuple[int, int]]

    @property
    def precision(self) -> float | None:
        """Share of alerts that are true; None without alerts."""
        return self.hits / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """Share of injected people found; None without any."""
        return self.people_found / self.people if self.people else None

    def to_dict(self) -> dict[str, Any]:
        """With precision and recall."""
        return {**asdict(self), "precision": self.precision, "recall": self.recall}


def read_cases(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read the cases of an ``answer_key.json``.

    Raises
    ------
    InputError
        If it is none.
    """
    key = read_json(path)
    cases = key.get("cases") if isinstance(key, dict) else None
    fields = {"scenario": str, "actor_ids": list, "event_ids": list}
    if not isinstance(cases, list) or not all(
        isinstance(c, dict) and all(isinstance(c.get(f), t) for f, t in fields.items()) for c in cases
    ):
        raise InputError("is not an answer key: {cases: [{scenario, actor_ids, event_ids, …}]}", path=str(path))
    return cases


def score_alerts(alerts: Iterable[Mapping[str, Any]], cases: Sequence[Mapping[str, Any]]) -> ReviewScore:
    """Score alerts (rows with ``event_ids``) against cases.

    Examples
    --------
    >>> cases = [{"scenario": "snoop_vip", "actor_ids": ["usr-1"], "event_ids": ["e1", "e2"]}]
    >>> score = score_alerts([{"event_ids": ["e2"]}, {"event_ids": ["e9"]}], cases)
    >>> score.precision, score.recall
    (0.5, 1.0)
    """
    sought = [case for case in cases if case["scenario"] in PERSONAL]
    case_of = {event_id: place for place, case in enumerate(sought) for event_id in case["event_ids"]}
    alerts, found = list(alerts), set[int]()
    hits = 0
    for alert in alerts:
        own = {case_of[event_id] for event_id in alert["event_ids"] if event_id in case_of}
        hits += bool(own)
        found |= own
    by_scenario: dict[str, tuple[int, int]] = {}
    for place, case in enumerate(sought):
        have, of = by_scenario.get(case["scenario"], (0, 0))
        by_scenario[case["scenario"]] = (have + (place in found), of + 1)
    people = {actor for case in sought for actor in case["actor_ids"]}
    people_found = {actor for place in found for actor in sought[place]["actor_ids"]}
    return ReviewScore(
        len(alerts), hits, len(sought), len(found), len(people), len(people_found), dict(sorted(by_scenario.items()))
    )
