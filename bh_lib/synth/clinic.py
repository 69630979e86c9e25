"""The simulated clinic: organizations, programs, staff and patients. All are pseudonyms; there are no names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

__all__ = ["ORGANIZATIONS", "Clinic", "Consent", "Patient", "Program", "Staff", "build_clinic"]

ORGANIZATIONS = {
    "org-01": "behavioral_health",
    "org-02": "part2_program",
    "org-03": "primary_care",
}
"""Three organizations on one record system: the clinic, the SUD program that 42 CFR Part 2 covers, and a partner."""

_PROGRAM_KINDS = ("outpatient", "iop", "sud", "php", "outpatient", "outpatient", "sud", "iop")
_ORG_ROLES = ("biller", "health_information", "compliance", "administrator")


@dataclass(frozen=True, slots=True)
class Program:
    """A program: ``php``, ``iop``, ``outpatient``, ``sud`` (Part 2), or the partner's ``liaison``."""

    number: int
    program_id: str
    org_id: str
    kind: str

    @property
    def part2(self) -> bool:
        """Whether 42 CFR Part 2 covers its records."""
        return self.kind == "sud"

    @property
    def owner(self) -> int:
        """The number, from 1, of the organization that owns its records."""
        return int(self.org_id[-1])

    @property
    def sensitivity(self) -> list[str]:
        """``resource.sensitivity`` of its patients' records."""
        return ["42CFRPart2", "SUD"] if self.part2 else ["BH"]


@dataclass(frozen=True, slots=True)
class Staff:
    """A person who works here. Days count from the log's first day; ``terminated`` is the first day without access."""

    number: int
    staff_id: str
    org_id: str
    program: Program
    role: str
    area: int
    surname_group: int
    shift: int
    terminated: int | None = None

    def works(self, day: int) -> bool:
        """Whether the account is active on a day."""
        return self.terminated is None or day < self.terminated


