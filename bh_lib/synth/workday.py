"""One day of the clinic as it is being written: rows, sessions, and the facts that explain them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from random import Random
from typing import Any, NamedTuple

from bh_lib.synth import acts
from bh_lib.synth.clinic import ORGANIZATIONS, Clinic, Patient, Staff

__all__ = ["DAY_MS", "MINUTE", "Extra", "Row", "Session", "Workday", "reason_fact"]

MINUTE = 60_000
DAY_MS = 86_400_000

Row = tuple[int, int, int, int, int, int, "Extra | None", int]
"""Milliseconds of the day, act, actor, patient (or -1), resource number, session (or -1), extra, case (0 = nobody's misuse)."""

_CLOCK = [f"T{minute // 60:02d}:{minute % 60:02d}:00Z" for minute in range(1440)]
_DEVICES = ("ClinicDesktop/12.4", "ClinicDesktop/12.3", "ClinicTablet/5.1", "Mozilla/5.0 (X11; Linux x86_64)")


@dataclass(frozen=True, slots=True, eq=False)
class Extra:
    """What an event has beyond its kind: top-level blocks, a resource id, an HTTP status."""

    blocks: dict[str, Any] = field(default_factory=dict)
    resource_id: str | None = None
    status: int = 200


class Session(NamedTuple):
    """Where a session's requests come from."""

    session_id: str
    client_ip: str
    user_agent: str


DENIED_ROLE = Extra({"outcome": {"status": "DENIED", "error_type": "RoleNotPermitted"}}, status=403)
BAD_PASSWORD = Extra({"outcome": {"status": "DENIED", "error_type": "InvalidCredentials"}}, status=401)
LOCKED = Extra({"outcome": {"status": "DENIED", "error_type": "AccountLocked"}}, status=403)
NO_SECOND_FACTOR = Extra({"outcome": {"status": "DENIED", "error_type": "MfaFailed"}}, status=401)
NO_PROVIDER = Extra(
    {
        "outcome": {
            "status": "FAILURE",
            "error_type": "IdentityProviderUnavailable",
            "error_message": "the identity provider did not answer in time",
        }
    },
    status=503,
)
TIMED_OUT = Extra(
    {"outcome": {"status": "FAILURE", "error_type": "UpstreamTimeout", "error_message": "the record store did not answer in time"}},
    status=504,
)


@dataclass(slots=True)
class Workday:
    """A day in the making.

    Attributes
    ----------
    clinic : Clinic
    rng : random.Random
        The days' source of chance.
    start : datetime
        Midnight of the log's first day, UTC.
    actors : list of dict
        ``actor`` blocks; a member of staff has four: acting on no patient, and on patients of each organization.
    rows : list of Row
        What happened today, in the order of its telling, not of time.
    facts : list of dict
        What explains it: appointments, care teams, referrals, …
    """

    clinic: Clinic
    rng: Random
    start: datetime
    day: int = 0
    date: str = ""
    actors: list[dict[str, Any]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    at_work: dict[int, int] = field(default_factory=dict)
    teams: dict[tuple[str, int], list[Staff]] = field(default_factory=dict)
    opened: int = 0
    _regulars: int = 0
    _named: dict[str, int] = field(default_factory=dict)
    _dates: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for staff in self.clinic.staff:
            base = {"subject_id": staff.staff_id, "subject_type": "human", "org_id": staff.org_id}
            rest = {"roles": [staff.role], "auth": {"method": "sso", "mfa": True}}
            self.actors.append(base | rest)
            self.actors.extend(base | {"owner_org_id": org} | rest for org in ORGANIZATIONS)
        for program in self.clinic.programs:
            name = f"agt-scribe-{program.number + 1:02d}"
            agent = {"subject_id": name, "subject_type": "agent", "org_id": program.org_id, "owner_org_id": program.org_id}
            self._named[name] = len(self.actors)
            self.actors.append(agent | {"auth": {"method": "oauth2", "mfa": False}})
        for name in (
            "svc-charge",
            "svc-claims",
            "svc-reminder",
            "svc-ehr",
            "svc-auth",
            "svc-scheduling",
            "svc-billing",
            "svc-portal",
        ):
            self._named[name] = len(self.actors)
            self.actors.append(
                {"subject_id": name, "subject_type": "service", "org_id": "org-01", "auth": {"method": "mtls", "mfa": False}}
            )
        self._regulars = len(self.actors)

    def named(self, name: str) -> int:
        """The actor number of a service or agent."""
        return self._named[name]

    def begin(self, day: int) -> None:
        """Turn to a day: nothing has happened yet, and nobody is logged in."""
        self.day, self.date = day, (self.start + timedelta(days=day)).strftime("%Y-%m-%d")
        del self.actors[self._regulars :]
        self.rows, self.sessions, self.facts, self.at_work, self.teams = [], [], [], {}, {}
        for staff in self.clinic.staff:
            if staff.works(day):
                self.teams.setdefault((staff.role, staff.program.number), []).append(staff)

    @property
    def weekday(self) -> int:
        """0 Monday … 6 Sunday."""
        return (self.start + timedelta(days=self.day)).weekday()

    def everyone(self, role: str) -> Iterator[Staff]:
        """Who has a role, anywhere, with an active account."""
        for (name, _), staff in self.teams.items():
            if name == role:
                yield from staff

    def stamp(self, minute: float, day: int | None = None) -> str:
        """A time of a day as RFC 3339, for facts."""
        if type(minute) is int and 0 <= minute < 1440:
            return (self.date if day is None else self._date(day, 0)) + _CLOCK[minute]
        hours, rest = divmod(int(minute * 60), 3600)
        return f"{self._date(self.day if day is None else day, hours // 24)}T{hours % 24:02d}:{rest // 60:02d}:{rest % 60:02d}Z"

    def _date(self, day: int, later: int) -> str:
        found = self._dates.get(day + later)
        if found is None:
            found = self._dates[day + later] = (self.start + timedelta(days=day + later)).strftime("%Y-%m-%d")
        return found

    def connect(self, client_ip: str) -> int:
        """A new session from an address; returns its number."""
        self.opened += 1
        device = _DEVICES[self.opened % len(_DEVICES)]
        self.sessions.append(Session(f"ses-{self.opened:09d}", client_ip, device))
        return len(self.sessions) - 1

    def desk(self, staff: Staff) -> str:
        """The address of a person's workstation."""
        return f"10.{20 + staff.program.number}.{staff.number // 200}.{staff.number % 200 + 10}"

    def home(self, patient: Patient) -> str:
        """The address of a patient's household; no two share one."""
        return f"2001:db8:{patient.household >> 16:x}:{patient.household & 0xFFFF:x}::1"

    def log_in(self, staff: Staff, minute: float, *, hours: float = 8.6, client_ip: str | None = None) -> int:
        """Log a person in, and out again at the end; returns the session's number."""
        rng, rows, actor = self.rng, self.rows, staff.number * 4
        remote = client_ip is None and rng.random() < 0.06
        session = self.connect(f"198.51.100.{staff.number % 250 + 1}" if remote else client_ip or self.desk(staff))
        at = int(minute * MINUTE + rng.random() * 10 * MINUTE)
        if rng.random() < 0.05:
            self._stumble(staff, at, session)
        rows.append((at, acts.LOGIN, actor, -1, 0, session, None, 0))
        rows.append((min(at + int(hours * 60 * MINUTE), DAY_MS - 1), acts.LOGOUT, actor, -1, 0, session, None, 0))
        return session

    def _stumble(self, staff: Staff, at: int, session: int) -> None:
        """The attempts before the one that succeeds."""
        chance, rows, actor = self.rng.random(), self.rows, staff.number * 4
        if chance < 0.1:
            for ago in (180_000, 150_000, 130_000):
                rows.append((max(0, at - ago), acts.LOGIN, actor, -1, 0, session, BAD_PASSWORD, 0))
            rows.append((max(0, at - 100_000), acts.LOGIN, actor, -1, 0, session, LOCKED, 0))
            account = Extra(resource_id=staff.staff_id)
            rows.append((max(0, at - 30_000), acts.PASSWORD_RESET, self.named("svc-auth"), -1, 0, -1, account, 0))
        else:
            why = BAD_PASSWORD if chance < 0.75 else NO_SECOND_FACTOR if chance < 0.92 else NO_PROVIDER
            rows.append((max(0, at - 9_000), acts.LOGIN, actor, -1, 0, session, why, 0))

    def session_of(self, staff: Staff) -> int:
        """The session of a person's shift, logged in on first need."""
        found = self.at_work.get(staff.number)
        if found is None:
            found = self.at_work[staff.number] = self.log_in(staff, staff.shift - 15)
        return found

    def patient_actor(self, patient: Patient) -> int:
        """The patient acting on the own record, through the portal."""
        org = patient.program.org_id
        self.actors.append(
            {
                "subject_id": patient.patient_id,
                "subject_type": "human",
                "org_id": org,
                "owner_org_id": org,
                "roles": ["patient"],
                "auth": {"method": "password", "mfa": False},
            }
        )
        return len(self.actors) - 1

    def basis(self, patient: Patient) -> dict[str, Any]:
        """The ``consent`` block under which another organization sees a Part 2 record; empty for other records."""
        consent = self.clinic.consents.get(patient.number)
        return {"consent": consent.block(self.start)} if consent else {}

    def count(self, rows: list[Row], counts: dict[str, dict[str, int]]) -> None:
        """Add rows to the counts of ``actions`` and ``outcomes``."""
        for act, times in Counter(map(itemgetter(1), rows)).items():
            name = acts.ACTS[act].action
            counts["actions"][name] = counts["actions"].get(name, 0) + times
        own = [extra.blocks["outcome"] for extra in map(itemgetter(6), rows) if extra is not None and "outcome" in extra.blocks]
        unlike = Counter(outcome["status"] for outcome in own)
        unlike["SUCCESS"] = len(rows) - unlike.total()
        for name, times in unlike.items():
            counts["outcomes"][name] = counts["outcomes"].get(name, 0) + times


def reason_fact(work: Workday, kind: str, patient: Patient, staff: Staff, days: int) -> dict[str, Any]:
    """A reason that a member of staff has from today on, for so many days."""
    return {
        "kind": kind,
        "patient_id": patient.patient_id,
        "staff_id": staff.staff_id,
        "start": work.stamp(0),
        "end": work.stamp(0, work.day + days),
    }
