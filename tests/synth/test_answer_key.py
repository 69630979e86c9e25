"""Each injected misuse can be found: what its case names is in the log, and shows what the key says it shows."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bh_lib.synth import write_events
from bh_lib.synth.misuse import SCENARIOS

Event = dict[str, Any]
CLAIMED = 0.99
SEEDS = (2, 5, 11)


class Log:
    """A written log, its key, and the facts, by what a test asks for."""

    def __init__(self, folder: Path) -> None:
        self.events: list[Event] = [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").splitlines()]
        self.facts: list[Event] = [json.loads(line) for line in (folder / "context.jsonl").read_text("utf-8").splitlines()]
        self.cases: list[Event] = json.loads((folder / "answer_key.json").read_text("utf-8"))["cases"]
        self.by_id = {event["event_id"]: event for event in self.events}
        self.place = {event["event_id"]: place for place, event in enumerate(self.events)}
        self.of_case = {event_id: case["scenario"] for case in self.cases for event_id in case["event_ids"]}
        self.staff = {fact["staff_id"]: fact for fact in self.facts if fact["kind"] == "staff"}
        self.patients = {fact["patient_id"]: fact for fact in self.facts if fact["kind"] == "patient"}
        self.spans: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for fact in self.facts:
            if "staff_id" in fact and "patient_id" in fact:
                self.spans[fact["staff_id"], fact["patient_id"]].append((fact["start"][:10], fact["end"][:10]))
        self.booked = {(f["program_id"], f["patient_id"], f["start"][:10]) for f in self.facts if f["kind"] == "appointment"}

    def each(self, scenario: str) -> Iterator[tuple[Event, list[Event]]]:
        found = [case for case in self.cases if case["scenario"] == scenario]
        assert found, f"{scenario} was not injected"
        for case in found:
            yield case, [self.by_id[event_id] for event_id in case["event_ids"]]

    def explained(self, who: str, patient: str, day: str) -> bool:
        person = self.staff.get(who, {})
        if any(start <= day <= end for start, end in self.spans[who, patient]):
            return True
        return person.get("role") == "front_desk" and (person["program_id"], patient, day) in self.booked

    def sessions(self, who: str, day: str) -> dict[str, tuple[str, str, set[str]]]:
        own: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            if event["actor"]["subject_id"] == who and event["timestamp"].startswith(day) and "http" in event:
                own[event["correlation"]["session_id"]].append(event)
        return {
            name: (events[0]["timestamp"], events[-1]["timestamp"], {event["http"]["client_ip"] for event in events})
            for name, events in own.items()
        }


@pytest.fixture(scope="module", params=SEEDS)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Log:
    folder = tmp_path_factory.mktemp("clinic")
    write_events(folder, 8_000, seed=request.param, chain=False)
    return Log(folder)


def reads(events: list[Event]) -> list[Event]:
    return [event for event in events if "patient_id" in event["resource"] and event["outcome"]["status"] == "SUCCESS"]


def snooped(relation: Callable[[Event, Event, str], bool]) -> Callable[[Log, Event, list[Event]], None]:
    def check(log: Log, case: Event, events: list[Event]) -> None:
        (who,), (patient,) = case["actor_ids"], case["patient_ids"]
        assert relation(log.patients[patient], log.staff[who], who)
        assert not log.explained(who, patient, events[0]["timestamp"][:10])
        assert {event["action"]["type"] for event in events} == {"QUERY", "READ"}

    return check


def left_before(log: Log, case: Event, events: list[Event]) -> None:
    assert all(log.staff[case["actor_ids"][0]]["end"] <= event["timestamp"] for event in events)
    assert events[0]["action"]["type"] == "LOGIN" and reads(events)


def two_sessions(foreign: bool) -> Callable[[Log, Event, list[Event]], None]:
    def check(log: Log, case: Event, events: list[Event]) -> None:
        own = {event["correlation"]["session_id"] for event in events}
        sessions = log.sessions(case["actor_ids"][0], events[0]["timestamp"][:10])
        (this,) = own
        start, _, (address,) = sessions[this]
        others = [there for name, (first, last, there) in sessions.items() if name != this and first < start < last]
        assert others and address not in set().union(*others)
        assert address.startswith("203.0.113.") == foreign and address.startswith("10.") != foreign
        if not foreign:
            networks = {fact["network"]: fact["program_id"] for fact in log.staff.values()}
            assert networks[address.rsplit(".", 2)[0]] != log.staff[case["actor_ids"][0]]["program_id"]

    return check


def exports(log: Log, case: Event, events: list[Event]) -> None:
    assert events[0]["timestamp"][:10] == events[-1]["timestamp"][:10] and len(events) >= 8

    def hours(among: list[Event]) -> Counter[tuple[str, str]]:
        taken = [event for event in among if event["action"]["type"] == "EXPORT" and event["actor"]["subject_type"] == "human"]
        return Counter((event["actor"]["subject_id"], event["timestamp"][:13]) for event in taken)

    usual = hours([event for event in log.events if event["event_id"] not in log.of_case])
    assert max(hours(events).values()) > 2 * max(usual.values())


def stuffed(log: Log, case: Event, events: list[Event]) -> None:
    tried = [event for event in events if event["action"]["type"] == "LOGIN"]
    (address,) = {event["http"]["client_ip"] for event in tried}
    refused = {event["actor"]["subject_id"] for event in tried if event["outcome"]["status"] == "DENIED"}
    assert len(refused) >= 6 and tried[-1]["outcome"]["status"] == "SUCCESS"
    elsewhere: dict[tuple[str, str], set[str]] = defaultdict(set)
    for event in log.events:
        if event["action"]["type"] == "LOGIN" and event["outcome"]["status"] == "DENIED":
            elsewhere[event["http"]["client_ip"], event["timestamp"][:10]].add(event["actor"]["subject_id"])
    assert (address, tried[0]["timestamp"][:10]) in elsewhere
    attacks = {(each[0]["http"]["client_ip"], each[0]["timestamp"][:10]) for _, each in log.each("credential_stuffing")}
    assert {place for place, accounts in elsewhere.items() if len(accounts) >= 5} == attacks


def abused(log: Log, case: Event, events: list[Event]) -> None:
    broken = [event for event in events if event.get("purpose_of_use") == "BTG"]
    assert len(broken) > 1
    reviewed = {event["resource"]["id"] for event in log.events if event["resource"]["type"] == "EmergencyAccess"}
    for event in broken:
        assert not {"approved_by", "review_due_at"} & set(event["emergency"])
        assert event["correlation"]["session_id"] not in reviewed
    honest = [e for e in log.events if e.get("purpose_of_use") == "BTG" and e["event_id"] not in log.of_case]
    assert all({"approved_by", "review_due_at"} <= set(event["emergency"]) for event in honest)


def expired(log: Log, case: Event, events: list[Event]) -> None:
    (event,) = events
    assert event["consent"]["expires_at"] < event["timestamp"] and "42CFRPart2" in event["resource"]["sensitivity"]
    others = [e for e in log.events if e["action"]["type"] == "DISCLOSE" and e["outcome"]["status"] == "SUCCESS"]
    late = {e["event_id"] for e in others if e["consent"]["expires_at"] < e["timestamp"]}
    assert late == {event["event_id"] for _, each in log.each("expired_consent") for event in each}


def no_notice(log: Log, case: Event, events: list[Event]) -> None:
    (event,) = events
    assert event["disclosure"]["notice_sent"] is False and "42CFRPart2" in event["resource"]["sensitivity"]
    assert event["timestamp"] < event["consent"]["expires_at"] and event["disclosure"]["recipient"]["type"] != "patient"


def nameless(log: Log, case: Event, events: list[Event]) -> None:
    assert {event["attribution"]["level"] for event in events} == {"unattributed"}
    assert all(event["actor"]["subject_type"] == "agent" and "delegation" not in event for event in events)


def silent(log: Log, case: Event, events: list[Event]) -> None:
    before, after = (log.place[event["event_id"]] for event in events)
    between = {event["service"]["name"] for event in log.events[before + 1 : after]}
    assert "billing" not in between and len(between) > 1
    assert {event["service"]["name"] for event in events} == {"billing"}


def skewed(log: Log, case: Event, events: list[Event]) -> None:
    right = [event["timestamp"] for event in log.events if log.of_case.get(event["event_id"]) != "clock_skew"]
    assert right == sorted(right)
    assert any(log.events[log.place[e["event_id"]] - 1]["timestamp"] > e["timestamp"] for e in events)


SHOWS: dict[str, Callable[[Log, Event, list[Event]], None]] = {
    "snoop_vip": snooped(lambda patient, staff, who: patient.get("vip") is True),
    "snoop_coworker": snooped(lambda patient, staff, who: patient.get("employee_id", who) != who),
    "snoop_surname": snooped(lambda patient, staff, who: patient["surname_group"] == staff["surname_group"]),
    "snoop_neighbour": snooped(lambda patient, staff, who: patient["area_id"] == staff["area_id"]),
    "after_termination": left_before,
    "shared_login": two_sessions(foreign=False),
    "impossible_travel": two_sessions(foreign=True),
    "mass_export": exports,
    "credential_stuffing": stuffed,
    "break_glass_abuse": abused,
    "expired_consent": expired,
    "missing_notice": no_notice,
    "unattributed_agent": nameless,
    "log_gap": silent,
    "clock_skew": skewed,
}


def test_every_scenario_has_a_test_here() -> None:
    assert set(SHOWS) == {scenario.name for scenario in SCENARIOS}


@pytest.mark.parametrize("scenario", SHOWS)
def test_a_case_shows_what_the_key_says(log: Log, scenario: str) -> None:
    for case, events in log.each(scenario):
        SHOWS[scenario](log, case, events)


def test_a_case_names_its_own_actors_patients_and_hours(log: Log) -> None:
    assert sum(len(case["event_ids"]) for case in log.cases) == len(log.of_case)
    for case in log.cases:
        events = [log.by_id[event_id] for event_id in case["event_ids"]]
        assert case["start"][:16] <= min(event["timestamp"] for event in events)[:16]
        assert max(event["timestamp"] for event in events)[:16] <= case["end"][:16]
        if not case["actor_ids"]:
            assert case["scenario"] in ("log_gap", "clock_skew")
            continue
        assert {event["resource"]["patient_id"] for event in reads(events)} == set(case["patient_ids"])
        if case["scenario"] != "credential_stuffing":
            assert {event["actor"]["subject_id"] for event in events} == set(case["actor_ids"])


def test_nearly_every_legitimate_encounter_has_a_fact_that_explains_it(log: Log) -> None:
    met = set()
    for event in log.events:
        who = event.get("delegation", {}).get("authorizing", event["actor"])["subject_id"]
        patient = event["resource"].get("patient_id", who)
        legitimate = event["outcome"]["status"] == "SUCCESS" and event["event_id"] not in log.of_case
        if legitimate and who != patient and who.startswith("usr-") and event["action"]["type"] != "REVIEW":
            met.add((who, patient, event["timestamp"][:10]))
    explained = [each for each in met if log.explained(*each)]
    assert len(met) > 500 and len(explained) / len(met) >= CLAIMED
