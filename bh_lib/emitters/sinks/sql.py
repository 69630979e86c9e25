"""A sink in a SQL database, through SQLAlchemy Core: SQLite embedded, PostgreSQL, or another that it speaks to.

Two tables: ``<table>`` with one row an event, keyed by chain and place, unique by event id; and ``<table>_head``, one row a chain.
An event's row and the head's advance are one transaction, and the head advances only from where the writer saw it: two writers
can't fork a chain, and a crash leaves both or neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bh_lib._extras import require
from bh_lib.emitters.chain import GENESIS, Head, link
from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.errors import ConfigError, SinkError

__all__ = ["SqlSink"]

_ATTEMPTS = 50


class SqlSink(Sink):
    """Append events to a SQL table.

    Parameters
    ----------
    database : str or sqlalchemy.Engine
        A URL such as ``sqlite:///audit.db`` or ``postgresql+psycopg://…``, or an engine of yours.
    chain : str
        Name of the chain. All writers of one name share one chain.
    table : str
        Name of the events' table; both tables are made if they are missing.

    Raises
    ------
    MissingExtraError
        If SQLAlchemy is not installed.
    ConfigError
        If the table's name is not letters, digits and underscores.

    Examples
    --------
    >>> sink = SqlSink("sqlite://")
    >>> sink.append({"event_id": "e1"}).seq, sink.append({"event_id": "e1"}).seq, sink.append({"event_id": "e2"}).seq
    (0, 0, 1)
    >>> [line.decode()[:16] for line in sink.lines()]
    ['{"event_id":"e1"', '{"event_id":"e2"']
    """

    name = "sql"

    def __init__(self, database: Any, *, chain: str = "main", table: str = "audit_event") -> None:
        if not table.isidentifier() or not table.isascii():
            raise ConfigError("is letters, digits and underscores", place="table")
        super().__init__()
        self._sql = sql = require("sqlalchemy", extra="sql")
        # Parameters would show in the engine's error messages and echo.
        self._owned = isinstance(database, str)
        self._engine = sql.create_engine(database, hide_parameters=True) if self._owned else database
        self._chain = chain
        self._conflict = require("sqlalchemy.exc", extra="sql").IntegrityError
        self._busy = require("sqlalchemy.exc", extra="sql").OperationalError
        metadata = sql.MetaData()
        self._events = sql.Table(
            table,
            metadata,
            sql.Column("chain_id", sql.String(128), primary_key=True),
            sql.Column("seq", sql.BigInteger, primary_key=True, autoincrement=False),
            sql.Column("event_id", sql.String(36), nullable=False, unique=True),
            sql.Column("event_hash", sql.String(64), nullable=False),
            sql.Column("line", sql.Text, nullable=False),
        )
        self._heads = sql.Table(
            f"{table}_head",
            metadata,
            sql.Column("chain_id", sql.String(128), primary_key=True),
            sql.Column("seq", sql.BigInteger, nullable=False),
            sql.Column("event_hash", sql.String(64), nullable=False),
        )
        metadata.create_all(self._engine)
        self._make_head()

    def append(self, event: dict[str, Any]) -> Receipt:
        """Link, insert and advance in one transaction. An event id that is there already gives the receipt it got then."""
        receipt: Receipt = self._retrying(lambda connection: self._add(connection, [event])[-1])
        return receipt

    def append_many(self, events: Sequence[dict[str, Any]]) -> int:
        """Append a batch in one transaction: all of it or, if that raises, none of it."""
        if events:
            self._retrying(lambda connection: self._add(connection, events))
        return len(events)

    def write(self, line: bytes) -> None:  # noqa: ARG002  (the protocol's shape)
        """Not used: `append` writes a line and the chain's head together."""
        raise SinkError("this sink keeps a line together with its chain's head: call append")

    def lines(self) -> Iterable[bytes]:
        """The chain's ledger lines in order: write them to a file, and `verify` that."""
        sql, events = self._sql, self._events
        query = sql.select(events.c.line).where(events.c.chain_id == self._chain).order_by(events.c.seq)
        with self._engine.connect() as connection:
            for (line,) in connection.execution_options(yield_per=1000).execute(query):
                yield line.encode() + b"\n"

    def holds(self, event_ids: Iterable[str]) -> set[str]:
        """Which of these events are in the table."""
        found: set[str] = set()
        wanted = list(event_ids)
        column = self._events.c.event_id
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), 500):
                query = self._sql.select(column).where(column.in_(wanted[start : start + 500]))
                found.update(connection.execute(query).scalars())
        return found

    def close(self) -> None:
        """Give connections back, where the engine is ours."""
        if self._owned:
            self._engine.dispose()

    def _retrying(self, work: Any) -> Any:
        """Another writer may win the head, or hold SQLite's file: then see the new head and try again."""
        for _ in range(_ATTEMPTS):
            try:
                with self._lock, self._engine.begin() as connection:
                    return work(connection)
            except (self._conflict, _Overtaken):
                continue
            except self._busy as error:
                if "locked" not in str(error.orig):
                    raise SinkError("the database can't be reached") from None
        raise SinkError(f"the chain's head was taken by other writers {_ATTEMPTS} times in a row")

    def _add(self, connection: Any, events: Sequence[dict[str, Any]]) -> list[Receipt]:
        sql, heads, table = self._sql, self._heads, self._events
        # First an update that changes nothing: it takes the row's lock (SQLite: the file's), so that reading the head is safe.
        here = heads.c.chain_id == self._chain
        connection.execute(sql.update(heads).where(here).values(seq=heads.c.seq))
        seq, digest = connection.execute(sql.select(heads.c.seq, heads.c.event_hash).where(here)).one()
        start = head = Head(self._chain, seq, digest)
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
                rows.append({**head._asdict(), "event_id": event["event_id"], "line": line[:-1].decode()})
            receipts.append(receipt)
        if rows:
            connection.execute(sql.insert(table), rows)
            moved = sql.update(heads).where(here, heads.c.seq == start.seq).values(seq=head.seq, event_hash=head.event_hash)
            if connection.execute(moved).rowcount != 1:
                raise _Overtaken
        return receipts

    def _make_head(self) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(self._sql.insert(self._heads).values(chain_id=self._chain, seq=-1, event_hash=GENESIS))
        except self._conflict:
            pass  # the chain is there: it goes on

    def _after_fork(self) -> None:
        super()._after_fork()
        # The parent's connections are its own: the child must not even close them.
        if self._owned:
            self._engine.dispose(close=False)


class _Overtaken(Exception):  # noqa: N818  (control flow: another writer was first)
    pass
