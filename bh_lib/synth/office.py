"""All that surrounds care: admissions, billing, referral, release of information, on-call, oversight, portal, services."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bh_lib.synth import acts
from bh_lib.synth.clinic import Consent, Patient, Staff
from bh_lib.synth.workday import DAY_MS, MINUTE, Extra, Workday

__all__ = ["care_team_facts", "consent_fact", "disclosure", "office_day", "patient_fact", "register", "staff_fact", "turnover"]

_HEARTBEATS = {
    name: Extra({"service": {"name": name, "environment": "prod", "version": "3.2"}}, resource_id=f"trail-{name}")
    for name in ("ehr", "auth", "scheduling", "billing", "portal")
}
_RECIPIENTS = (
    ("payer-01", "covered_entity", "claim_support", "TREAT"),
    ("pcp-01", "covered_entity", "care_summary", "TREAT"),
    ("pcp-02", "covered_entity", "care_summary", "TREAT"),
    ("hie-01", "intermediary", "care_summary", "TREAT"),
    ("court-01", "court", "attendance_record", "HLEGAL"),
    ("self", "patient", "full_record", "PATRQT"),
)


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


def consent_fact(work: Workday, patient: Patient, consent: Consent) -> dict[str, Any]:
    """A consent's line, with its dates."""
    block = consent.block(work.start)
    fact = {
        "kind": "consent",
        "id": consent.consent_id,
        "patient_id": patient.patient_id,
        "start": block["signed_at"],
        "end": block.get("revoked_at", block["expires_at"]),
    }
    return fact | {"basis": block["basis"]}


def _oneself(work: Workday, kind: str, patient: Patient, staff: Staff, days: int) -> None:
    work.facts.append(
        {
            "kind": kind,
            "patient_id": patient.patient_id,
            "staff_id": staff.staff_id,
            "start": work.stamp(0),
            "end": work.stamp(0, work.day + days),
        }
    )


def register(work: Workday, therapist: Staff, **known: Any) -> Patient:
    """Admit a patient: the front desk registers, and the register and the care team know."""
    rng, rows = work.rng, work.rows
    fresh = work.clinic.admit(therapist, work.day, **known)
    desk = rng.choice(work.teams["front_desk", therapist.program.number])
    session, actor = work.session_of(desk), desk.number * 4 + fresh.program.owner
    at = 510 * MINUTE + int(rng.random() * 400 * MINUTE)
    rows.append((at, acts.PATIENT_CREATE, actor, fresh.number, 0, session, None, 0))
    rows.append((at + MINUTE, acts.COVERAGE_READ, actor, fresh.number, 1, session, None, 0))
    work.facts.append(patient_fact(work, fresh))
    work.facts.extend(care_team_facts(work, fresh))
    _oneself(work, "registration", fresh, desk, 1)
    if fresh.consent:
        _sign(work, fresh, fresh.consent, at + 5 * MINUTE)
    return fresh


def turnover(work: Workday) -> None:
    """Discharge whose episode has ended, admit as many, and renew Part 2 consents that run out."""
    rng, clinic = work.rng, work.clinic
    for therapist in work.everyone("therapist"):
        caseload = clinic.caseload[therapist.number]
        for place, patient in enumerate(caseload):
            if patient.end <= work.day:
                caseload.remove(patient)
                register(work, therapist)
                caseload.insert(place, caseload.pop())
            elif patient.consent and patient.consent.expires <= work.day + 1:
                stem, _, count = patient.consent.consent_id.rpartition("-")
                renewed = Consent(f"{stem}-{int(count) + 1}", work.day, work.day + 180)
                caseload[place] = replace(patient, consent=renewed)
                _sign(work, patient, renewed, 560 * MINUTE + int(rng.random() * 300 * MINUTE))


def _sign(work: Workday, patient: Patient, consent: Consent, at: int) -> None:
    work.facts.append(consent_fact(work, patient, consent))
    session = work.session_of(patient.manager)
    extra = Extra({"consent": consent.block(work.start)}, resource_id=consent.consent_id)
    work.rows.append(
        (at, acts.CONSENT_GRANT, patient.manager.number * 4 + patient.program.owner, patient.number, 0, session, extra, 0)
    )


def _file_claims(work: Workday, seen: list[Patient]) -> None:
    rng, rows = work.rng, work.rows
    billers: dict[str, list[Staff]] = {}
    for biller in work.everyone("biller"):
        billers.setdefault(biller.org_id, []).append(biller)
    for patient in seen:
        biller = rng.choice(billers[patient.program.org_id])
        session, actor, number = work.session_of(biller), biller.number * 4 + patient.program.owner, patient.number
        at = 540 * MINUTE + int(rng.random() * 420 * MINUTE)
        _oneself(work, "claim", patient, biller, 1)
        rows.append((at, acts.CLAIM_READ, actor, number, work.day, session, None, 0))
        rows.append((at + 40_000, acts.COVERAGE_READ, actor, number, 1, session, None, 0))
        rows.append((at + 3 * MINUTE, acts.CLAIM_SUBMIT, actor, number, work.day, session, None, 0))