@dataclass(frozen=True, slots=True)
class Consent:
    """A Part 2 consent; times as days from the log's first day, with fractions for hours."""

    consent_id: str
    signed: float
    expires: float
    revoked: float | None = None

    def fault(self, day: float) -> str | None:
        """Why it doesn't hold at a moment, as ``outcome.error_type`` has it; None while it does."""
        if self.revoked is not None and self.revoked <= day:
            return "ConsentRevoked"
        if self.expires <= day:
            return "ConsentExpired"
        return None if self.signed <= day else "ConsentRequired"

    def block(self, start: datetime) -> dict[str, Any]:
        """The ``consent`` block of an event."""
        stamp = {"signed_at": self.signed, "expires_at": self.expires, "revoked_at": self.revoked}
        times = {key: (start + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ") for key, day in stamp.items() if day is not None}
        return {"id": self.consent_id, "basis": "TPO_CONSENT", **times, "scope": "TPO"}


@dataclass(frozen=True, slots=True)
class Patient:
    """A person in care, for one episode of it."""

    number: int
    patient_id: str
    program: Program
    therapist: Staff
    prescriber: Staff
    manager: Staff
    household: int
    surname_group: int
    area: int
    start: int
    end: int
    vip: bool = False
    employee: str | None = None


@dataclass(slots=True)
class Clinic:
    """Who is there. It grows by admission and shrinks by discharge, so its size doesn't depend on the log's length.

    Attributes
    ----------
    rng : random.Random
        The clinic's own source of chance.
    caseload : dict of int to list of Patient
        By the therapist's number.
    program_of : bytearray
        The program's number by the patient's number, for everyone ever admitted.
    consents : dict of int to Consent
        The Part 2 consent on file by the patient's number, holding or not; who never signed one is not in it.
    """

    rng: Random
    programs: list[Program] = field(default_factory=list)
    staff: list[Staff] = field(default_factory=list)
    caseload: dict[int, list[Patient]] = field(default_factory=dict)
    program_of: bytearray = field(default_factory=bytearray)
    consents: dict[int, Consent] = field(default_factory=dict)
    areas: int = 8
    surnames: int = 8

    def team(self, role: str, program: Program | None = None, day: int = 0) -> list[Staff]:
        """Who has a role, in a program or anywhere, and an active account on a day."""
        return [s for s in self.staff if s.role == role and (program is None or s.program is program) and s.works(day)]

    def patients(self) -> Iterator[Patient]:
        """Everyone in care now."""
        for patients in self.caseload.values():
            yield from patients

    def admit(self, therapist: Staff, day: int, *, end: int | None = None, **known: Any) -> Patient:
        """Take a new patient into a therapist's caseload; ``known`` fixes what is otherwise left to chance."""
        rng, program, number = self.rng, therapist.program, len(self.program_of)
        self.program_of.append(program.number)
        drawn: dict[str, Any] = {
            "household": number if rng.random() < 0.9 else max(0, number - rng.randint(1, 30)),
            # Squaring makes a few surnames common and most of them rare.
            "surname_group": int(self.surnames * rng.random() ** 2),
            "area": rng.randrange(self.areas),
        }
        if program.part2:
            self._file_consent(number, day)
        patient = Patient(
            number,
            f"pat-{number:06d}",
            program,
            therapist,
            rng.choice(self.team("prescriber", program)),
            rng.choice(self.team("case_manager", program)),
            start=day,
            end=day + int(rng.triangular(25, 180, 70)) if end is None else end,
            **(drawn | known),
        )
        self.caseload[therapist.number].append(patient)
        return patient

    def _file_consent(self, number: int, day: int) -> None:
        """Most sign for treatment, payment and operations; some never do, let it lapse, or take it back."""
        rng, name = self.rng, f"con-{number:06d}-1"
        chance, signed = rng.random(), day - rng.randint(0, 20)
        if chance < 0.08:
            self.consents[number] = Consent(name, signed - 90, day - rng.randint(1, 9))
        elif chance < 0.14:
            self.consents[number] = Consent(name, signed - 60, signed + 305, day - rng.randint(1, 9))
        elif chance < 0.88:
            self.consents[number] = Consent(name, signed, signed + rng.choice((90, 180, 365)))


def _hire(clinic: Clinic, program: Program, role: str, count: int) -> None:
    rng = clinic.rng
    for _ in range(count):
        number = len(clinic.staff)
        clinic.staff.append(
            Staff(
                number,
                f"usr-{number + 1:04d}",
                program.org_id,
                program,
                role,
                area=rng.randrange(clinic.areas),
                surname_group=int(clinic.surnames * rng.random() ** 2),
                shift=rng.choice((420, 450, 480, 480, 510, 540)),
            )
        )


def build_clinic(therapists: int, caseload: int, rng: Random) -> Clinic:
    """Staff a clinic around its therapists, and give each a caseload.

    Examples
    --------
    >>> from random import Random
    >>> clinic = build_clinic(12, 25, Random(7))
    >>> sorted({program.kind for program in clinic.programs})
    ['iop', 'liaison', 'outpatient', 'php', 'sud']
    >>> sum(1 for _ in clinic.patients())
    300
    """
    clinic = Clinic(rng, areas=max(8, therapists * caseload // 40), surnames=max(8, therapists * caseload // 12))
    count = max(4, min(60, therapists // 6))
    for number in range(count):
        kind = _PROGRAM_KINDS[number % len(_PROGRAM_KINDS)]
        clinic.programs.append(Program(number, f"prog-{number + 1:02d}", "org-02" if kind == "sud" else "org-01", kind))
    for program in clinic.programs:
        size = therapists // count + (program.number < therapists % count)
        _hire(clinic, program, "therapist", max(1, size))
        _hire(clinic, program, "prescriber", max(1, size // 4))
        _hire(clinic, program, "case_manager", max(1, size // 4))
        _hire(clinic, program, "nurse", max(1, size // 3))
        _hire(clinic, program, "peer_specialist", max(1, size // 4))
        _hire(clinic, program, "front_desk", max(1, size // 4))
    for org_id, share in (("org-01", 1.0), ("org-02", 0.4)):
        home = next(program for program in clinic.programs if program.org_id == org_id)
        for role, each in zip(_ORG_ROLES, (12, 24, 60, 60), strict=True):
            _hire(clinic, home, role, max(1, round(therapists * share / each)))
    liaison = Program(count, "prog-pc", "org-03", "liaison")
    clinic.programs.append(liaison)
    _hire(clinic, liaison, "consultant", max(2, therapists // 20))
    for therapist in clinic.team("therapist"):
        clinic.caseload[therapist.number] = []
        for _ in range(caseload):
            # Episodes began before the log does, so discharges are spread from the first day on.
            begun = -rng.randint(0, 60)
            clinic.admit(therapist, begun, end=rng.randint(4, 120))
    return clinic
