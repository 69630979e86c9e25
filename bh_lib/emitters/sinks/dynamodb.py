"""A sink in a DynamoDB table: for Lambdas, whose disk is gone after the call.

One table with the keys ``pk`` (string) and ``sk`` (number). A chain's events are at ``chain#<name>`` and their place; its head at
``head#<name>`` and 0; an event id's mark at ``event#<id>`` and 0. One transaction puts the event and its mark and advances the
head from where the writer saw it: two writers can't fork the chain, and an event that comes twice is kept once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from typing import Any

from bh_lib._extras import require
from bh_lib.emitters.chain import GENESIS, Head, link
from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.errors import SinkError

__all__ = ["DynamoDbSink", "create_table"]

_ATTEMPTS = 50


class DynamoDbSink(Sink):
    """Append events to a DynamoDB table.

    Parameters
    ----------
    table : str
        Name of the table; `create_table` makes one.
    chain : str
        Name of the chain. All writers of one name share one chain.
    client : boto3 DynamoDB client, optional
        Where to; by default what boto3 finds in its environment.

    Raises
    ------
    MissingExtraError
        If no client is given and boto3 is not installed.
    """

    name = "dynamodb"

    def __init__(self, table: str, *, chain: str = "main", client: Any = None) -> None:
        super().__init__()
        self._client = require("boto3", extra="dynamodb").client("dynamodb") if client is None else client
        self._table, self._chain = table, chain
        self._known: Head | None = None

    def append(self, event: dict[str, Any]) -> Receipt:
        """Link, put and advance in one transaction. An event id that is there already gives the receipt it got then.

        Raises
        ------
        SinkError
            If other writers take the head too many times in a row.
        """
        for attempt in range(_ATTEMPTS):
            with self._lock:
                seen = self._known or self._read_head()
                line, head = link(event, seen)
                try:
                    self._client.transact_write_items(TransactItems=self._items(event, line, seen, head))
                except self._client.exceptions.TransactionCanceledException as error:
                    self._known = None
                    # In the order of the items: event, mark, head. Throttling and clashing transactions come here too.
                    reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
                    if reasons[1:2] == ["ConditionalCheckFailed"]:
                        return self._receipt(event["event_id"])
                else:
                    self._known = head
                    return Receipt(event["event_id"], head.seq, head.event_hash)
            time.sleep(random.random() * min(0.5, 0.005 * 2**attempt))  # noqa: S311  spreads writers, guards nothing
        raise SinkError(f"the chain's head was taken by other writers {_ATTEMPTS} times in a row")

    def write(self, line: bytes) -> None:  # noqa: ARG002  (the protocol's shape)
        """Not used: `append` writes a line and the chain's head together."""
        raise SinkError("this sink keeps a line together with its chain's head: call append")

    def lines(self) -> Iterable[bytes]:
        """The chain's ledger lines in order: write them to a file, and `verify` that."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :chain",
            ExpressionAttributeValues={":chain": {"S": f"chain#{self._chain}"}},
        )
        for page in pages:
            for item in page["Items"]:
                yield item["line"]["S"].encode() + b"\n"

    def holds(self, event_ids: Iterable[str]) -> set[str]:
        """Which of these events are in the table."""
        return {event_id for event_id in event_ids if self._get(f"event#{event_id}") is not None}

    def _items(self, event: dict[str, Any], line: bytes, seen: Head, head: Head) -> list[dict[str, Any]]:
        place = {"seq": {"N": str(head.seq)}, "event_hash": {"S": head.event_hash}}
        fresh = "attribute_not_exists(pk)"
        row = {"pk": {"S": f"chain#{self._chain}"}, "sk": {"N": str(head.seq)}, "line": {"S": line[:-1].decode()}}
        mark = {"pk": {"S": f"event#{event['event_id']}"}, "sk": {"N": "0"}, **place}
        top: dict[str, Any] = {"TableName": self._table, "Item": {"pk": {"S": f"head#{self._chain}"}, "sk": {"N": "0"}, **place}}
        if seen.seq < 0:
            top["ConditionExpression"] = fresh
        else:
            top["ConditionExpression"] = "seq = :seq AND event_hash = :hash"
            top["ExpressionAttributeValues"] = {":seq": {"N": str(seen.seq)}, ":hash": {"S": seen.event_hash}}
        return [
            {"Put": {"TableName": self._table, "Item": row, "ConditionExpression": fresh}},
            {"Put": {"TableName": self._table, "Item": mark, "ConditionExpression": fresh}},
            {"Put": top},
        ]

    def _read_head(self) -> Head:
        item = self._get(f"head#{self._chain}")
        return Head(self._chain, int(item["seq"]["N"]), item["event_hash"]["S"]) if item else Head(self._chain, -1, GENESIS)

    def _receipt(self, event_id: str) -> Receipt:
        item = self._get(f"event#{event_id}")
        if item is None:
            raise SinkError(f"event {event_id} was there a moment ago and is gone: the table is being changed")
        return Receipt(event_id, int(item["seq"]["N"]), item["event_hash"]["S"])

    def _get(self, key: str) -> dict[str, Any] | None:
        answer = self._client.get_item(TableName=self._table, Key={"pk": {"S": key}, "sk": {"N": "0"}}, ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    def _after_fork(self) -> None:
        super()._after_fork()
        self._known = None


def create_table(client: Any, table: str) -> None:
    """Make a table with the keys that `DynamoDbSink` needs, billed by request, with point-in-time recovery left to you."""
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=table)
