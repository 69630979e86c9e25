"""Care as it shows in the log: visits, medication checks, groups, team meetings, the scribe agent."""

from __future__ import annotations

from typing import Any

from bh_lib.synth import acts
from bh_lib.synth.clinic import Patient, Program, Staff
from bh_lib.synth.workday import DAY_MS, DENIED_ROLE, MINUTE, TIMED_OUT, Extra, Workday

__all__ = ["care_day"]

_SLOTS = (540, 600, 660, 780, 840, 900, 960)


def _appointment(work: Workday, patient: Patient, staff: Staff, minute: int, length: int) -> dict[str, Any]:
    return {
        "kind": "appointment",
        "patient_id": patient.patient_id,
        "staff_id": staff.staff_id,
        "program_id": patient.program.program_id,
        "start": work.stamp(minute),
        "end": work.stamp(minute + length),
    }


def _cancel(work: Workday, patient: Patient, clinician: Staff, minute: int) -> None:
    """The patient calls off: the front desk takes the appointment out of the book."""
    rng, number, program = work.rng, patient.number, patient.program
    work.facts.append(_appointment(work, patient, clinician, minute, 50))
    desk = rng.choice(work.teams["front_desk", program.number])
    session, actor = work.session_of(desk), desk.number * 4 + program.owner
    at = (minute - 30) * MINUTE + int(rng.random() * 20 * MINUTE)
    work.rows.append((at, acts.PATIENT_LOOKUP, actor, number, 0, session, None, 0))
    work.rows.append((at + 40_000, acts.APPOINTMENT_CANCEL, actor, number, work.day + 1, session, None, 0))


def _check_in(work: Workday, patient: Patient, at: int) -> None:
    rng, rows, number, program = work.rng, work.rows, patient.number, patient.program
    desk = rng.choice(work.teams["front_desk", program.number])
    session, actor = work.session_of(desk), desk.number * 4 + program.owner
    rows.append((at - 9 * MINUTE, acts.SCHEDULE_VIEW, desk.number * 4, -1, 0, session, None, 0))
    if rng.random() < 0.25:
        rows.append((at - 9 * MINUTE + 30_000, acts.PATIENT_LOOKUP, actor, number, 0, session, None, 0))
    rows.append((at - 8 * MINUTE, acts.CHART_OPEN, actor, number, 0, session, None, 0))
    rows.append((at - 8 * MINUTE + 20_000, acts.COVERAGE_READ, actor, number, 1, session, None, 0))
    rows.append((at - 7 * MINUTE, acts.CHECK_IN, actor, number, work.day + 1, session, None, 0))
    chance = rng.random()
    if chance < 0.012:
        rows.append((at - 6 * MINUTE, acts.NOTE_READ, actor, number, work.day + 1, session, DENIED_ROLE, 0))
    elif chance < 0.4:
        rows.append((at + 52 * MINUTE, acts.APPOINTMENT_CREATE, actor, number, work.day + 8, session, None, 0))


def _scribe(work: Workday, patient: Patient, clinician: Staff, at: int, session: int) -> None:
    rng, rows, number, program = work.rng, work.rows, patient.number, patient.program
    actor = work.named(f"agt-scribe-{program.number + 1:02d}")
    run = f"run-{work.day:04d}-{number:06d}"
    delegation = {
        "acting": {
            "subject_id": f"agt-scribe-{program.number + 1:02d}",
            "subject_type": "agent",
            "agent": {"interface": "mcp", "harness": "scribe", "harness_version": "2.3"},
        },
        "authorizing": {"subject_id": clinician.staff_id, "subject_type": "human", "org_id": clinician.org_id},
        "delegation_type": "supervised",
        "agent_session_id": run,
        "chain_depth": 1,
    }
    blocks = {"attribution": {"level": "verified", "method": "token_exchange"}, "delegation": delegation}
    under, named = Extra(blocks), Extra(blocks, resource_id=run)
    visit = work.day + 1
    rows.append((at, acts.AGENT_START, actor, -1, 0, session, named, 0))
    rows.append((at + 2_000, acts.AGENT_READ, actor, number, max(1, visit - 7), session, under, 0))
    rows.append((at + 3_100, acts.AGENT_READ, actor, number, max(1, visit - 14), session, under, 0))
    if rng.random() < 0.03:
        rows.append((at + 90_000, acts.AGENT_OVERRIDE, clinician.number * 4, -1, 0, session, Extra(resource_id=run), 0))
        return
    rows.append((at + 47 * MINUTE, acts.AGENT_DRAFT, actor, number, visit, session, under, 0))
    if rng.random() < 0.04:
        own = clinician.number * 4 + program.owner
        rows.append((at + 49 * MINUTE, acts.NOTE_DELETE, own, number, visit, session, None, 0))
    rows.append((at + 48 * MINUTE, acts.AGENT_END, actor, -1, 0, session, named, 0))


