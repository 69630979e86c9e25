"""A sink in a DynamoDB table: for Lambdas, whose disk is gone after the call.

One table with the keys ``pk`` (string) and ``sk`` (number). A chain's events are at ``chain#<name>`` and their place; its head at
``head#<name>`` and 0; an event id's mark at ``event#<id>`` and 0. One transaction puts the event and its mark and advances the
head from where the writer saw it: two writers can't fork the chain, and an event that comes twice is kept once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from bh_lib._extras import require
from bh_lib.emitters.chain import GENESIS, Head, link, parse_line
from bh_lib.emitters.published import is_published, is_published_version
from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.emitters.sinks.hush import Hush
from bh_lib.errors import SinkError

__all__ = ["DynamoDbSink", "create_table"]

_ATTEMPTS = 50
_PAGE = 100
_hush = Hush("botocore", "boto3", "urllib3")
_Result = TypeVar("_Result")
# What a cancelled transaction may say of an item where the same may succeed in a moment; "None" is said of the others.
_PASSING = {"None", None, "ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


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
    slow = True

    def __init__(self, table: str, *, chain: str = "main", client: Any = None) -> None:
        super().__init__()
        self._client = require("boto3", extra="dynamodb").client("dynamodb") if client is None else client
        self._table, self._chain = table, chain
        self._known: Head | None = None
        self._published: bool | None = None

    def append(self, event: dict[str, Any]) -> Receipt:
        """Link, put and advance in one transaction. An event id that is there already gives the receipt it got then.

        Raises
        ------
        SinkError
            If the table refuses, can't be reached, or other writers take the head too many times in a row. Where no answer came,
            the event may be kept all the same: append it again, it is kept once.
        """
        for attempt in range(_ATTEMPTS):
            with self._lock:
                seen = self._known or self._read_head()
                self._known = None
                line, head = link(event, seen._replace(chain_id="") if self._is_published(seen, event) else seen)
                head = head._replace(chain_id=self._chain)
                items = self._items(event, line, seen, head)
                if (reasons := self._transact(items)) is None:
                    self._known = head
                    return Receipt(event["event_id"], head.seq, head.event_hash)
                # In the order of the items: event, mark, head.
                if reasons[1:2] == ["ConditionalCheckFailed"]:
                    return self._receipt(event["event_id"])
                if not _PASSING.issuperset(reasons):
                    told = ", ".join(sorted({str(reason) for reason in reasons} - {"None"}))
                    raise SinkError(f"the table refused: {told}")
            time.sleep(random.random() * min(0.5, 0.005 * 2**attempt))  # noqa: S311  spreads writers, guards nothing
        raise SinkError(f"the chain's head was taken by other writers {_ATTEMPTS} times in a row")

    def _transact(self, items: list[dict[str, Any]]) -> list[str | None] | None:
        """None when it is done, else why it was cancelled. Throttling and clashing transactions come here too."""

        def ask() -> list[str | None] | None:
            try:
                # The client gives each call a token: its own retries after a lost answer are one transaction.
                self._client.transact_write_items(TransactItems=items)
            except self._client.exceptions.TransactionCanceledException as error:
                return [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            return None

        return _asked(ask)

    def write(self, line: bytes) -> None:  # noqa: ARG002  (the protocol's shape)
        """Not used: `append` writes a line and the chain's head together."""
        raise SinkError("this sink keeps a line together with its chain's head: call append")

    def lines(self) -> Iterator[bytes]:
        """The chain's ledger lines in order, streamed: `bh_lib.emitters.export_ledger` writes them to a file to verify."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :chain",
            ExpressionAttributeValues={":chain": {"S": f"chain#{self._chain}"}},
        )
        turning = iter(pages)
        while page := _asked(lambda: next(turning, None)):
            for item in page["Items"]:
                yield item["line"]["S"].encode() + b"\n"

    def head(self) -> Head:
        """Where the chain stands, as its head's item says."""
        return self._read_head()

    def holds(self, event_ids: Iterable[str]) -> set[str]:
        """Which of these events are in the table."""
        wanted, found = sorted(set(event_ids)), set[str]()
        for start in range(0, len(wanted), _PAGE):
            keys = [{"pk": {"S": f"event#{event_id}"}, "sk": {"N": "0"}} for event_id in wanted[start : start + _PAGE]]
            asked: Any = {self._table: {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "pk"}}
            while asked:
                answer = _asked(lambda asked=asked: self._client.batch_get_item(RequestItems=asked))  # type: ignore[misc]
                found.update(item["pk"]["S"].removeprefix("event#") for item in answer["Responses"].get(self._table, []))
                asked = answer.get("UnprocessedKeys")
        return found

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

    def _is_published(self, head: Head, event: dict[str, Any]) -> bool:
        """Whether the chain is one of a version below 3.0: the head's item doesn't say, its event does."""
        if self._published is None and head.seq >= 0:
            item = self._get(f"chain#{self._chain}", head.seq)
            block = None if item is None else parse_line(item["line"]["S"].encode()).get("integrity")
            if isinstance(block, dict):
                self._published = is_published(block)
        return is_published_version(event.get("schema_version")) if self._published is None else self._published

    def _receipt(self, event_id: str) -> Receipt:
        item = self._get(f"event#{event_id}")
        if item is None:
            raise SinkError(f"event {event_id} was there a moment ago and is gone: the table is being changed")
        return Receipt(event_id, int(item["seq"]["N"]), item["event_hash"]["S"])

    def _get(self, key: str, number: int = 0) -> dict[str, Any] | None:
        place = {"pk": {"S": key}, "sk": {"N": str(number)}}
        answer = _asked(lambda: self._client.get_item(TableName=self._table, Key=place, ConsistentRead=True))
        item: dict[str, Any] | None = answer.get("Item")
        return item

    def _after_fork(self) -> None:
        super()._after_fork()
        self._known = None


def _asked(work: Callable[[], _Result]) -> _Result:
    """Call the client, silently: at DEBUG it logs what it sends. Its errors may quote an item; only their code goes further."""
    with _hush:
        try:
            return work()
        except Exception as error:  # noqa: BLE001  the client's errors have no base that is known without the client's library
            response = getattr(error, "response", None)
            code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
            told = f"the table refused: {code}" if code else f"the table can't be reached ({type(error).__name__})"
    raise SinkError(told)


def create_table(client: Any, table: str) -> None:
    """Make a table with the keys that `DynamoDbSink` needs, billed by request, with point-in-time recovery left to you."""
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=table)
