"""All that surrounds care: admissions, discharges, billing, the portal, what services do by the clock."""

from __future__ import annotations

from typing import Any

from bh_lib.synth import acts
from bh_lib.synth.clinic import Patient, Staff
from bh_lib.synth.rights import consent_fact, refer, release, sign_consent
from bh_lib.synth.workday import BAD_PASSWORD, DAY_MS, LOCKED, MINUTE, Extra, Workday, reason_fact

__all__ = ["care_team_facts", "office_day", "patient_fact", "register", "staff_fact", "turnover"]

_HEARTBEATS = {
    name: Extra({"service": {"name": name, "environment": "prod", "version": "3.2"}}, resource_id=f"trail-{name}")
    for name in ("ehr", "auth", "scheduling", "billing", "portal")
}

_FOR_PAYMENT = Extra({"purpose_of_use": "HPAYMT"})


def staff_fact(work: Workday, staff: Staff) -> dict[str, Any]:
    """The roster's line on a person."""
    fact: dict[str, Any] = {
        "kind": "staff",
        "staff_id": staff.staff_id,
        "org_id": staff.org_id,
        "program_id": staff.program.program_id,
        "role": staff.role,
        "area_id": f"area-{staff.area:04d}",
        "surname_group": f"sur-{staff.surname_group:04d}",
        "network": work.desk(staff).rsplit(".", 2)[0],
    }
    if staff.terminated is not None:
        fact["end"] = work.stamp(0, staff.terminated)
    return fact


def patient_fact(work: Workday, patient: Patient) -> dict[str, Any]:
    """The register's line on a patient: what could be a reason to be curious, as groups and never as names."""
    fact: dict[str, Any] = {
        "kind": "patient",
        "patient_id": patient.patient_id,
        "org_id": patient.program.org_id,
        "program_id": patient.program.program_id,
        "start": work.stamp(0, patient.start),
        "end": work.stamp(0, patient.end),
        "area_id": f"area-{patient.area:04d}",
        "surname_group": f"sur-{patient.surname_group:04d}",
        "household_id": f"hh-{patient.household:06d}",
    }
    if patient.vip:
        fact["vip"] = True
    if patient.employee:
        fact["employee_id"] = patient.employee
    return fact


def care_team_facts(work: Workday, patient: Patient) -> list[dict[str, Any]]:
    """Who treats the patient, from admission to a month after discharge."""
    return [
        {
            "kind": "care_team",
            "patient_id": patient.patient_id,
            "staff_id": staff.staff_id,
            "program_id": patient.program.program_id,
            "start": work.stamp(0, patient.start),
            "end": work.stamp(0, patient.end + 30),
        }
        for staff in (patient.therapist, patient.prescriber, patient.manager)
    ]


def register(work: Workday, therapist: Staff, **known: Any) -> Patient:
    """Admit a patient: the front desk registers, and the register and the care team know."""
    rng, rows = work.rng, work.rows
    fresh = work.clinic.admit(therapist, work.day, **known)
    desk = rng.choice(work.teams["front_desk", therapist.program.number])
    session, actor = work.session_of(desk), desk.number * 4 + fresh.program.owner
    at = 510 * MINUTE + int(rng.random() * 400 * MINUTE)
    rows.append((at, acts.PATIENT_CREATE, actor, fresh.number, 0, session, None, 0))
    rows.append((at + MINUTE, acts.COVERAGE_READ, actor, fresh.number, 1, session, None, 0))
    rows.append((at + 2 * MINUTE, acts.NOTICE_GIVE, actor, fresh.number, 1, session, None, 0))
    if rng.random() < 0.5:
        account = Extra(resource_id=f"acct-{fresh.number:06d}")
        rows.append((at + 4 * MINUTE, acts.ACCOUNT_GRANT, desk.number * 4, -1, 0, session, account, 0))
    work.facts.append(patient_fact(work, fresh))
    work.facts.extend(care_team_facts(work, fresh))
    work.facts.append(reason_fact(work, "registration", fresh, desk, 1))
    consent = work.clinic.consents.get(fresh.number)
    if consent and consent.fault(work.day) is None:
        sign_consent(work, fresh, consent, at + 5 * MINUTE)
    elif consent:
        work.facts.append(consent_fact(work, fresh, consent))
    return fresh


