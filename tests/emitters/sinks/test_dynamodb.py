"""The DynamoDB sink, on moto: one chain for all writers, one item an event id."""

from __future__ import annotations

import io
import json
import threading
import traceback

import pytest

pytest.importorskip("boto3")
pytest.importorskip("moto")

import boto3
import moto
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from bh_lib.emitters import AuditConfig, AuditLogger, Exported, Verdict, export_ledger, verify
from bh_lib.emitters.sinks.dynamodb import DynamoDbSink, create_table
from bh_lib.errors import SinkError


@pytest.fixture
def client(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "audit")
        yield client


def test_writers_of_one_chain_take_turns_and_never_fork(client, tmp_path):
    one, two = DynamoDbSink("audit", client=client), DynamoDbSink("audit", client=client)
    places = [sink.append({"event_id": f"e{number}"}).seq for number, sink in enumerate([one, two, two, one, two, one])]
    assert places == [0, 1, 2, 3, 4, 5]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(one.lines()))
    found = verify(path)
    assert (found.verdict, found.events) == (Verdict.CONSISTENT, 6)


def test_an_event_that_comes_twice_is_kept_once_and_gets_its_first_receipt(client):
    sink = DynamoDbSink("audit", client=client)
    first = sink.append({"event_id": "e0"})
    sink.append({"event_id": "e1"})
    assert sink.append({"event_id": "e0"}) == DynamoDbSink("audit", client=client).append({"event_id": "e0"}) == first
    assert len(list(sink.lines())) == 2
    assert sink.holds(["e1", "e9"]) == {"e1"}


def test_chains_of_one_table_are_apart(client):
    sinks = [DynamoDbSink("audit", chain=chain, client=client) for chain in ("north", "south")]
    assert [sink.append({"event_id": f"e{number}"}).seq for number, sink in enumerate(sinks * 2)] == [0, 0, 1, 1]


def test_a_table_that_fails_moves_no_head(client, monkeypatch):
    sink = DynamoDbSink("audit", client=client)
    sink.append({"event_id": "e0"})
    with monkeypatch.context() as patch:
        patch.setattr(sink, "_table", "nowhere")
        with pytest.raises(SinkError, match="ResourceNotFoundException"):
            sink.append({"event_id": "e1"})
    assert sink.append({"event_id": "e1"}).seq == 1


def test_threads_on_one_chain_never_fork(client, tmp_path, monkeypatch):
    # The service runs each transaction alone; moto copies its tables about and needs to be held to that.
    alone, real = threading.Lock(), client.transact_write_items

    def transact(**words):
        with alone:
            return real(**words)

    monkeypatch.setattr(client, "transact_write_items", transact)
    sinks = [DynamoDbSink("audit", client=client) for _ in range(4)]
    failures = []

    def write(sink, name):
        try:
            for number in range(10):
                sink.append({"event_id": f"{name}-{number}"})
        except SinkError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(sinks[number % 4], number)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert export_ledger(sinks[0], tmp_path / "a.jsonl") == Exported(60, True)
    found = verify(tmp_path / "a.jsonl")
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 60, 1)


def answer(code, reasons=None):
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "the item holds Zanzibar"}
    if reasons:
        body["CancellationReasons"] = [{"Code": reason, "Message": "Zanzibar"} for reason in reasons]
    raw = io.BytesIO(json.dumps(body).encode())
    raw.stream = lambda *_, **__: iter([raw.getvalue()])
    return AWSResponse("https://dynamodb.us-east-1.amazonaws.com", 400, {"content-type": "application/x-amz-json-1.0"}, raw)


def refusing(client, operation, *answers):
    """Let the client get these answers, one after another, instead of the service's."""
    left = list(answers)
    client.meta.events.register_first(f"before-send.dynamodb.{operation}", lambda **_: left.pop(0) if left else None)
    return left


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ProvisionedThroughputExceededException", "TransactionInProgressException"]
)
def test_throttling_is_waited_out(client, code):
    sink = DynamoDbSink("audit", client=client)
    sink.append({"event_id": "e0"})
    left = refusing(client, "TransactWriteItems", answer(code), answer(code))
    assert sink.append({"event_id": "e1"}).seq == 1
    assert left == []


@pytest.mark.parametrize("reason", ["ThrottlingError", "TransactionConflict", "ProvisionedThroughputExceeded"])
def test_a_transaction_cancelled_in_passing_is_tried_again(client, reason):
    sink = DynamoDbSink("audit", client=client)
    left = refusing(client, "TransactWriteItems", *[answer("TransactionCanceledException", ["None", "None", reason])] * 3)
    assert sink.append({"event_id": "e0"}).seq == 0
    assert left == []


def test_a_transaction_that_can_never_succeed_is_told_at_once_and_quotes_nothing(client, caplog):
    caplog.set_level(0)
    sink = DynamoDbSink("audit", client=client)
    refusing(client, "TransactWriteItems", answer("TransactionCanceledException", ["ValidationError", "None", "None"]))
    with pytest.raises(SinkError, match="ValidationError") as caught:
        sink.append({"event_id": "e0"})
    assert caught.value.__context__ is None
    assert "Zanzibar" not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert sink.append({"event_id": "e0"}).seq == 0


def test_a_transaction_whose_answer_was_lost_is_not_repeated(client, monkeypatch):
    sink, real = DynamoDbSink("audit", client=client), client.transact_write_items

    def lost(**words):
        real(**words)
        raise ReadTimeoutError(endpoint_url="x")

    with monkeypatch.context() as patch:
        patch.setattr(client, "transact_write_items", lost)
        with pytest.raises(SinkError, match="ReadTimeoutError"):
            sink.append({"event_id": "e0"})
    assert sink.append({"event_id": "e0"}).seq == 0
    assert sink.append({"event_id": "e1"}).seq == 1
    assert len(list(sink.lines())) == 2


@pytest.mark.parametrize("policy", ["raise", "spool", "drop"])
def test_each_policy_holds_while_the_table_is_away(client, tmp_path, monkeypatch, policy):
    sink = DynamoDbSink("audit", client=client)
    spool = tmp_path / "spool" if policy == "spool" else None
    audit = AuditLogger(AuditConfig(service="s", on_failure=policy, spool=spool), sink=sink)
    words = {"actor": {"subject_id": "u", "subject_type": "human"}, "resource": {"type": "Note"}}
    recorded, refused = [audit.record("READ", **words).event_id], 0

    def away(**_):
        raise EndpointConnectionError(endpoint_url="x")

    with monkeypatch.context() as patch:
        for operation in ("transact_write_items", "get_item", "batch_get_item"):
            patch.setattr(client, operation, away)
        for _ in range(3):
            try:
                recorded.append(audit.record("READ", **words).event_id)
            except SinkError:
                refused += 1
    assert audit.drain()
    recorded.append(audit.record("READ", **words).event_id)
    kept = [json.loads(line)["event_id"] for line in sink.lines()]
    health = audit.health()
    assert (refused, health["dropped"]) == {"raise": (3, 0), "spool": (0, 0), "drop": (0, 3)}[policy]
    assert kept == (recorded if policy == "spool" else [recorded[0], recorded[-1]])


def test_a_look_for_many_ids_takes_a_hundred_at_a_time(client):
    sink = DynamoDbSink("audit", client=client)
    for number in range(3):
        sink.append({"event_id": f"e{number}"})
    assert sink.holds(f"e{number}" for number in range(250)) == {"e0", "e1", "e2"}
