from __future__ import annotations

import json
import tracemalloc
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from bh_lib.emitters import verify
from bh_lib.errors import BhError, ConfigError, InputError
from bh_lib.schema import event_schema, validate_event
from bh_lib.synth import generate_events, write_events

N = 20_000


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clinic")
    write_events(folder, N, seed=5)
    return folder


@pytest.fixture(scope="module")
def events(clinic: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in open(clinic / "events.jsonl", encoding="utf-8")]


@pytest.fixture(scope="module")
def cases(clinic: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((clinic / "answer_key.json").read_text())["cases"]
    return found


def of(cases: list[dict[str, Any]], events: list[dict[str, Any]], scenario: str) -> list[dict[str, Any]]:
    wanted = {event_id for case in cases if case["scenario"] == scenario for event_id in case["event_ids"]}
    assert wanted, f"{scenario} was not injected"
    return [event for event in events if event["event_id"] in wanted]


def test_every_event_holds_schema_3_0(events: list[dict[str, Any]]) -> None:
    assert len(events) == N
    assert [problem for event in events for problem in validate_event(event)] == []


@pytest.mark.parametrize("version", ["1.0", "1.1", "2.0", "2.1"])
def test_at_an_older_version_the_same_events_hold_that_schema(version: str) -> None:
    older = list(generate_events(3_000, seed=5, version=version, agents="flatten"))
    assert [problem for event in older for problem in validate_event(event, version)] == []
    assert [event["event_id"] for event in older] == [event["event_id"] for event in generate_events(3_000, seed=5)]
    agents = any(event["actor"]["subject_type"] == "agent" for event in older)
    assert agents == version.startswith("2")


@pytest.mark.parametrize("version", ["1.0", "2.0", "2.1"])
def test_an_older_log_says_what_it_lost_and_which_cases_still_show(version: str, tmp_path: Path) -> None:
    manifest = write_events(tmp_path, 2_500, seed=5, version=version, agents="flatten")
    assert not manifest.chain
    lost = {loss["path"]: loss["events"] for loss in manifest.losses if loss["kind"] == "dropped"}
    assert lost["/actor/auth"] == 2_500 and lost["/consent"] > 0
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text("utf-8").splitlines()]
    assert sum(event["action"]["type"] == "READ" for event in events) == manifest.actions["READ"]
    assert "QUERY" not in manifest.actions and ("DENIED" in manifest.outcomes) == (version != "1.0")
    cases = json.loads((tmp_path / "answer_key.json").read_text("utf-8"))["cases"]
    hidden = {case["scenario"] for case in cases if not case["shown"]}
    gone = {"expired_consent", "missing_notice", "break_glass_abuse"}
    assert hidden == (gone if version == "2.1" else gone | {"unattributed_agent"})


def test_below_2_1_the_refusal_says_how_to_have_it_all_the_same() -> None:
    with pytest.raises(ConfigError, match="--agents flatten"):
        generate_events(10, seed=1, version="1.1")


def test_every_event_id_is_its_own(events: list[dict[str, Any]]) -> None:
    assert len({event["event_id"] for event in events}) == N


def test_the_chain_holds(clinic: Path) -> None:
    assert str(verify(clinic / "events.jsonl").verdict).endswith("CONSISTENT")


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(clinic: Path, tmp_path: Path) -> None:
    first = json.loads((clinic / "manifest.json").read_text())
    assert write_events(tmp_path, N, seed=5).to_dict() == first
    assert write_events(tmp_path, N, seed=6).files["events.jsonl"] != first["files"]["events.jsonl"]