def turnover(work: Workday) -> None:
    """Discharge whose episode has ended, and admit as many."""
    clinic = work.clinic
    for therapist in work.everyone("therapist"):
        caseload = clinic.caseload[therapist.number]
        for place, patient in enumerate(caseload):
            if patient.end <= work.day:
                caseload.remove(patient)
                clinic.consents.pop(patient.number, None)
                register(work, therapist)
                caseload.insert(place, caseload.pop())


def _file_claims(work: Workday, seen: list[Patient]) -> None:
    rng, rows = work.rng, work.rows
    billers: dict[str, list[Staff]] = {}
    for biller in work.everyone("biller"):
        billers.setdefault(biller.org_id, []).append(biller)
    for patient in seen:
        biller = rng.choice(billers[patient.program.org_id])
        session, actor, number = work.session_of(biller), biller.number * 4 + patient.program.owner, patient.number
        at = 540 * MINUTE + int(rng.random() * 420 * MINUTE)
        work.facts.append(reason_fact(work, "claim", patient, biller, 1))
        if rng.random() < 0.1:
            rows.append((at - 15_000, acts.PATIENT_LOOKUP, actor, number, 0, session, _FOR_PAYMENT, 0))
        rows.append((at, acts.CLAIM_READ, actor, number, work.day, session, None, 0))
        rows.append((at + 40_000, acts.COVERAGE_READ, actor, number, 1, session, None, 0))
        rows.append((at + 3 * MINUTE, acts.CLAIM_SUBMIT, actor, number, work.day, session, None, 0))


def _portal(work: Workday, patient: Patient) -> None:
    """The patient looks into the own record, if the password comes to mind."""
    rng, rows = work.rng, work.rows
    actor, at = work.patient_actor(patient), int((7 + 15 * rng.random()) * 60 * MINUTE)
    session = work.connect(work.home(patient))
    chance = rng.random()
    if chance < 0.1:
        rows.append((at - 25_000, acts.LOGIN, actor, -1, 0, session, BAD_PASSWORD, 0))
    if chance < 0.015:
        rows.append((at - 12_000, acts.LOGIN, actor, -1, 0, session, LOCKED, 0))
        return
    rows.append((at, acts.LOGIN, actor, -1, 0, session, None, 0))
    rows.append((at + 20_000, acts.PORTAL_READ, actor, patient.number, 0, session, None, 0))
    if rng.random() < 0.4:
        rows.append((at + 3 * MINUTE, acts.MESSAGE_SEND, actor, patient.number, work.day + 1, session, None, 0))
    if rng.random() < 0.05:
        rows.append((at + 4 * MINUTE, acts.PORTAL_EXPORT, actor, patient.number, 0, session, None, 0))


def office_day(work: Workday, seen: list[Patient], *, heartbeats: int) -> None:
    """Write what surrounds a day of care; ``seen`` is who was seen on the workday before.

    ``heartbeats`` is how often a day each service states that its trail is alive, so that a silence shows.
    """
    rng, rows = work.rng, work.rows
    if work.weekday < 5:
        _file_claims(work, seen)
        clerks: dict[str, list[Staff]] = {}
        for clerk in work.everyone("health_information"):
            clerks.setdefault(clerk.org_id, []).append(clerk)
        consultants = list(work.everyone("consultant"))
        for patient in seen:
            chance = rng.random()
            if chance < 0.03:
                release(work, patient, rng.choice(clerks[patient.program.org_id]))
            elif chance < 0.05 and patient.end > work.day:
                refer(work, patient, rng.choice(consultants))
    for patient in work.clinic.patients():
        if rng.random() < 0.02:
            _portal(work, patient)
    reminder = work.named("svc-reminder")
    for patient in seen[::2]:
        at = 6 * 60 * MINUTE + patient.number % 997
        rows.append((at, acts.APPOINTMENT_READ, reminder, patient.number, work.day + 7, -1, None, 0))
    rows.append((23 * 60 * MINUTE, acts.CLAIM_BATCH, work.named("svc-claims"), -1, work.day + 1, -1, None, 0))
    for beat in range(heartbeats):
        for place, (service, extra) in enumerate(_HEARTBEATS.items()):
            at = beat * DAY_MS // heartbeats + place * 250
            rows.append((at, acts.HEARTBEAT, work.named(f"svc-{service}"), -1, 0, -1, extra, 0))
