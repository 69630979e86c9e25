"""What the calls write, and what they refuse."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, Drop, JsonlSink, MemorySink, Verdict, verify
from bh_lib.errors import ConfigError, SchemaError
from bh_lib.schema import validate_event

DELEGATION = {
    "acting": {"subject_id": "agent-1", "subject_type": "agent", "agent": {"interface": "mcp"}},
    "authorizing": {"subject_id": "u-7", "subject_type": "human"},
    "delegation_type": "supervised",
    "agent_session_id": "session-1",
}
AGENT = {"subject_id": "agent-1", "subject_type": "agent"}


@pytest.fixture
def audit():
    return AuditLogger(AuditConfig(service="intake-api", environment="prod", version="1.2"), sink=MemorySink())


def last(audit):
    event = audit.sink.events[-1]
    assert validate_event(event) == []
    return event


def test_a_record_is_a_valid_event_and_its_receipt_is_its_place(audit, who, what):
    receipt = audit.record("READ", actor=who, resource=what, phi_touched=True, data_classification="PHI", purpose_of_use="TREAT")
    event = last(audit)
    assert event["service"] == {"name": "intake-api", "environment": "prod", "version": "1.2"}
    assert (event["event_id"], event["integrity"]["seq"], event["integrity"]["event_hash"]) == receipt


def test_each_named_call_writes_what_its_name_says(audit, who, what):
    audit.denied("READ", reason="ConsentRequired", actor=who, resource=what)
    assert last(audit)["outcome"] == {"status": "DENIED", "error_type": "ConsentRequired"}
    audit.login(actor=who)
    assert last(audit)["action"]["type"] == "LOGIN"
    audit.logout(actor=who)
    assert last(audit)["action"]["type"] == "LOGOUT"
    audit.query(actor=who, resource=what)
    assert last(audit)["action"]["type"] == "QUERY"
    audit.review(actor=who)
    assert last(audit)["resource"] == {"type": "AuditLog"}
    audit.break_glass("READ", emergency={"nature_code": "OVERDOSE"}, actor=who, resource=what)
    assert last(audit)["purpose_of_use"] == "BTG"
    audit.disclosure(disclosure={"recipient": {"id": "court-1", "type": "court"}}, actor=who, resource=what)
    assert last(audit)["action"]["type"] == "DISCLOSE"
    audit.agent_action("READ", actor=AGENT, resource=what, delegation=DELEGATION, attribution="verified", method="id_jag")
    assert last(audit)["attribution"] == {"level": "verified", "method": "id_jag"}
    audit.agent_session("start", actor=AGENT, delegation=DELEGATION, attribution="bound")
    assert (last(audit)["action"]["name"], last(audit)["resource"]["id"]) == ("agent_session_start", "session-1")
    audit.override(actor=who, agent_session_id="session-1")
    assert last(audit)["resource"] == {"type": "AgentSession", "id": "session-1"}


def test_a_block_is_success_failure_or_denied(audit, who, what):
    with audit.access("UPDATE", actor=who, resource=what) as access:
        access.add(purpose_of_use="TREAT")
    assert (last(audit)["outcome"]["status"], access.receipt.seq) == ("SUCCESS", 0)
    with pytest.raises(ValueError, match="secret"), audit.access("UPDATE", actor=who, resource=what):
        raise ValueError("a secret about somebody")
    assert last(audit)["outcome"]["error_type"] == "ValueError"
    assert "secret" not in str(last(audit))
    with pytest.raises(PermissionError), audit.access("UPDATE", actor=who, resource=what):
        raise PermissionError("not yours")
    assert last(audit)["outcome"] == {"status": "DENIED", "error_type": "PermissionError"}


def test_a_decorated_function_writes_an_event_each_call(audit, who, what):
    @audit.access("READ", actor=who, resource=what)
    def read(value):
        return value + 1

    @audit.access("READ", actor=who, resource=what)
    async def read_later(value):
        await asyncio.sleep(0)
        if value < 0:
            raise PermissionError
        return value + 2

    assert (read(1), asyncio.run(read_later(1)), len(audit.sink.lines)) == (2, 3, 2)
    with pytest.raises(PermissionError):
        asyncio.run(read_later(-1))
    assert last(audit)["outcome"]["status"] == "DENIED"


def test_what_does_not_hold_the_schema_is_refused_by_path_and_rule_and_never_by_value(audit, who, what):
    with pytest.raises(SchemaError, match="/actor") as caught:
        audit.record("READ", actor={"subject_id": "", "subject_type": "123-45-6789"}, resource=what)
    assert "6789" not in str(caught.value)
    with pytest.raises(SchemaError, match="a field has no place") as caught:
        audit.record("READ", actor=who, resource=what, patient_name="Ann Example")
    # A row of data may have been spread into the call: its column's name is not shown either.
    assert "patient_name" not in str(caught.value)
    with pytest.raises(SchemaError, match="did you mean purpose_of_use"):
        audit.record("READ", actor=who, resource=what, purpose_of_usee="TREAT")
    assert (audit.sink.lines, audit.health()["rejected"]) == ([], 1)


def test_the_callers_blocks_are_left_alone(audit, who, what):
    metadata, http = {"export_format": "pdf"}, {"method": "GET", "route_template": "/a?q=1"}
    audit.record("READ", actor=who, resource=what, metadata=metadata, http=http)
    assert (metadata, http["route_template"]) == ({"export_format": "pdf"}, "/a?q=1")
    assert last(audit)["http"]["route_template"] == "/a"


def test_a_stage_can_filter_and_is_counted(who, what):
    def no_reads(event):
        if event["action"]["type"] == "READ":
            raise Drop
        return event

    audit = AuditLogger(AuditConfig(service="s"), sink=MemorySink(), stages=[no_reads])
    assert audit.record("READ", actor=who, resource=what).seq is None
    assert audit.record("CREATE", actor=who, resource=what).seq == 0
    assert (audit.health()["filtered"], audit.health()["accepted"]) == (1, 1)


def test_health_is_numbers_and_names_only(audit, who, what):
    audit.record("READ", actor=who, resource=what, metadata={"k": "v"})
    health = audit.health()
    assert (health["accepted"], health["metadata_dropped"], health["healthy"], health["pending"]) == (1, 1, True, 0)
    assert all(isinstance(value, (int, str)) for value in health.values())


def test_a_logger_needs_a_config():
    with pytest.raises(ConfigError):
        AuditLogger({"service": "s"})  # type: ignore[arg-type]


def test_a_queued_logger_drains_by_itself_when_the_program_ends(tmp_path):
    code = """