def test_parquet_holds_the_same_events(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")

    def dense(value: Any) -> Any:
        return {key: dense(inner) for key, inner in value.items() if inner is not None} if isinstance(value, dict) else value

    write_events(tmp_path, 6_000, seed=5, format="parquet")
    rows = parquet.read_table(tmp_path / "events.parquet").to_pylist()
    assert [dense(row) for row in rows] == list(generate_events(6_000, seed=5))


def test_each_scenario_is_injected_and_its_events_are_in_the_log(cases: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    known = {event["event_id"] for event in events}
    assert len({case["scenario"] for case in cases}) == 15
    assert all(case["event_ids"] and known.issuperset(case["event_ids"]) for case in cases)


def test_a_leaver_acts_after_leaving(clinic: Path, cases: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    left = {f["staff_id"]: f["end"] for f in facts(clinic) if f["kind"] == "staff" and "end" in f}
    for event in of(cases, events, "after_termination"):
        assert event["timestamp"] > left[event["actor"]["subject_id"]]


def test_a_disclosure_goes_out_after_its_consent_expired(cases: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    for event in of(cases, events, "expired_consent"):
        assert event["action"]["type"] == "DISCLOSE" and event["consent"]["expires_at"] < event["timestamp"]


def test_a_notice_is_missing_only_where_it_was_taken_away(cases: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    without = {event["event_id"] for event in events if event.get("disclosure", {}).get("notice_sent") is False}
    assert without == {event["event_id"] for event in of(cases, events, "missing_notice")}


def test_only_the_injected_agent_is_unattributed(cases: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    nameless = {e["event_id"] for e in events if e.get("attribution", {}).get("level") == "unattributed"}
    assert nameless == {event["event_id"] for event in of(cases, events, "unattributed_agent")}


def test_abused_glass_is_not_approved(cases: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    broken = [event for event in of(cases, events, "break_glass_abuse") if "emergency" in event]
    assert len(broken) > 1 and not any("approved_by" in event["emergency"] for event in broken)


def test_stuffing_comes_from_one_address_on_many_accounts(cases: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    failed = [event for event in of(cases, events, "credential_stuffing") if event["outcome"]["status"] == "DENIED"]
    assert len({event["http"]["client_ip"] for event in failed}) == 1
    assert len({event["actor"]["subject_id"] for event in failed}) >= 6


def test_a_gap_silences_a_service_through_its_heartbeats(cases: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    before, after = of(cases, events, "log_gap")
    place = {event["event_id"]: at for at, event in enumerate(events)}
    between = events[place[before["event_id"]] + 1 : place[after["event_id"]]]
    assert between and not any(event["service"]["name"] == "billing" for event in between)


def test_a_slow_clock_shows_as_time_running_backwards_and_nothing_else_does(
    cases: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    skewed = {event["event_id"] for event in of(cases, events, "clock_skew")}
    right = [event["timestamp"] for event in events if event["event_id"] not in skewed]
    assert right == sorted(right)
    times = [event["timestamp"] for event in events]
    assert times != sorted(times)


def test_every_kind_of_act_and_refusal_occurs(events: list[dict[str, Any]]) -> None:
    assert {event["action"]["type"] for event in events} == set(
        event_schema()["properties"]["action"]["properties"]["type"]["enum"]
    )
    refused = {event["outcome"]["error_type"] for event in events if event["outcome"]["status"] == "DENIED"}
    assert refused >= {"ConsentRequired", "ConsentRevoked", "ConsentExpired", "RoleNotPermitted", "InvalidCredentials", "MfaFailed"}
    assert any(event["action"]["type"] == "LOGIN" and event["outcome"]["status"] == "FAILURE" for event in events)


def test_a_patient_is_searched_for_by_whoever_then_opens_the_chart(events: list[dict[str, Any]]) -> None:
    named = [event for event in events if event["action"]["type"] == "QUERY" and "patient_id" in event["resource"]]
    assert {"find_patient", "search_notes"} == {event["action"]["name"] for event in named} and len(named) > 100


def test_whoever_is_registered_gets_the_privacy_notice(events: list[dict[str, Any]]) -> None:
    def of_patients(resource: str) -> set[str]:
        return {
            e["resource"]["patient_id"] for e in events if e["action"]["type"] == "CREATE" and e["resource"]["type"] == resource
        }

    assert of_patients("PrivacyNotice") == of_patients("Patient") != set()


def test_no_part_2_record_crosses_a_border_on_a_consent_that_does_not_hold(events: list[dict[str, Any]]) -> None:
    crossed = [
        event
        for event in events
        if "42CFRPart2" in event["resource"].get("sensitivity", ())
        and event["actor"]["org_id"] != event["actor"].get("owner_org_id", event["actor"]["org_id"])
        and event["outcome"]["status"] == "SUCCESS"
    ]
    assert crossed
    for event in crossed:
        consent, when = event["consent"], event["timestamp"]
        assert consent.get("signed_at", "") < when < consent.get("expires_at", "9999")
        assert when < consent.get("revoked_at", "9999")


def test_a_refusal_for_want_of_consent_is_right(events: list[dict[str, Any]]) -> None:
    for event in events:
        why, consent, when = event["outcome"].get("error_type"), event.get("consent"), event["timestamp"]
        if why == "ConsentRevoked":
            assert consent["revoked_at"] < when
        elif why == "ConsentExpired":
            assert consent["expires_at"] < when
        elif why == "ConsentRequired":
            assert consent is None


def facts(clinic: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in open(clinic / "context.jsonl", encoding="utf-8")]


def test_the_context_knows_every_person_and_patient_in_the_log(clinic: Path, events: list[dict[str, Any]]) -> None:
    people = {fact["staff_id"] for fact in facts(clinic) if fact["kind"] == "staff"}
    patients = {fact["patient_id"] for fact in facts(clinic) if fact["kind"] == "patient"}
    assert {e["actor"]["subject_id"] for e in events if e["actor"]["subject_id"].startswith("usr-")} <= people
    assert {e["resource"]["patient_id"] for e in events if "patient_id" in e["resource"]} <= patients


def test_the_manifest_counts_what_is_there(clinic: Path, events: list[dict[str, Any]]) -> None:
    manifest = json.loads((clinic / "manifest.json").read_text())
    for block, field, counted in (("action", "type", "actions"), ("outcome", "status", "outcomes")):
        counts: dict[str, int] = {}
        for event in events:
            counts[event[block][field]] = counts.get(event[block][field], 0) + 1
        assert {name: count for name, count in manifest[counted].items() if count} == counts


def test_memory_does_not_grow_with_the_log() -> None:
    def peak(taken: int) -> int:
        tracemalloc.start()
        for _ in islice(generate_events(200_000, seed=1), taken):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(40_000) < 1.3 * peak(10_000)


def test_a_yielded_event_belongs_to_whoever_takes_it() -> None:
    pristine = list(generate_events(200, seed=2))
    changed = []
    for event in generate_events(200, seed=2):
        changed.append(json.loads(json.dumps(event)))
        event["actor"]["subject_id"] = event["outcome"]["status"] = "changed"
    assert changed == pristine


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 0},
        {"version": "1.1"},
        {"version": "2.0"},
        {"version": "9"},
        {"version": "1.1", "agents": "ignore"},
        {"format": "csv"},
        {"format": "parquet", "version": "2.1"},
        {"start": datetime(2026, 1, 5)},
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises((ConfigError, InputError)) as caught:
        write_events(tmp_path / "out", **({"n": 10, "seed": 1} | wrong))
    assert isinstance(caught.value, BhError)
    assert not list(tmp_path.rglob("events.*"))
