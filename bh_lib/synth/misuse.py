"""Misuse that is put into the log, each scenario with what shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bh_lib.synth import acts
from bh_lib.synth.clinic import Consent, Patient, Staff
from bh_lib.synth.office import register
from bh_lib.synth.oversight import emergency
from bh_lib.synth.rights import consent_fact, disclosure
from bh_lib.synth.workday import BAD_PASSWORD, MINUTE, Extra, Workday

__all__ = ["SCENARIOS", "Case", "Scenario"]

_CURIOUS = ("therapist", "nurse", "case_manager", "peer_specialist", "front_desk")


@dataclass(slots=True)
class Case:
    """One injected misuse: who, whose records, and the ids of its events once they are written."""

    number: int
    scenario: str
    shows: str
    size: int
    since: str = "1.0"
    actors: list[str] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    first: str = ""
    last: str = ""

    def to_dict(self, version: str = "3.0") -> dict[str, Any]:
        """As in ``answer_key.json``; ``shown`` is false where the version lacks the fields that would show it."""
        return {
            "case_id": f"case-{self.number:04d}",
            "scenario": self.scenario,
            "actor_ids": self.actors,
            "patient_ids": list(dict.fromkeys(self.patients)),
            "event_ids": self.event_ids,
            "start": self.first,
            "end": self.last,
            "shows": self.shows,
            "shown": version >= self.since,
        }


def _clinicians(work: Workday, org: str, roles: tuple[str, ...] = _CURIOUS) -> list[Staff]:
    return [staff for role in roles for staff in work.everyone(role) if staff.org_id == org]


def _in_care(work: Workday, org: str = "org-01") -> list[Patient]:
    return [patient for patient in work.clinic.patients() if patient.program.org_id == org]


def _reasons(work: Workday) -> set[tuple[str, str]]:
    """Who has a reason to look up whom, by what happened today."""
    return {(fact["staff_id"], fact["patient_id"]) for fact in work.facts if "staff_id" in fact and "patient_id" in fact}


def _strangers(work: Workday, staff: Staff, patients: list[Patient]) -> list[Patient]:
    known = _reasons(work)
    return [patient for patient in patients if (staff.staff_id, patient.patient_id) not in known]


def _look(work: Workday, case: Case, staff: Staff, patients: list[Patient], session: int, at: int) -> None:
    """Open charts and read notes in them, as case."""
    rng, rows, number = work.rng, work.rows, case.number
    case.patients.extend(patient.patient_id for patient in patients)
    for patient in patients:
        actor = staff.number * 4 + patient.program.owner
        rows.append((at, acts.CHART_OPEN, actor, patient.number, 0, session, None, number))
        for step in range(1 + int(rng.random() * 3)):
            at += 15_000 + int(rng.random() * 30_000)
            rows.append((at, acts.NOTE_READ, actor, patient.number, max(1, work.day - 7 * step), session, None, number))
        at += 20_000 + int(rng.random() * 60_000)


def _snoop(relation: str) -> Callable[[Workday, Case], None]:
    def play(work: Workday, case: Case) -> None:
        rng, everyone = work.rng, _clinicians(work, "org-01")
        staff = rng.choice(everyone)
        if relation != "vip" and rng.random() < 0.9:
            known, patients = _reasons(work), _in_care(work)
            if relation == "coworker":
                patients = [patient for patient in patients if patient.employee]
            rng.shuffle(patients)
            for patient in patients:
                near = [s for s in everyone if s.program is not patient.program and _related(relation, s, patient)]
                near = [s for s in near if (s.staff_id, patient.patient_id) not in known]
                if near:
                    staff = rng.choice(near)
                    break
            else:
                patient = _newcomer(work, staff, relation)
        else:
            patient = _newcomer(work, staff, relation)
        case.actors.append(staff.staff_id)
        session, minute = work.session_of(staff), staff.shift + 60 + rng.randrange(360)
        actor = staff.number * 4 + patient.program.owner
        work.rows.append((minute * MINUTE - 8_000, acts.PATIENT_LOOKUP, actor, patient.number, 0, session, None, case.number))
        _look(work, case, staff, [patient], session, minute * MINUTE)

    return play


def _related(relation: str, staff: Staff, patient: Patient) -> bool:
    if relation == "coworker":
        return patient.employee is not None and patient.employee != staff.staff_id
    if relation == "surname":
        return patient.surname_group == staff.surname_group
    return patient.area == staff.area


def _newcomer(work: Workday, staff: Staff, relation: str) -> Patient:
    others = [s for s in _clinicians(work, "org-01", ("therapist",)) if s.program is not staff.program]
    colleague = work.rng.choice([s for s in work.clinic.staff if s is not staff])
    known: dict[str, dict[str, Any]] = {
        "vip": {"vip": True},
        "coworker": {"employee": colleague.staff_id},
        "surname": {"surname_group": staff.surname_group},
        "neighbour": {"area": staff.area},
    }
    return register(work, work.rng.choice(others), **known[relation])


def _after_termination(work: Workday, case: Case) -> None:
    gone = [s for s in work.clinic.staff if s.terminated is not None and s.terminated <= work.day and s.org_id == "org-01"]
    if not gone:
        return
    staff = work.rng.choice(gone)
    case.actors.append(staff.staff_id)
    at = (1130 + work.rng.randrange(120)) * MINUTE
    session = work.connect(f"198.51.100.{staff.number % 250 + 1}")
    work.rows.append((at, acts.LOGIN, staff.number * 4, -1, 0, session, None, case.number))
    own = [patient for patient in _in_care(work) if patient.program is staff.program]
    _look(work, case, staff, work.rng.sample(own, min(4, len(own))), session, at + 40_000)


def _shared_login(work: Workday, case: Case) -> None:
    rng = work.rng
    lender = rng.choice(_clinicians(work, "org-01"))
    others = [s for s in _clinicians(work, "org-01", ("therapist",)) if s.program is not lender.program]
    borrower = rng.choice(others)
    case.actors.append(lender.staff_id)
    work.session_of(lender)
    at = (lender.shift + 90 + rng.randrange(240)) * MINUTE
    session = work.connect(work.desk(borrower))
    work.rows.append((at, acts.LOGIN, lender.number * 4, -1, 0, session, None, case.number))
    theirs = _strangers(work, lender, work.clinic.caseload[borrower.number])
    _look(work, case, lender, rng.sample(theirs, min(5, len(theirs))), session, at + 30_000)


def _impossible_travel(work: Workday, case: Case) -> None:
    rng = work.rng
    staff = rng.choice(_clinicians(work, "org-01"))
    case.actors.append(staff.staff_id)
    work.session_of(staff)
    at = (staff.shift + 120 + rng.randrange(180)) * MINUTE
    session = work.connect(f"203.0.113.{rng.randrange(1, 255)}")
    work.rows.append((at, acts.LOGIN, staff.number * 4, -1, 0, session, None, case.number))
    patients = _in_care(work)
    _look(work, case, staff, rng.sample(patients, min(5, len(patients))), session, at + 25_000)


def _mass_export(work: Workday, case: Case) -> None:
    rng = work.rng
    staff = rng.choice(_clinicians(work, "org-01", ("case_manager", "biller", "therapist")))
    case.actors.append(staff.staff_id)
    at, session = 1185 * MINUTE, work.log_in(staff, 1170, hours=2)
    patients = _in_care(work)
    for patient in rng.sample(patients, min(case.size, len(patients))):
        at += 8_000 + int(rng.random() * 9_000)
        actor = staff.number * 4 + patient.program.owner
        work.rows.append((at, acts.CHART_EXPORT, actor, patient.number, 0, session, None, case.number))
        case.patients.append(patient.patient_id)


def _credential_stuffing(work: Workday, case: Case) -> None:
    rng = work.rng
    people = [s for s in work.clinic.staff if s.works(work.day) and s.org_id == "org-01"]
    rng.shuffle(people)
    at = (60 + rng.randrange(180)) * MINUTE
    session, address = -1, f"203.0.113.{rng.randrange(1, 255)}"
    tried = people[: max(6, case.size // 3)]
    for staff in tried:
        session = work.connect(address)
        at += 700 + int(rng.random() * 2_500)
        work.rows.append((at, acts.LOGIN, staff.number * 4, -1, 0, session, BAD_PASSWORD, case.number))
    victim = rng.choice([s for s in tried if s.role in _CURIOUS] or tried)
    case.actors.append(victim.staff_id)
    work.rows.append((at + 2_000, acts.LOGIN, victim.number * 4, -1, 0, session, None, case.number))
    patients = _in_care(work)
    _look(work, case, victim, rng.sample(patients, min(4, len(patients))), session, at + 20_000)


def _break_glass_abuse(work: Workday, case: Case) -> None:
    rng = work.rng
    staff = rng.choice(_clinicians(work, "org-01"))
    case.actors.append(staff.staff_id)
    session, at = work.session_of(staff), (staff.shift + 100 + rng.randrange(300)) * MINUTE
    patients = _strangers(work, staff, [patient for patient in _in_care(work) if patient.program is not staff.program])
    for patient in rng.sample(patients, min(4, len(patients))):
        extra = emergency(work, patient, approved_by=None, nature="unspecified", due=False)
        actor = staff.number * 4 + patient.program.owner
        work.rows.append((at, acts.BREAK_GLASS, actor, patient.number, 0, session, extra, case.number))
        _look(work, case, staff, [patient], session, at + 5_000)
        at += 12 * MINUTE


def _released(expired: bool) -> Callable[[Workday, Case], None]:
    def play(work: Workday, case: Case) -> None:
        rng = work.rng
        clerk = rng.choice(_clinicians(work, "org-02", ("health_information",)))
        patient = rng.choice(_in_care(work, "org-02"))
        case.actors.append(clerk.staff_id)
        case.patients.append(patient.patient_id)
        lapsed = work.day - 2 if expired else work.day + 60
        consent = Consent(f"roi-{case.number:04d}-{patient.number:06d}", work.day - 92, lapsed)
        work.facts.append(consent_fact(work, patient, consent))
        block = consent.block(work.start) | {"basis": "CONSENT", "scope": "single_disclosure"}
        session, at = work.session_of(clerk), (620 + rng.randrange(300)) * MINUTE
        at, extra = disclosure(work, patient, at, block, notice=expired)
        actor = clerk.number * 4 + patient.program.owner
        work.rows.append((at, acts.DISCLOSE, actor, patient.number, work.day + 900_001, session, extra, case.number))

    return play


def _unattributed_agent(work: Workday, case: Case) -> None:
    rng = work.rng
    program = rng.choice([p for p in work.clinic.programs if p.org_id == "org-01"])
    name = f"agt-scribe-{program.number + 1:02d}"
    case.actors.append(name)
    extra = Extra({"attribution": {"level": "unattributed", "method": "token_missing"}})
    at, session = (120 + rng.randrange(200)) * MINUTE, work.connect("10.99.0.7")
    patients = [patient for patient in _in_care(work) if patient.program is program]
    for patient in rng.sample(patients, min(6, len(patients))):
        at += 1_500
        work.rows.append((at, acts.AGENT_READ, work.named(name), patient.number, max(1, work.day), session, extra, case.number))
        case.patients.append(patient.patient_id)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of misuse, and the trace by which an auditor knows it.

    Attributes
    ----------
    name, shows : str
        The trace in words.
    play : callable or None
        Puts it into a day.
    since : str
        The oldest version of the event in which the trace still shows.
    """

    name: str
    shows: str
    play: Callable[[Workday, Case], None] | None
    since: str = "1.0"


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("snoop_vip", "a VIP's chart read by somebody who has no part in the care", _snoop("vip")),
    Scenario("snoop_coworker", "an employee's own chart read by a colleague who has no part in the care", _snoop("coworker")),
    Scenario("snoop_surname", "a chart of the reader's surname group, with no part in the care", _snoop("surname")),
    Scenario("snoop_neighbour", "a chart from the reader's own area, with no part in the care", _snoop("neighbour")),
    Scenario("after_termination", "log-in and reads after the account's holder left (staff.end)", _after_termination),
    Scenario(
        "shared_login", "a second session from another workstation while the first is open, on another's caseload", _shared_login
    ),
    Scenario("impossible_travel", "a foreign address while a session at the clinic is open", _impossible_travel),
    Scenario("mass_export", "one person exports far more charts in an hour than anyone does", _mass_export),
    Scenario(
        "credential_stuffing", "one address fails to log in to many accounts within minutes, then succeeds", _credential_stuffing
    ),
    Scenario(
        "break_glass_abuse",
        "glass broken again and again, not approved, not due for review, never reviewed",
        _break_glass_abuse,
        "3.0",
    ),
    Scenario("expired_consent", "a Part 2 disclosure after consent.expires_at", _released(expired=True), "3.0"),
    Scenario(
        "missing_notice", "a Part 2 disclosure with disclosure.notice_sent false (42 CFR 2.32)", _released(expired=False), "3.0"
    ),
    Scenario("unattributed_agent", "an agent reads charts at attribution level unattributed", _unattributed_agent, "2.1"),
    Scenario("log_gap", "a service is silent between the two events, through its own heartbeats", None),
    Scenario("clock_skew", "a service's timestamps run behind the events around them in the log", None),
)
"""Every scenario; the last two befall the log itself, and nobody in it."""