def _visit(work: Workday, patient: Patient, clinician: Staff, minute: int) -> None:
    rng, rows, number, visit = work.rng, work.rows, patient.number, work.day + 1
    at = minute * MINUTE + int(rng.random() * 6 * MINUTE)
    session, actor = work.session_of(clinician), clinician.number * 4 + patient.program.owner
    work.facts.append(_appointment(work, patient, clinician, minute, 50))
    _check_in(work, patient, at)
    rows.append((at - 2 * MINUTE, acts.CHART_OPEN, actor, number, 0, session, None, 0))
    for back in range(1, 2 + int(rng.random() * 2.2)):
        rows.append((at - MINUTE + back * 14_000, acts.NOTE_READ, actor, number, max(1, visit - 7 * back), session, None, 0))
    rows.append((at + MINUTE, acts.PLAN_READ, actor, number, 1, session, None, 0))
    chance = rng.random()
    if chance > 0.93:
        rows.append((at + 2 * MINUTE, acts.NOTE_SEARCH, actor, number, 1, session, None, 0))
    elif chance > 0.92:
        rows.append((at + 55 * MINUTE, acts.NOTE_CREATE, actor, number, visit + 800_000, session, None, 0))
        rows.append((at + 56 * MINUTE, acts.NOTE_DELETE, actor, number, visit + 800_000, session, None, 0))
    if chance < 0.25:
        rows.append((at + 20 * MINUTE, acts.SCREENING_CREATE, actor, number, visit, session, None, 0))
    elif chance < 0.255:
        rows.append((at + 20 * MINUTE, acts.SCREENING_CREATE, actor, number, visit, session, TIMED_OUT, 0))
    if chance < 0.3:
        _scribe(work, patient, clinician, at + 15_000, session)
    done = at + 50 * MINUTE + int(rng.random() * 40 * MINUTE)
    rows.append((done, acts.NOTE_CREATE, actor, number, visit, session, None, 0))
    if rng.random() < 0.5:
        rows.append((done + 3 * MINUTE, acts.NOTE_UPDATE, actor, number, visit, session, None, 0))
    if rng.random() < 0.2:
        rows.append((done + 4 * MINUTE, acts.PLAN_UPDATE, actor, number, 1, session, None, 0))
    rows.append((done + 6 * MINUTE, acts.NOTE_SIGN, actor, number, visit, session, None, 0))
    rows.append((done + 6 * MINUTE + 400, acts.CLAIM_CREATE, work.named("svc-charge"), number, visit, -1, None, 0))


def _medication_check(work: Workday, patient: Patient, minute: int) -> None:
    rng, rows, number, visit = work.rng, work.rows, patient.number, work.day + 1
    at = minute * MINUTE + int(rng.random() * 20 * MINUTE)
    nurse = rng.choice(work.teams["nurse", patient.program.number])
    owner = patient.program.owner
    for staff in (patient.prescriber, nurse):
        work.facts.append(_appointment(work, patient, staff, minute, 30))
    session, actor = work.session_of(nurse), nurse.number * 4 + owner
    rows.append((at - 8 * MINUTE, acts.CHART_OPEN, actor, number, 0, session, None, 0))
    rows.append((at - 6 * MINUTE, acts.VITALS_CREATE, actor, number, visit, session, None, 0))
    rows.append((at - 5 * MINUTE, acts.MEDS_READ, actor, number, 1, session, None, 0))
    session, actor = work.session_of(patient.prescriber), patient.prescriber.number * 4 + owner
    rows.append((at, acts.CHART_OPEN, actor, number, 0, session, None, 0))
    rows.append((at + 30_000, acts.MEDS_READ, actor, number, 1, session, None, 0))
    rows.append((at + 60_000, acts.NOTE_READ, actor, number, max(1, visit - 7), session, None, 0))
    rows.append((at + 90_000, acts.LAB_READ, actor, number, max(1, visit - 3), session, None, 0))
    if rng.random() < 0.7:
        rows.append((at + 15 * MINUTE, acts.RX_CREATE, actor, number, visit, session, None, 0))
    if rng.random() < 0.2:
        rows.append((at + 16 * MINUTE, acts.LAB_ORDER, actor, number, visit, session, None, 0))
    rows.append((at + 22 * MINUTE, acts.NOTE_CREATE, actor, number, visit + 500_000, session, None, 0))
    rows.append((at + 25 * MINUTE, acts.NOTE_SIGN, actor, number, visit + 500_000, session, None, 0))


def _follow_up(work: Workday, patient: Patient, minute: int) -> None:
    rng, rows, number = work.rng, work.rows, patient.number
    manager = patient.manager
    session, actor = work.session_of(manager), manager.number * 4 + patient.program.owner
    at = minute * MINUTE + int(rng.random() * 50 * MINUTE)
    rows.append((at, acts.CHART_OPEN, actor, number, 0, session, None, 0))
    rows.append((at + MINUTE, acts.PLAN_READ, actor, number, 1, session, None, 0))
    if rng.random() < 0.6:
        rows.append((at + 3 * MINUTE, acts.MESSAGE_READ, actor, number, work.day + 1, session, None, 0))
        rows.append((at + 6 * MINUTE, acts.MESSAGE_SEND, actor, number, work.day + 2, session, None, 0))
    if rng.random() < 0.4:
        rows.append((at + 9 * MINUTE, acts.PLAN_UPDATE, actor, number, 1, session, None, 0))


