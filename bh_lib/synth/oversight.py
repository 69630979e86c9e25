"""On-call nights with their break-glass, and those who watch: compliance and administration."""

from __future__ import annotations

from collections import deque

from bh_lib.synth import acts
from bh_lib.synth.clinic import Patient, Staff
from bh_lib.synth.workday import MINUTE, Extra, Workday, reason_fact

__all__ = ["Glass", "emergency", "on_call_night", "oversight_day"]

_AUDIT = {"consent": {"basis": "AUDIT_EVALUATION"}}

Glass = tuple[Patient, str]
"""A broken glass that awaits review: whose record, and the id of the emergency access."""


def emergency(work: Workday, patient: Patient, *, approved_by: str | None, nature: str, due: bool = True) -> Extra:
    """The blocks of an event that broke the glass."""
    block = {"nature_code": nature}
    if approved_by:
        block["approved_by"] = approved_by
    if due:
        block["review_due_at"] = work.stamp(0, work.day + 4)
    blocks = {"emergency": block, "consent": {"basis": "MEDICAL_EMERGENCY"}}
    return Extra(blocks if patient.program.part2 else {"emergency": block})


def on_call_night(work: Workday, pending: deque[Glass]) -> None:
    """Write the evening and night: somebody is on call, and sometimes somebody calls."""
    rng = work.rng
    callers = list(work.clinic.caseload.values())
    for org in ("org-01", "org-02"):
        able = [s for role in ("therapist", "case_manager") for s in work.everyone(role) if s.org_id == org]
        if not able:
            continue
        staff = rng.choice(able)
        own = [patients for number, patients in work.clinic.caseload.items() if work.clinic.staff[number].org_id == org]
        work.facts.append(
            {"kind": "on_call", "staff_id": staff.staff_id, "org_id": org, "start": work.stamp(1080), "end": work.stamp(1440)}
        )
        calls = sum(rng.random() < 0.25 for _ in range(1 + len(callers) // 12))
        if not calls:
            continue
        session = work.log_in(staff, 1090, hours=4.5, client_ip=f"198.51.100.{staff.number % 250 + 1}")
        for _ in range(calls):
            patient = rng.choice(rng.choice(own))
            _crisis_call(work, staff, patient, session, pending)


def _crisis_call(work: Workday, staff: Staff, patient: Patient, session: int, pending: deque[Glass]) -> None:
    rng, rows, number = work.rng, work.rows, patient.number
    minute = 1110 + rng.randrange(220)
    at, actor = minute * MINUTE, staff.number * 4 + patient.program.owner
    work.facts.append(
        {
            "kind": "crisis_call",
            "patient_id": patient.patient_id,
            "staff_id": staff.staff_id,
            "start": work.stamp(minute - 5),
            "end": work.stamp(minute + 90),
        }
    )
    if rng.random() < 0.4:
        approver = rng.choice(list(work.everyone("prescriber"))).staff_id
        extra = emergency(work, patient, approved_by=approver, nature="suicide_risk")
        rows.append((at, acts.BREAK_GLASS, actor, number, 0, session, extra, 0))
        pending.append((patient, work.sessions[session].session_id))
    rows.append((at + 30_000, acts.CHART_OPEN, actor, number, 0, session, None, 0))
    rows.append((at + 50_000, acts.PLAN_READ, actor, number, 1, session, None, 0))
    rows.append((at + 80_000, acts.NOTE_READ, actor, number, max(1, work.day), session, None, 0))
    rows.append((at + 30 * MINUTE, acts.NOTE_CREATE, actor, number, work.day + 700_001, session, None, 0))


def oversight_day(work: Workday, pending: deque[Glass], seen: list[Patient]) -> None:
    """Write a weekday's oversight: the trail is read, broken glass is reviewed, a sample of charts is audited."""
    rng, rows = work.rng, work.rows
    officers = [s for s in work.everyone("compliance") if s.org_id == "org-01"]
    if officers:
        officer = rng.choice(officers)
        session, at = work.session_of(officer), 560 * MINUTE + int(rng.random() * 60 * MINUTE)
        rows.append((at, acts.TRAIL_REVIEW, officer.number * 4, -1, work.day + 1, session, None, 0))
        while pending:
            patient, access = pending.popleft()
            at += 4 * MINUTE
            actor, extra = (
                officer.number * 4 + patient.program.owner,
                Extra(_AUDIT if patient.program.part2 else {}, resource_id=access),
            )
            rows.append((at, acts.GLASS_REVIEW, actor, patient.number, 0, session, extra, 0))
        if work.weekday == 0:
            for patient in rng.sample(seen, min(len(seen), 5)):
                if patient.program.org_id != officer.org_id:
                    continue
                work.facts.append(
                    {
                        "kind": "chart_audit",
                        "patient_id": patient.patient_id,
                        "staff_id": officer.staff_id,
                        "start": work.stamp(0),
                        "end": work.stamp(1440),
                    }
                )
                at += 5 * MINUTE
                actor = officer.number * 4 + patient.program.owner
                rows.append((at, acts.CHART_AUDIT, actor, patient.number, max(1, work.day), session, None, 0))
    for leaver in work.clinic.staff:
        if leaver.terminated == work.day:
            administrator = rng.choice(list(work.everyone("administrator")))
            session, at = work.session_of(administrator), 600 * MINUTE
            extra = Extra(resource_id=leaver.staff_id)
            rows.append((at, acts.ACCOUNT_REVOKE, administrator.number * 4, -1, 0, session, extra, 0))
    for clerk in work.everyone("health_information"):
        if work.weekday == clerk.number % 5:
            _tidy(work, clerk, [patient for patient in seen if patient.program.org_id == clerk.org_id])
    for administrator in work.everyone("administrator"):
        _administer(work, administrator)


def _tidy(work: Workday, clerk: Staff, seen: list[Patient]) -> None:
    """A clerk's weekly look through a few charts, in which one finds what belongs elsewhere."""
    rng, rows = work.rng, work.rows
    session, at = work.session_of(clerk), 600 * MINUTE + int(rng.random() * 300 * MINUTE)
    for patient in rng.sample(seen, min(len(seen), 3)):
        at += 6 * MINUTE
        work.facts.append(reason_fact(work, "chart_audit", patient, clerk, 1))
        actor = clerk.number * 4 + patient.program.owner
        rows.append((at, acts.CHART_AUDIT, actor, patient.number, max(1, work.day), session, None, 0))
        if rng.random() < 0.25:
            rows.append((at + 2 * MINUTE, acts.DOCUMENT_DELETE, actor, patient.number, work.day + 1, session, None, 0))


def _administer(work: Workday, administrator: Staff) -> None:
    """Security settings, and roles lent for a day."""
    rng, rows, actor = work.rng, work.rows, administrator.number * 4
    if rng.random() < 0.4:
        act = rng.choice((acts.POLICY_CONFIGURE, acts.ALERT_CONFIGURE, acts.AGENT_CONFIGURE))
        at = 660 * MINUTE + int(rng.random() * 90 * MINUTE)
        rows.append((at, act, actor, -1, rng.randrange(1, 9), work.session_of(administrator), None, 0))
    if rng.random() < 0.3:
        session, cover = work.session_of(administrator), rng.choice(list(work.everyone("nurse")))
        extra = Extra(resource_id=cover.staff_id)
        rows.append((580 * MINUTE + int(rng.random() * 40 * MINUTE), acts.ROLE_GRANT, actor, -1, 0, session, extra, 0))
        rows.append((930 * MINUTE, acts.ROLE_REVOKE, actor, -1, 0, session, extra, 0))