def disclosure(work: Workday, patient: Patient, at: int, consent: dict[str, Any], *, notice: bool = True) -> tuple[int, Extra]:
    """The time and the blocks of a disclosure to someone outside."""
    recipient, kind, what, purpose = work.rng.choice(_RECIPIENTS)
    told = {
        "recipient": {"id": patient.patient_id if recipient == "self" else recipient, "type": kind},
        "description_code": what,
        "notice_sent": notice,
        "consent_copy_sent": notice,
        "via_ehr": True,
    }
    return at, Extra({"purpose_of_use": purpose, "consent": consent, "disclosure": told})


def _release(work: Workday, patient: Patient, clerk: Staff) -> None:
    rng, rows, number = work.rng, work.rows, patient.number
    session, actor = work.session_of(clerk), clerk.number * 4 + patient.program.owner
    at = 560 * MINUTE + int(rng.random() * 380 * MINUTE)
    _oneself(work, "release_request", patient, clerk, 1)
    consent = {
        "id": f"roi-{work.day:04d}-{number:06d}",
        "basis": "CONSENT",
        "signed_at": work.stamp(0, work.day - 2),
        "expires_at": work.stamp(0, work.day + 88),
        "scope": "single_disclosure",
    }
    work.facts.append({"kind": "consent", "id": consent["id"], "patient_id": patient.patient_id, "basis": "CONSENT"})
    work.facts[-1] |= {"start": consent["signed_at"], "end": consent["expires_at"]}
    rows.append((at, acts.CHART_OPEN, actor, number, 0, session, None, 0))
    for back in range(3):
        rows.append((at + MINUTE + back * 20_000, acts.NOTE_READ, actor, number, max(1, work.day - 7 * back), session, None, 0))
    if rng.random() < 0.3:
        rows.append((at + 4 * MINUTE, acts.NOTE_PRINT, actor, number, max(1, work.day - 7), session, None, 0))
    when, extra = disclosure(work, patient, at + 8 * MINUTE, consent)
    rows.append((when, acts.DISCLOSE, actor, number, work.day + 1, session, extra, 0))


def _refer(work: Workday, patient: Patient, consultant: Staff) -> None:
    rng, rows, number = work.rng, work.rows, patient.number
    at = 560 * MINUTE + int(rng.random() * 180 * MINUTE)
    manager, owner = patient.manager, patient.program.owner
    rows.append((at, acts.REFERRAL_CREATE, manager.number * 4 + owner, number, work.day + 1, work.session_of(manager), None, 0))
    _oneself(work, "referral", patient, consultant, 30)
    basis = work.basis(patient)
    extra = Extra(basis) if basis else None
    session, actor = work.session_of(consultant), consultant.number * 4 + owner
    seen = at + 120 * MINUTE
    for step, act in enumerate((acts.REFERRAL_READ, acts.CHART_OPEN, acts.MEDS_READ, acts.NOTE_READ)):
        rows.append((seen + step * 45_000, act, actor, number, work.day + 1, session, extra, 0))


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
                _release(work, patient, rng.choice(clerks[patient.program.org_id]))
            elif chance < 0.05:
                _refer(work, patient, rng.choice(consultants))
    for patient in work.clinic.patients():
        if rng.random() < 0.02:
            actor, at = work.patient_actor(patient), int((7 + 15 * rng.random()) * 60 * MINUTE)
            session = work.connect(f"192.0.2.{patient.number % 250 + 1}")
            rows.append((at, acts.LOGIN, actor, -1, 0, session, None, 0))
            rows.append((at + 20_000, acts.PORTAL_READ, actor, patient.number, 0, session, None, 0))
            if rng.random() < 0.4:
                rows.append((at + 3 * MINUTE, acts.MESSAGE_SEND, actor, patient.number, work.day + 1, session, None, 0))
    reminder = work.named("svc-reminder")
    for patient in seen[::2]:
        at = 6 * 60 * MINUTE + patient.number % 997
        rows.append((at, acts.APPOINTMENT_READ, reminder, patient.number, work.day + 7, -1, None, 0))
    rows.append((23 * 60 * MINUTE, acts.CLAIM_BATCH, work.named("svc-claims"), -1, work.day + 1, -1, None, 0))
    for beat in range(heartbeats):
        for place, (service, extra) in enumerate(_HEARTBEATS.items()):
            at = beat * DAY_MS // heartbeats + place * 250
            rows.append((at, acts.HEARTBEAT, work.named(f"svc-{service}"), -1, 0, -1, extra, 0))