def _consult(work: Workday, patient: Patient, minute: int) -> None:
    """A colleague is asked for an opinion. One time in eight nobody records that: legitimate, and unexplained."""
    rng, rows = work.rng, work.rows
    same = [s for s in work.everyone("therapist") if s.org_id == patient.program.org_id and s is not patient.therapist]
    if not same:
        return
    asked = rng.choice(same)
    at, session, actor = minute * MINUTE, work.session_of(asked), asked.number * 4 + patient.program.owner
    rows.append((at, acts.CHART_OPEN, actor, patient.number, 0, session, None, 0))
    rows.append((at + 25_000, acts.NOTE_READ, actor, patient.number, max(1, work.day), session, None, 0))
    if rng.random() < 0.875:
        work.facts.append(
            {
                "kind": "consult",
                "patient_id": patient.patient_id,
                "staff_id": asked.staff_id,
                "start": work.stamp(minute - 30),
                "end": work.stamp(minute + 30),
            }
        )


def _together(work: Workday, kind: str, patients: list[Patient], staff: list[Staff], minute: int, length: int) -> None:
    """A group session or a team meeting: several staff open several charts, each for that reason."""
    rng, rows = work.rng, work.rows
    for person in staff:
        session = work.session_of(person)
        at = minute * MINUTE + int(rng.random() * 5 * MINUTE)
        if kind == "group":
            rows.append((at, acts.GROUP_ROSTER, person.number * 4, -1, person.program.number + 1, session, None, 0))
        for place, patient in enumerate(patients):
            actor, now = person.number * 4 + patient.program.owner, at + place * length * MINUTE // len(patients)
            rows.append((now, acts.CHART_OPEN, actor, patient.number, 0, session, None, 0))
            if kind == "group" and person is staff[0]:
                wrote = min(now + (length + 20) * MINUTE, DAY_MS - 1)
                rows.append((wrote, acts.NOTE_CREATE, actor, patient.number, work.day + 600_001, session, None, 0))
            elif kind == "conference":
                rows.append((now + 40_000, acts.PLAN_READ, actor, patient.number, 1, session, None, 0))
            work.facts.append(
                {
                    "kind": kind,
                    "patient_id": patient.patient_id,
                    "staff_id": person.staff_id,
                    "program_id": person.program.program_id,
                    "start": work.stamp(minute),
                    "end": work.stamp(minute + length),
                }
            )


def _gatherings(work: Workday, program: Program, therapists: list[Staff]) -> None:
    rng = work.rng
    known = [patient for therapist in therapists for patient in work.clinic.caseload[therapist.number]]
    if program.kind != "outpatient":
        peers = work.teams.get(("peer_specialist", program.number), [])
        for leader in therapists[:: 2 if program.kind == "iop" else 1]:
            attending = rng.sample(known, min(8, len(known)))
            _together(work, "group", attending, [leader, *rng.sample(peers, min(1, len(peers)))], 1020, 60)
    if work.weekday == program.number % 5 and len(therapists) > 1:
        present = rng.sample(therapists, min(3, len(therapists)))
        _together(work, "conference", rng.sample(known, min(6, len(known))), present, 720, 50)


def care_day(work: Workday) -> list[Patient]:
    """Write a weekday's care; returns who was seen, whose claims are to be filed."""
    rng, seen = work.rng, []
    for program in work.clinic.programs:
        therapists = work.teams.get(("therapist", program.number), [])
        for therapist in therapists:
            patients = work.clinic.caseload[therapist.number]
            covers = [other for other in therapists if other is not therapist]
            clinician = rng.choice(covers) if covers and rng.random() < 0.05 else therapist
            first = work.day * 5
            for slot in range(5):
                patient = patients[(first + slot) % len(patients)]
                chance = rng.random()
                if chance < 0.92:
                    _visit(work, patient, clinician, _SLOTS[slot])
                    seen.append(patient)
                elif chance < 0.97:  # the rest don't come
                    _cancel(work, patient, clinician, _SLOTS[slot])
            _medication_check(work, rng.choice(patients), _SLOTS[rng.randrange(7)])
            for _ in range(2):
                _follow_up(work, rng.choice(patients), 570 + rng.randrange(420))
            if rng.random() < 0.015:
                # A slip: the wrong chart opened and left at once. Legitimate, and nothing in the data explains it.
                other = rng.choice(work.clinic.caseload[rng.choice(therapists).number])
                at, session = 700 * MINUTE + int(rng.random() * 60 * MINUTE), work.session_of(clinician)
                rows, number = work.rows, clinician.number * 4
                rows.append((at, acts.PATIENT_SEARCH, number, -1, 0, session, None, 0))
                rows.append((at + 4_000, acts.CHART_OPEN, number + program.owner, other.number, 0, session, None, 0))
                rows.append((at + 13_000, acts.PATIENT_SEARCH, number, -1, 0, session, None, 0))
            if rng.random() < 0.03:
                _consult(work, rng.choice(patients), 690 + rng.randrange(300))
        if therapists:
            _gatherings(work, program, therapists)
    return seen
