"""Runs the clinic day by day, until the log has as many events as were asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from operator import itemgetter
from random import Random
from typing import Any

from bh_lib.errors import InputError
from bh_lib.synth.acts import ACTS
from bh_lib.synth.clinic import Clinic, build_clinic
from bh_lib.synth.misuse import SCENARIOS, Case
from bh_lib.synth.office import care_team_facts, office_day, patient_fact, staff_fact, turnover
from bh_lib.synth.oversight import Glass, on_call_night, oversight_day
from bh_lib.synth.render import event_ids
from bh_lib.synth.rights import consent_fact, rights_day
from bh_lib.synth.visits import care_day
from bh_lib.synth.workday import DAY_MS, MINUTE, Row, Workday

__all__ = ["DEFAULT_START", "Simulation", "Written"]

DEFAULT_START = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""

_PER_THERAPIST = 121.0
"""Events of a weekday for each therapist, all told; measured."""
_WORKDAYS_A_WEEK = 5.1
_LEAST_THERAPISTS = 6
_CASELOAD = 25


@dataclass(frozen=True, slots=True)
class Written:
    """A day that is ready: its rows in the order of the log, 16 bytes of id for each, and its facts."""

    work: Workday
    rows: list[Row]
    ids: bytes
    facts: list[dict[str, Any]]


@dataclass(slots=True)
class Simulation:
    """One log in the making. Its size decides the clinic's size and the number of days.

    Parameters
    ----------
    n : int
        Events; at least 1. From about 2,000 on, every scenario of misuse fits in.
    seed : int
    start : datetime
        Midnight, UTC, of the first day.

    Raises
    ------
    InputError
        If n is below 1, or start has no time zone.
    """

    n: int
    seed: int
    start: datetime = DEFAULT_START
    cases: list[Case] = field(default_factory=list)
    days: int = 0
    _therapists: int = 0

    def __post_init__(self) -> None:
        if self.n < 1:
            raise InputError("at least one event is needed", place="n")
        if self.start.tzinfo is None:
            raise InputError("needs a time zone", place="start")
        self.start = self.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        smallest = _LEAST_THERAPISTS * _PER_THERAPIST * _WORKDAYS_A_WEEK / 7
        days = max(1, min(365, max(14, round(self.n**0.5 / 10)), round(self.n / smallest)))
        daily = self.n / days * 7 / _WORKDAYS_A_WEEK
        self._therapists = max(_LEAST_THERAPISTS, round(daily / _PER_THERAPIST))
        # A short log doesn't have its share of weekends, so its end is counted out day by day.
        told, self.days = 0.0, 0
        while told < self.n:
            told += self._therapists * _PER_THERAPIST * (1.0 if _weekday(self.start, self.days) < 5 else 0.03)
            self.days += 1

    def _chance(self, name: str) -> Random:
        """A source of chance of its own for each part, so that a change in one doesn't stir the others."""
        return Random(f"{name} {self.seed}")  # noqa: S311

    def _clinic(self) -> Clinic:
        clinic = build_clinic(self._therapists, _CASELOAD, self._chance("clinic"))
        rng = self._chance("leavers")
        # Nobody's care team names nurses and peers, so one of them can leave without a caseload to hand over.
        peers = [s for s in clinic.staff if s.role == "peer_specialist" and s.org_id == "org-01"]
        for leaver in rng.sample(peers, max(1, len(peers) // 6)):
            clinic.staff[leaver.number] = replace(leaver, terminated=rng.randint(1, max(1, self.days // 2)))
        return clinic

    def _agenda(self) -> dict[int, list[Case]]:
        """Which misuse befalls which day; never a weekend, and none so late that the log might end before it."""
        rng = self._chance("misuse")
        first = min(2, self.days // 3)
        last = max(first + 1, min(self.days - 2, int(self.days * 0.85)))
        workdays = [day for day in range(first, last) if _weekday(self.start, day) < 5]
        if not workdays:
            return {}
        later = [day for day in workdays if day > self.days // 2] or workdays[-1:]
        repeat = max(1, min(12, round(self.n / 60_000)))
        agenda: dict[int, list[Case]] = {}
        budget, number = self.n * 0.25, 0
        for _ in range(repeat):
            for scenario in SCENARIOS:
                size = max(8, min(240, self.n // 400))
                budget -= size if scenario.name in ("mass_export", "credential_stuffing") else 12
                if budget < 0 or (scenario.play is None and _ > 0):
                    continue
                number += 1
                case = Case(number, scenario.name, scenario.shows, size, scenario.since)
                day = rng.choice(later if scenario.name == "after_termination" else workdays)
                agenda.setdefault(day, []).append(case)
        return agenda

    def run(self) -> Iterator[Written]:
        """Yield day after day, each complete; the answer key is in `cases` when the last is done."""
        clinic, agenda = self._clinic(), self._agenda()
        work = Workday(clinic, self._chance("days"), self.start)
        ids, heartbeats = self._chance("ids"), 24 if self.n / self.days > 1500 else 4
        plays = {scenario.name: scenario.play for scenario in SCENARIOS}
        seen: list[Any] = []
        pending: deque[Glass] = deque()
        left, day = self.n, 0
        while left > 0:
            work.begin(day)
            if day == 0:
                work.facts.extend(self._roster(work))
            if work.weekday < 5:
                turnover(work)
                rights_day(work)
                oversight_day(work, pending, seen)
                before, seen = seen, care_day(work)
                office_day(work, before, heartbeats=heartbeats)
            else:
                office_day(work, [], heartbeats=heartbeats)
            on_call_night(work, pending)
            for case in agenda.get(day, ()):
                play = plays[case.scenario]
                if play is not None:
                    play(work, case)
                self.cases.append(case)
            rows = sorted(work.rows, key=itemgetter(0))
            _keep_within_the_day(rows)
            for case in agenda.get(day, ()):
                if case.scenario == "log_gap":
                    rows = _cut(rows, case, "billing", 720 * MINUTE, DAY_MS // heartbeats // 2 + 45 * MINUTE)
                elif case.scenario == "clock_skew":
                    rows = _skew(rows, case, "scheduling", 600 * MINUTE, 660 * MINUTE)
            del rows[left:]
            left -= len(rows)
            written = Written(work, rows, event_ids(ids, len(rows)), work.facts)
            if day in agenda:
                self._note_cases(written)
            yield written
            day += 1
        self.days = day
        self.cases[:] = [case for case in self.cases if case.event_ids]

    def _roster(self, work: Workday) -> Iterator[dict[str, Any]]:
        for staff in work.clinic.staff:
            yield staff_fact(work, staff)
        for patient in work.clinic.patients():
            yield patient_fact(work, patient)
            yield from care_team_facts(work, patient)
            if patient.number in work.clinic.consents:
                yield consent_fact(work, patient, work.clinic.consents[patient.number])

    def _note_cases(self, written: Written) -> None:
        by_number = {case.number: case for case in self.cases}
        for place, row in enumerate(written.rows):
            if row[7]:
                case, mark = by_number[row[7]], written.ids[16 * place : 16 * place + 16].hex()
                case.event_ids.append(f"{mark[:8]}-{mark[8:12]}-{mark[12:16]}-{mark[16:20]}-{mark[20:]}")
                case.last = written.work.stamp(row[0] / MINUTE)
                case.first = case.first or case.last


def _keep_within_the_day(rows: list[Row]) -> None:
    """What began before midnight or runs past it is told at its edge; the rows are in order, and stay so."""
    for place in range(len(rows)):
        if rows[place][0] >= 0:
            break
        rows[place] = (0, *rows[place][1:])
    for place in range(len(rows) - 1, -1, -1):
        if rows[place][0] < DAY_MS:
            break
        rows[place] = (DAY_MS - 1, *rows[place][1:])


def _weekday(start: datetime, day: int) -> int:
    return (start.weekday() + day) % 7


def _service(row: Row) -> str:
    extra = row[6]
    own = None if extra is None else extra.blocks.get("service")
    return ACTS[row[1]].service if own is None else str(own["name"])


def _cut(rows: list[Row], case: Case, service: str, middle: int, half: int) -> list[Row]:
    """Take a service's events out of a span of time, and mark the two between which it was silent."""
    kept = [row for row in rows if _service(row) != service or abs(row[0] - middle) > half or row[7]]
    own = [place for place, row in enumerate(kept) if _service(row) == service and not row[7]]
    for edge in (
        [place for place in own if kept[place][0] < middle][-1:],
        [place for place in own if kept[place][0] > middle][:1],
    ):
        for place in edge:
            kept[place] = (*kept[place][:7], case.number)
    return kept


def _skew(rows: list[Row], case: Case, service: str, first: int, last: int) -> list[Row]:
    """Let a service's clock run eleven minutes behind for a while; its events stay where they are in the log."""
    return [
        (row[0] - 11 * MINUTE, *row[1:7], case.number)
        if _service(row) == service and first <= row[0] < last and not row[7]
        else row
        for row in rows
    ]
