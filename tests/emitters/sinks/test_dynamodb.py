"""The DynamoDB sink, on moto: one chain for all writers, one item an event id."""

from __future__ import annotations

import pytest

from bh_lib.emitters import Verdict, verify
from bh_lib.emitters.sinks.dynamodb import DynamoDbSink, create_table

boto3 = pytest.importorskip("boto3")
moto = pytest.importorskip("moto")


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
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            sink.append({"event_id": "e1"})
    assert sink.append({"event_id": "e1"}).seq == 1