import sys
from bh_lib.emitters import *
audit = AuditLogger(AuditConfig(service="s", delivery="queued", on_failure="drop"), sink=JsonlSink(sys.argv[1]))
for _ in range(500):
    audit.record("READ", actor={"subject_id": "u", "subject_type": "human"}, resource={"type": "Note"})
"""
    path = tmp_path / "a.jsonl"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
    assert verify(path).events == 500


def test_a_queued_logger_drains_when_its_worker_is_told_to_stop(tmp_path):
    code = """
import sys, time
from bh_lib.emitters import *
exit_on_sigterm()
audit = AuditLogger(AuditConfig(service="s", delivery="queued", on_failure="drop"), sink=JsonlSink(sys.argv[1]))
for _ in range(2000):
    audit.record("READ", actor={"subject_id": "u", "subject_type": "human"}, resource={"type": "Note"})
print("ready", flush=True)
time.sleep(30)
"""
    path = tmp_path / "a.jsonl"
    worker = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert worker.stdout.readline() == b"ready\n"
    worker.terminate()
    assert worker.wait(20) == 143
    worker.stdout.close()
    assert verify(path).events == 2000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("delivery", ["durable", "queued"])
def test_a_forked_worker_writes_on_without_forking_the_chain(tmp_path, who, what, delivery):
    path = tmp_path / "a.jsonl"
    policy = "raise" if delivery == "durable" else "drop"
    audit = AuditLogger(AuditConfig(service="s", delivery=delivery, on_failure=policy), sink=JsonlSink(path))
    audit.record("READ", actor=who, resource=what)
    assert audit.drain(5)
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for _ in range(50):
                    audit.record("READ", actor=who, resource=what)
                audit.close()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    for _ in range(50):
        audit.record("READ", actor=who, resource=what)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    audit.close()
    found = verify(path)
    assert (found.verdict, found.events) == (Verdict.CONSISTENT, 201)
