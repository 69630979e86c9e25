"""A sink in a SQL database, through SQLAlchemy Core: SQLite embedded, PostgreSQL, or another that it speaks to.

Two tables: ``<table>`` with one row an event, keyed by chain and place, unique by event id; and ``<table>_head``, one row a chain.
An event's row and the head's advance are one transaction, and the head advances only from where the writer saw it: two writers
can't fork a chain, and a crash leaves both or neither.

A writer needs no right to change what is written. Make the tables once with a role that may (`SqlSink.prepare`), then::

    GRANT SELECT, INSERT ON audit_event TO writer;
    GRANT SELECT, UPDATE ON audit_event_head TO writer;     -- and INSERT, if it shall begin chains
    GRANT SELECT ON audit_event, audit_event_head TO auditor;
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from bh_lib._extras import require
from bh_lib.emitters.chain import GENESIS, Head, link, parse_line
from bh_lib.emitters.published import is_published, is_published_version
from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.emitters.sinks.database import connect, fault_of, has_transactions, tables_named
from bh_lib.emitters.sinks.hush import Hush
from bh_lib.errors import ConfigError, SinkError

__all__ = ["SqlSink"]

_ATTEMPTS = 50
_PAGE = 1000
_hush = Hush("sqlalchemy", "psycopg", "sqlite3")
_Result = TypeVar("_Result")


class SqlSink(Sink):
    """Append events to a SQL table.

    No connection is made before the first event: an application starts, and spools, while its database is down. The tables
    are made with the first event where they are missing.

    Parameters
    ----------
    database : str or sqlalchemy.Engine
        A URL such as ``sqlite:///audit.db`` or ``postgresql://…``, or an engine of yours (with transactions: not AUTOCOMMIT).
    chain : str
        Name of the chain. All writers of one name share one chain.
    table : str
        Name of the events' table.
    timeout : float
        Seconds that an event may wait for a connection, a lock or an answer before the sink gives up; an engine of yours
        brings its own limits. PostgreSQL also ends a transaction that idles for so long, so that a writer which is stopped
        in the middle of one holds the others up no longer than that.

    Raises
    ------
    MissingExtraError
        If SQLAlchemy or the database's driver is not installed.
    ConfigError
        If the table's name is not letters, digits and underscores, or the URL is none.

    Examples
    --------
    >>> sink = SqlSink("sqlite://")
    >>> sink.append({"event_id": "e1"}).seq, sink.append({"event_id": "e1"}).seq, sink.append({"event_id": "e2"}).seq
    (0, 0, 1)
    >>> [line.decode()[:16] for line in sink.lines()]
    ['{"event_id":"e1"', '{"event_id":"e2"']
    """

    name = "sql"
    slow = True

    def __init__(self, database: Any, *, chain: str = "main", table: str = "audit_event", timeout: float = 10.0) -> None:
        if not table.isidentifier() or not table.isascii():
            raise ConfigError("is letters, digits and underscores", place="table")
        if not 1 <= timeout <= 3600:
            raise ConfigError("is 1 to 3600 seconds", place="timeout")
        super().__init__()
        self._sql = require("sqlalchemy", extra="sql")
        self._errors = require("sqlalchemy.exc", extra="sql").SQLAlchemyError
        self._owned = isinstance(database, str)
        self._engine = connect(database, timeout) if isinstance(database, str) else database
        self._chain, self._timeout = chain, timeout
        self._events, self._heads = tables_named(table)
        self._ready = False
        self._published: bool | None = None

    def prepare(self) -> None:
        """Make the tables and the chain's head where they are missing. `append` does it too, where its role may.

        Raises
        ------
        SinkError
            If the database can't be reached, or the role may not.
        """
        self._writing(lambda _: None)

    def append(self, event: dict[str, Any]) -> Receipt:
        """Link, insert and advance in one transaction. An event id that is there already gives the receipt it got then.

        Raises
        ------
        SinkError
            If the database refuses, can't be reached, or other writers hold the head for too long. Where the connection
            broke during the commit, the event may be kept all the same: append it again, it is kept once.
        """
        return self._writing(lambda connection: self._add(connection, [event])[-1])

    def append_many(self, events: Sequence[dict[str, Any]]) -> int:
        """Append a batch in one transaction: all of it or, if that raises, none of it."""
        if events:
            self._writing(lambda connection: self._add(connection, events))
        return len(events)

    def write(self, line: bytes) -> None:  # noqa: ARG002  (the protocol's shape)
        """Not used: `append` writes a line and the chain's head together."""
        raise SinkError("this sink keeps a line together with its chain's head: call append")

    def lines(self) -> Iterator[bytes]:
        """The chain's ledger lines in order, streamed: `bh_lib.emitters.export_ledger` writes them to a file to verify."""
        sql, events = self._sql, self._events
        query = sql.select(events.c.line).where(events.c.chain_id == self._chain).order_by(events.c.seq)
        connection = self._once(self._engine.connect)
        try:
            # Executed as a stream: on PostgreSQL a cursor of the server's.
            rows = self._once(lambda: connection.execution_options(yield_per=_PAGE).execute(query))
            while page := self._once(lambda: rows.fetchmany(_PAGE)):
                for (line,) in page:
                    yield line.encode() + b"\n"
        finally:
            self._once(connection.close)

    def head(self) -> Head:
        """Where the chain stands, as its head's row says."""
        return self._retrying(self._stand)

    def holds(self, event_ids: Iterable[str]) -> set[str]:
        """Which of these events are in the table."""
        wanted, column = list(event_ids), self._events.c.event_id

        def find(connection: Any) -> set[str]:
            found: set[str] = set()
            for start in range(0, len(wanted), 500):
                query = self._sql.select(column).where(column.in_(wanted[start : start + 500]))
                found.update(connection.execute(query).scalars())
            return found

        return self._writing(find)

    def close(self) -> None:
        """Give connections back, where the engine is ours."""
        if self._owned:
            self._once(self._engine.dispose)

    def _once(self, work: Callable[[], _Result]) -> _Result:
        """Call the driver, silently; its errors quote rows, so none of them goes further than here."""
        with _hush:
            try:
                return work()
            except self._errors as error:
                fault = fault_of(error)
        raise SinkError(fault.words)

    def _retrying(self, work: Callable[[Any], _Result]) -> _Result:
        """Do it in one transaction. Another writer may win the head, or the connection break: then look again.

        A second try can't keep an event twice, whatever became of the first: the event's id is looked up under the head's lock.
        """
        deadline, broken = time.monotonic() + self._timeout, False
        for attempt in range(_ATTEMPTS):
            try:
                with _hush, self._lock, self._engine.begin() as connection:
                    return work(connection)
            except self._errors as error:
                fault = fault_of(error)
            except _Overtaken:
                fault = fault_of(None)
            if fault.broken and not broken:
                # A server that was started anew has cut every pooled connection: this one event needs a fresh one.
                broken = True
                continue
            if not fault.passing or time.monotonic() >= deadline:
                break
            time.sleep(random.random() * min(0.1, 0.002 * 2**attempt))  # noqa: S311  spreads writers, guards nothing
        raise SinkError(fault.words)

    def _writing(self, work: Callable[[Any], _Result]) -> _Result:
        """The same, with the tables and the head made first where they are missing."""
        if self._ready:
            return self._retrying(work)
        done = self._retrying(lambda connection: work(self._make(connection)))
        self._ready = True
        return done

    def _make(self, connection: Any) -> Any:
        sql, heads = self._sql, self._heads
        if not has_transactions(connection):
            raise ConfigError("has transactions: AUTOCOMMIT would part an event from its chain's head", place="database")
        heads.metadata.create_all(connection)
        if connection.execute(sql.select(heads.c.seq).where(heads.c.chain_id == self._chain)).one_or_none() is None:
            connection.execute(sql.insert(heads).values(chain_id=self._chain, seq=-1, event_hash=GENESIS))
        return connection

    def _stand(self, connection: Any) -> Head:
        heads = self._heads
        query = self._sql.select(heads.c.seq, heads.c.event_hash).where(heads.c.chain_id == self._chain)
        row = connection.execute(query).one_or_none()
        return Head(self._chain, -1, GENESIS) if row is None else Head(self._chain, *row)

    def _add(self, connection: Any, events: Sequence[dict[str, Any]]) -> list[Receipt]:
        sql, heads, table = self._sql, self._heads, self._events
        # First an update that changes nothing: it takes the row's lock (SQLite: the file's), so that reading the head is safe.
        here = heads.c.chain_id == self._chain
        connection.execute(sql.update(heads).where(here).values(seq=heads.c.seq))
        start = self._stand(connection)
        head = start._replace(chain_id="") if self._is_published(connection, start, events[0]) else start
        query = sql.select(table.c.event_id, table.c.seq, table.c.event_hash)
        held = {
            row.event_id: Receipt(*row)
            for row in connection.execute(query.where(table.c.event_id.in_([e["event_id"] for e in events])))
        }
        rows, receipts = [], []
        for event in events:
            receipt = held.get(event["event_id"])
            if receipt is None:
                line, head = link(event, head)
                receipt = held[event["event_id"]] = Receipt(event["event_id"], head.seq, head.event_hash)
                rows.append({**head._asdict(), "chain_id": self._chain, "event_id": event["event_id"], "line": line[:-1].decode()})
            receipts.append(receipt)
        if rows:
            connection.execute(sql.insert(table), rows)
            moved = sql.update(heads).where(here, heads.c.seq == start.seq).values(seq=head.seq, event_hash=head.event_hash)
            if connection.execute(moved).rowcount != 1:
                raise _Overtaken
        return receipts

    def _is_published(self, connection: Any, head: Head, event: dict[str, Any]) -> bool:
        """Whether the chain is one of a version below 3.0: the head's row doesn't say, its event does."""
        if self._published is None and head.seq >= 0:
            table = self._events
            query = self._sql.select(table.c.line).where(table.c.chain_id == self._chain, table.c.seq == head.seq)
            line = connection.execute(query).scalar_one_or_none()
            block = None if line is None else parse_line(line.encode()).get("integrity")
            if isinstance(block, dict):
                self._published = is_published(block)
        return is_published_version(event.get("schema_version")) if self._published is None else self._published

    def _after_fork(self) -> None:
        super()._after_fork()
        # The parent's connections are its own: the child must not even close them. A database in memory was copied with it.
        if self._engine.pool.__class__.__name__ != "StaticPool":
            self._engine.dispose(close=False)


class _Overtaken(Exception):  # noqa: N818  (control flow: another writer was first)
    pass
