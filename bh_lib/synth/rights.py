"""Consent and what hangs on it: signing, taking back, refusal for want of it, release of information, referral."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from bh_lib.synth import acts
from bh_lib.synth.clinic import Consent, Patient, Staff
from bh_lib.synth.workday import DAY_MS, MINUTE, Extra, Workday, reason_fact

__all__ = ["consent_fact", "disclosure", "refer", "release", "rights_day", "sign_consent"]

_RECIPIENTS = (
    ("payer-01", "covered_entity", "claim_support", "TREAT"),
    ("pcp-01", "covered_entity", "care_summary", "TREAT"),
    ("pcp-02", "covered_entity", "care_summary", "TREAT"),
    ("hie-01", "intermediary", "care_summary", "TREAT"),
    ("court-01", "court", "attendance_record", "HLEGAL"),
    ("self", "patient", "full_record", "PATRQT"),
)


def consent_fact(work: Workday, patient: Patient, consent: Consent) -> dict[str, Any]:
    """A consent's line, with its dates: a consent taken back has a later line under the same id."""
    block = consent.block(work.start)
    fact = {
        "kind": "consent",
        "id": consent.consent_id,
        "patient_id": patient.patient_id,
        "start": block["signed_at"],
        "end": block.get("revoked_at", block["expires_at"]),
    }
    return fact | {"basis": block["basis"]}


def sign_consent(work: Workday, patient: Patient, consent: Consent, at: int) -> None:
    """Put a consent on file, by the patient's case manager."""
    work.clinic.consents[patient.number] = consent
    work.facts.append(consent_fact(work, patient, consent))
    session = work.session_of(patient.manager)
    extra = Extra({"consent": consent.block(work.start)}, resource_id=consent.consent_id)
    actor = patient.manager.number * 4 + patient.program.owner
    work.rows.append((at, acts.CONSENT_GRANT, actor, patient.number, 0, session, extra, 0))


def _renewed(work: Workday, patient: Patient, at: int) -> Consent:
    held = work.clinic.consents.get(patient.number)
    count = int(held.consent_id.rpartition("-")[2]) if held else 0
    signed = work.day + at / DAY_MS
    return Consent(f"con-{patient.number:06d}-{count + 1}", signed, signed + 180)


@cache
def _refused(fault: str) -> Extra:
    return Extra({"outcome": {"status": "DENIED", "error_type": fault}}, status=403)


def refusal(work: Workday, patient: Patient, at: int) -> Extra | None:
    """What another organization gets instead of a Part 2 record at a moment; None where consent holds or none is needed."""
    if not patient.program.part2:
        return None
    consent = work.clinic.consents.get(patient.number)
    if consent is None:
        return _refused("ConsentRequired")
    fault = consent.fault(work.day + at / DAY_MS)
    if fault is None:
        return None
    return Extra(_refused(fault).blocks | {"consent": consent.block(work.start)}, status=403)


def disclosure(work: Workday, patient: Patient, at: int, consent: dict[str, Any], *, notice: bool = True) -> tuple[int, Extra]:
    """The time and the blocks of a disclosure to someone outside."""
    # The patient is owed no notice of 42 CFR 2.32, so a missing one would be no fault.
    recipient, kind, what, purpose = work.rng.choice(_RECIPIENTS if notice else _RECIPIENTS[:-1])
    told = {
        "recipient": {"id": patient.patient_id if recipient == "self" else recipient, "type": kind},
        "description_code": what,
        "notice_sent": notice,
        "consent_copy_sent": notice,
        "via_ehr": True,
    }
    return at, Extra({"purpose_of_use": purpose, "consent": consent, "disclosure": told})


