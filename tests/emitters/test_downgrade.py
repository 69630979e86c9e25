"""A logger that targets an older version: what it writes holds that version, says what was lost, and verifies."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.emitters import (
    AuditConfig,
    AuditLogger,
    JsonlSink,
    MemorySink,
    Verdict,
    generate_keys,
    ledger_files,
    make_checkpoint,
    prune,
    read_ledger,
    verify,
)
from bh_lib.emitters.chain import Head, head_after, link, new_chain, parse_line
from bh_lib.errors import ConfigError, InputError, SchemaError, SinkError
from bh_lib.schema import VERSIONS, convert_event, validate_event

OLDER = VERSIONS[:-1]
PEERS = Path(os.environ.get("BH_PEERS_PYTHON", Path.home() / ".cache" / "bh-peers" / "venv" / "bin" / "python"))
FULL = {"purpose_of_use": "TREAT", "phi_touched": True, "data_classification": "PHI", "correlation": {"request_id": "r-1"}}
AGENT = {"subject_id": "a-5", "subject_type": "agent"}
SESSION = {"acting": {**AGENT, "agent": {"interface": "mcp"}}, "delegation_type": "supervised", "agent_session_id": "s-1"}


def logger(version, sink, **settings):
    return AuditLogger(AuditConfig(service="s", environment="prod", schema_version=version, **settings), sink=sink)


def act(audit, who, what):
    """What a service does in a day, without agents."""
    audit.record("READ", actor=who, resource=what, **FULL)
    audit.denied("READ", reason="ConsentRequired", actor=who, resource=what)
    audit.query(actor=who, resource={"type": "Note"})
    audit.login(actor=who)
    audit.disclosure(disclosure={"recipient": {"id": "o-1", "type": "court"}}, actor=who, resource=what)
    return 5


@pytest.mark.parametrize("version", OLDER)
def test_what_is_written_holds_the_version_and_is_chained_as_that_version_is(tmp_path, who, what, version):
    path = tmp_path / "audit.jsonl"
    with logger(version, JsonlSink(path)) as audit:
        count = act(audit, who, what)
    events = list(read_ledger(path))
    assert [validate_event(event, version) for event in events] == [[]] * count
    assert {event["schema_version"] for event in events} == {version}
    assert [set(event["integrity"]) for event in events] == [{"event_hash", "hash_alg"}] + [
        {"event_hash", "hash_alg", "prev_event_hash"}
    ] * (count - 1)
    assert (verify(path).verdict, verify(path).events, verify(path).restarts) == (Verdict.CONSISTENT, count, 0)
    secret, public = generate_keys("k")
    assert verify(path, make_checkpoint(path, secret), key=public).verdict is Verdict.COMPLETE


@pytest.mark.parametrize("version", OLDER)
def test_every_loss_is_counted_as_the_conversion_of_that_event_lists_it(who, what, version, caplog):
    newest, older = MemorySink(), MemorySink()
    with logger("3.0", newest) as audit:
        act(audit, who, what)
        assert (audit.losses(), audit.health()["schema_losses"]) == ([], 0)
    want = [
        loss.path
        for event in newest.events
        for loss in convert_event({k: v for k, v in event.items() if k != "integrity"}, version).losses
    ]
    with caplog.at_level(logging.WARNING, "bh_lib.emitters"), logger(version, older) as audit:
        act(audit, who, what)
        assert sum(loss["events"] for loss in audit.losses()) == audit.health()["schema_losses"] == len(want)
        assert {loss["path"] for loss in audit.losses()} == set(want)
    told = [record.getMessage() for record in caplog.records if "events lose" in record.getMessage()]
    assert len(told) == len(audit.losses())
    assert "u-7" not in caplog.text and "p-3" not in caplog.text


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_agents_event_is_refused_where_there_are_no_agents_unless_a_mode_is_chosen(who, what, version):
    def acted(audit):
        audit.agent_action("READ", actor=AGENT, resource=what, delegation={**SESSION, "authorizing": who}, attribution="asserted")

    with logger(version, MemorySink()) as audit:
        with pytest.raises(SchemaError, match="flatten"):
            acted(audit)
        assert (audit.sink.events, audit.health()["rejected"], audit.health()["accepted"]) == ([], 1, 0)
    with logger(version, MemorySink(), agents="flatten") as audit:
        acted(audit)
    (event,) = audit.sink.events
    assert event["actor"]["subject_type"] == "service" and "delegation" not in event
    assert {"/delegation", "/actor/subject_type"} <= {loss["path"] for loss in audit.losses()}
    with logger("2.1", MemorySink()) as audit:
        acted(audit)
        assert audit.sink.events[0]["attribution"]["level"] == "asserted"


def test_an_event_that_does_not_hold_3_0_is_refused_by_every_rule_it_breaks(who, what):
    with logger("2.1", MemorySink()) as audit, pytest.raises(SchemaError, match=r"schema 3\.0.*error_type"):
        audit.record("READ", actor=who, resource=what, status="DENIED")


@pytest.mark.parametrize(("setting", "value"), [("schema_version", "3.1"), ("schema_version", None), ("agents", "hide")])
def test_a_version_or_mode_that_is_none_is_refused(setting, value):
    with pytest.raises(ConfigError, match=setting):
        AuditConfig(service="s", **{setting: value})


def test_the_chain_goes_on_where_a_log_of_the_published_package_ended(tmp_path, root, who, what):
    path = tmp_path / "old.jsonl"
    lines = (root / "tests" / "cases" / "bh-audit-logger-2.0.0.jsonl").read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    for _ in range(2):
        with logger("2.0", JsonlSink(path)) as audit:
            receipt = audit.record("READ", actor=who, resource=what)
    assert path.read_bytes().startswith(b"".join(lines[:3]))
    assert (verify(path).verdict, verify(path).events) == (Verdict.CONSISTENT, 5)
    assert receipt.seq is None and receipt.event_hash == list(read_ledger(path))[-1]["integrity"]["event_hash"]


@pytest.mark.parametrize(("held", "wanted"), [("2.1", "3.0"), ("3.0", "2.1"), ("3.0", "1.0")])
def test_two_kinds_of_chain_do_not_mix_in_one_ledger(tmp_path, who, what, held, wanted):
    path = tmp_path / "audit.jsonl"
    with logger(held, JsonlSink(path)) as audit:
        audit.login(actor=who)
        late = JsonlSink(path)
        with pytest.raises(InputError, match=r"audit\.jsonl: holds events"):
            logger(wanted, late)
    kept = path.read_bytes()
    with pytest.raises(InputError, match="another ledger"):
        late.append({"event_id": "e", "schema_version": wanted})
    assert path.read_bytes() == kept


def test_of_two_writers_of_different_versions_that_begin_at_once_the_second_is_refused(tmp_path, who):
    path = tmp_path / "audit.jsonl"
    with logger("2.1", JsonlSink(path)) as one, logger("3.0", JsonlSink(path)) as two:
        one.login(actor=who)
        with pytest.raises(SinkError):
            two.login(actor=who)
        one.login(actor=who)
    assert (verify(path).verdict, verify(path).events) == (Verdict.CONSISTENT, 2)


@pytest.mark.parametrize("version", ["1.0", "2.1"])
def test_many_writers_that_rotate_make_one_chain(tmp_path, version):
    path = tmp_path / "audit.jsonl"
    code = (
        "import sys\nfrom bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink\n"
        "sink = JsonlSink(sys.argv[1], rotate_bytes=2000)\n"
        f"with AuditLogger(AuditConfig(service='s', schema_version='{version}'), sink=sink) as a:\n"
        "    for _ in range(60):\n        a.login(actor={'subject_id': 'u', 'subject_type': 'human'})\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = verify(path)
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 180, 1), found
    assert len(ledger_files(path)) > 10
    numbers = [int(file.name.split(".")[1]) for file in ledger_files(path)[:-1]]
    counts = [file.read_bytes().count(b"\n") for file in ledger_files(path)]
    assert numbers == [sum(counts[: at + 1]) - 1 for at in range(len(numbers))]


def test_threads_make_one_chain_and_count_every_loss(tmp_path, who, what):
    path = tmp_path / "audit.jsonl"
    with logger("1.1", JsonlSink(path)) as audit:
        threads = [
            threading.Thread(target=lambda: [audit.record("READ", actor=who, resource=what, **FULL) for _ in range(40)])
            for _ in range(4)
        ]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert audit.health()["schema_losses"] == 160
    assert (verify(path).verdict, verify(path).events) == (Verdict.CONSISTENT, 160)


def test_a_live_file_that_is_removed_shows_and_is_not_papered_over(tmp_path, who):
    path = tmp_path / "audit.jsonl"
    with logger("2.1", JsonlSink(path, rotate_bytes=1)) as audit:
        for _ in range(4):
            audit.login(actor=who)
        path.unlink()
        audit.login(actor=who)
    assert verify(path).faults[0].rule == "broken-link"


def test_it_is_pruned_and_goes_on(tmp_path, who):
    path = tmp_path / "audit.jsonl"
    for year in range(2015, 2023):
        with logger("2.1", JsonlSink(path, rotate_bytes=700)) as audit:
            audit.login(actor=who, timestamp=f"{year}-03-01T08:00:00.000Z")
    assert prune(path, "2019-01-01").removed == 4
    with logger("2.1", JsonlSink(path)) as audit:
        audit.login(actor=who)
    assert (verify(path).verdict, verify(path).events, verify(path).pruned) == (Verdict.CONSISTENT, 5, 4)


def test_a_queue_and_a_spool_deliver_it_too(tmp_path, flaky, who):
    with logger("1.1", flaky, delivery="queued", spool=tmp_path / "spool") as audit:
        audit.login(actor=who)
        flaky.broken = False
        assert audit.drain(10)
    (line,) = flaky.lines
    assert validate_event(parse_line(line), "1.1") == []


def test_a_trail_in_sql_of_an_older_version_is_exported_and_verifies_and_does_not_mix(tmp_path, who):
    pytest.importorskip("sqlalchemy")
    from bh_lib.emitters import export_ledger
    from bh_lib.emitters.sinks.sql import SqlSink

    url = f"sqlite:///{tmp_path / 'trail.db'}"
    for _ in range(2):
        with logger("2.1", SqlSink(url)) as audit:
            places = [audit.login(actor=who).seq for _ in range(3)]
    assert places == [3, 4, 5]
    done = export_ledger(SqlSink(url), tmp_path / "trail.jsonl")
    assert (done.events, done.reaches_head, verify(tmp_path / "trail.jsonl").verdict) == (6, True, Verdict.CONSISTENT)
    with logger("3.0", SqlSink(url)) as audit, pytest.raises(SinkError, match="InputError"):
        audit.login(actor=who)
    with logger("3.0", SqlSink(url, chain="other")) as audit:
        audit.login(actor=who)
    with logger("2.1", SqlSink(url, chain="other")) as audit, pytest.raises(SinkError, match="InputError"):
        audit.login(actor=who)


def test_the_published_packages_own_verifier_passes_what_is_written(tmp_path, who, what):
    if not PEERS.is_file():
        pytest.skip("the published packages are not installed (BH_PEERS_PYTHON names a Python that has them)")
    for version in ("1.1", "2.0", "2.1"):
        path = tmp_path / f"{version}.jsonl"
        with logger(version, JsonlSink(path)) as audit:
            act(audit, who, what)
        code = (
            "import json, sys\nfrom bh_audit_logger import verify_chain\n"
            "print(verify_chain([json.loads(line) for line in open(sys.argv[1], encoding='utf-8')]).result)"
        )
        done = subprocess.run([PEERS, "-c", code, path], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.strip() == "PASS"


texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(texts.filter(lambda key: key not in ("integrity", "schema_version")), values), min_size=1, max_size=4)
)
def test_whatever_an_event_holds_its_line_reads_back_and_verifies(tmp_path_factory, events):
    path, head, block = tmp_path_factory.mktemp("any") / "log.jsonl", new_chain(), b""
    for event in events:
        whole = {**event, "schema_version": "2.1"}
        line, head = link(whole, head)
        read = parse_line(line)
        assert head_after(read) == Head("", 0, head.event_hash)
        del read["integrity"]
        assert read == json.loads(json.dumps(whole))
        block += line
    path.write_bytes(block)
    assert (verify(path).verdict, verify(path).events) == (Verdict.CONSISTENT, len(events))