def release(work: Workday, patient: Patient, clerk: Staff) -> None:
    """A request for records: found, read, exported, sent. Now and then the paper is too old, and the system refuses."""
    rng, rows, number = work.rng, work.rows, patient.number
    session, actor = work.session_of(clerk), clerk.number * 4 + patient.program.owner
    at = 560 * MINUTE + int(rng.random() * 380 * MINUTE)
    work.facts.append(reason_fact(work, "release_request", patient, clerk, 1))
    stale = rng.random() < 0.06
    signed = work.day - (95 if stale else 2)
    consent = {
        "id": f"roi-{work.day:04d}-{number:06d}",
        "basis": "CONSENT",
        "signed_at": work.stamp(0, signed),
        "expires_at": work.stamp(0, signed + 90),
        "scope": "single_disclosure",
    }
    work.facts.append({"kind": "consent", "id": consent["id"], "patient_id": patient.patient_id, "basis": "CONSENT"})
    work.facts[-1] |= {"start": consent["signed_at"], "end": consent["expires_at"]}
    rows.append((at - 20_000, acts.PATIENT_LOOKUP, actor, number, 0, session, None, 0))
    rows.append((at, acts.CHART_OPEN, actor, number, 0, session, None, 0))
    when, extra = disclosure(work, patient, at + 8 * MINUTE, consent)
    if stale:
        extra = Extra(extra.blocks | _refused("ConsentExpired").blocks, status=403)
    else:
        for back in range(3):
            rows.append((at + MINUTE + back * 20_000, acts.NOTE_READ, actor, number, max(1, work.day - 7 * back), session, None, 0))
        chance = rng.random()
        if chance < 0.3:
            rows.append((at + 4 * MINUTE, acts.NOTE_PRINT, actor, number, max(1, work.day - 7), session, None, 0))
        elif chance < 0.8:
            why = Extra({"purpose_of_use": extra.blocks["purpose_of_use"], "consent": consent})
            rows.append((at + 5 * MINUTE, acts.RELEASE_EXPORT, actor, number, 0, session, why, 0))
    rows.append((when, acts.DISCLOSE, actor, number, work.day + 1, session, extra, 0))


def refer(work: Workday, patient: Patient, consultant: Staff) -> None:
    """A referral to the partner, who looks at once. Without a consent that holds the partner is refused, and may come again."""
    rng, rows, number = work.rng, work.rows, patient.number
    at = 560 * MINUTE + int(rng.random() * 180 * MINUTE)
    manager, owner = patient.manager, patient.program.owner
    rows.append((at, acts.REFERRAL_CREATE, manager.number * 4 + owner, number, work.day + 1, work.session_of(manager), None, 0))
    work.facts.append(reason_fact(work, "referral", patient, consultant, 30))
    session, actor = work.session_of(consultant), consultant.number * 4 + owner
    seen = at + 120 * MINUTE
    refused = refusal(work, patient, seen)
    if refused is not None:
        rows.append((seen, acts.REFERRAL_READ, actor, number, work.day + 1, session, refused, 0))
        rows.append((seen + 30_000, acts.CHART_OPEN, actor, number, 0, session, refused, 0))
        if rng.random() < 0.5:
            return
        sign_consent(work, patient, _renewed(work, patient, seen + 20 * MINUTE), seen + 20 * MINUTE)
        seen += 50 * MINUTE
    basis = work.basis(patient)
    extra = Extra(basis) if basis else None
    rows.append((seen - 20_000, acts.PATIENT_LOOKUP, actor, number, 0, session, extra, 0))
    for step, act in enumerate((acts.REFERRAL_READ, acts.CHART_OPEN, acts.MEDS_READ, acts.NOTE_READ)):
        rows.append((seen + step * 45_000, act, actor, number, work.day + 1, session, extra, 0))


def rights_day(work: Workday) -> None:
    """Write a weekday of consent: renewed before it runs out or not, taken back, and relied on by a partner in vain.

    It comes before the day's referrals, and its hours are earlier, so that nobody relies on what was taken back.
    """
    rng, clinic = work.rng, work.clinic
    consultants = list(work.everyone("consultant"))
    lacking: list[Patient] = []
    for patient in clinic.patients():
        if not patient.program.part2:
            continue
        consent = clinic.consents.get(patient.number)
        if consent is None or consent.fault(work.day) is not None:
            lacking.append(patient)
        elif consent.expires <= work.day + 3 and rng.random() < 0.4:
            at = 540 * MINUTE + int(rng.random() * 19 * MINUTE)
            sign_consent(work, patient, _renewed(work, patient, at), at)
        elif rng.random() < 0.003:
            _revoke(work, patient, consent)
    for patient in rng.sample(lacking, min(len(lacking), 1 + len(lacking) // 40)):
        if rng.random() < 0.5:
            refer(work, patient, rng.choice(consultants))


def _revoke(work: Workday, patient: Patient, consent: Consent) -> None:
    """The patient takes the consent back: in the portal, or at the desk of the case manager."""
    at = 545 * MINUTE + int(work.rng.random() * 14 * MINUTE)
    gone = replace(consent, revoked=work.day + at / DAY_MS)
    work.clinic.consents[patient.number] = gone
    work.facts.append(consent_fact(work, patient, gone))
    extra = Extra({"consent": gone.block(work.start)}, resource_id=gone.consent_id)
    if work.rng.random() < 0.4:
        actor, session = work.patient_actor(patient), work.connect(work.home(patient))
        work.rows.append((at - 40_000, acts.LOGIN, actor, -1, 0, session, None, 0))
    else:
        actor, session = patient.manager.number * 4 + patient.program.owner, work.session_of(patient.manager)
    work.rows.append((at, acts.CONSENT_REVOKE, actor, patient.number, 0, session, extra, 0))
