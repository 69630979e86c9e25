"""What the SQL sink knows of databases: how to open one safely, its two tables, and what its errors mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bh_lib._extras import require
from bh_lib.errors import ConfigError, MissingExtraError

__all__ = ["DatabaseFault", "connect", "fault_of", "has_transactions", "tables_named"]

# PostgreSQL: serialization failure, deadlock. SQLite names its own.
_PASSING_STATES = frozenset({"40001", "40P01"})
# A table or its type that two writers make at once: PostgreSQL reports either.
_THERE_ALREADY = frozenset({"42P07", "42710"})
_PASSING_NAMES = ("SQLITE_BUSY", "SQLITE_LOCKED")
_DISK, _LOCKED, _READ_ONLY = "its disk is full", "it is locked by another for too long", "it is read-only here"
_MEANINGS = {
    "42501": "this role may not: see the grants in bh_lib.emitters.sinks.sql",
    "42P01": "there is no such table: SqlSink.prepare makes it",
    "25006": _READ_ONLY,
    "SQLITE_READONLY": _READ_ONLY,
    "53100": _DISK,
    "SQLITE_FULL": _DISK,
    "55P03": _LOCKED,
    "SQLITE_BUSY": _LOCKED,
    "57014": "it took too long to answer",
    "57P03": "it is starting up or shutting down",
}


@dataclass(frozen=True, slots=True)
class DatabaseFault:
    """What went wrong, in words that hold no value.

    Parameters
    ----------
    words : str
        What went wrong.
    passing : bool
        Whether the same may succeed in a moment.
    broken : bool
        Whether the connection broke.
    """

    words: str
    passing: bool = False
    broken: bool = False


def fault_of(error: Any) -> DatabaseFault:
    """Read an error of SQLAlchemy: its class and the database's code for it, never its text, which may quote a row.

    Parameters
    ----------
    error : sqlalchemy.exc.SQLAlchemyError or None
        The error; None where another writer advanced the head in between.

    Examples
    --------
    >>> fault_of(None).words
    "other writers took the chain's head again and again"
    """
    if error is None:
        return DatabaseFault("other writers took the chain's head again and again", passing=True)
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    kind = type(error).__name__
    if code == "SQLITE_ERROR" and "no such table" in str(cause):
        code = "42P01"  # as PostgreSQL calls it: SQLite has one code for many faults
    if code is not None:
        words = f"the database refused: {_MEANINGS[code]} ({code})" if code in _MEANINGS else f"the database refused: {code}"
    else:
        words = "the database can't be reached" if kind == "OperationalError" else f"the database could not do it ({kind})"
    # Of two writers that begin at once one finds the row, the table or the type there already.
    passing = kind == "IntegrityError" or code in _PASSING_STATES or str(code).startswith(_PASSING_NAMES) or _exists(cause, code)
    return DatabaseFault(words, passing, bool(getattr(error, "connection_invalidated", False)))


def _exists(cause: Any, code: str | None) -> bool:
    return code in _THERE_ALREADY or (code == "SQLITE_ERROR" and "already exists" in str(cause))


def connect(url: str, timeout: float) -> Any:
    """Make an engine that shows no parameters, waits no longer than it may, and, on SQLite, writes ahead (WAL).

    Raises
    ------
    ConfigError
        If the URL is none that SQLAlchemy reads. It is not shown: it may hold a password.
    MissingExtraError
        If the driver is not installed.
    """
    sql, fault = require("sqlalchemy", extra="sql"), require("sqlalchemy.exc", extra="sql")
    try:
        parsed = sql.make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = sql.create_engine(parsed, hide_parameters=True, **_settings(parsed, timeout))
    except (fault.ArgumentError, ValueError):
        engine = None
    except ImportError as error:
        raise MissingExtraError(f"{error.name} is not installed: pip install 'bh-lib[postgres]', or the driver you use") from None
    if engine is None:
        raise ConfigError("is a URL such as sqlite:///audit.db or postgresql://user@host/name", place="database")
    if parsed.get_backend_name() == "sqlite":
        sql.event.listen(engine, "connect", _write_ahead)
    return engine


def _settings(url: Any, timeout: float) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            # One database for all threads, not one for each.
            pool = require("sqlalchemy.pool", extra="sql").StaticPool
            return {"poolclass": pool, "connect_args": {"check_same_thread": False}}
        return {"connect_args": {"timeout": timeout}}
    if url.drivername != "postgresql+psycopg":
        return {}
    most = int(timeout * 1000)
    limits = {
        "connect_timeout": max(2, int(timeout)),
        "tcp_user_timeout": most,
        "options": " ".join(
            f"-c {name}={most}" for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        ),
    }
    return {"pool_timeout": timeout, "connect_args": {key: value for key, value in limits.items() if key not in url.query}}


def _write_ahead(connection: Any, record: Any) -> None:
    del record
    try:
        # Readers don't hold up the writer. What is committed survives a power cut, as far as the disk tells the truth.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except connection.OperationalError:
        pass  # read-only, or another process is at it: a matter of speed, not of safety


def has_transactions(connection: Any) -> bool:
    """Whether what is executed here is committed together, not statement by statement."""
    # Said on the connection or its engine, said at create_engine, or set on the driver's connection.
    levels = (
        connection.get_execution_options().get("isolation_level"),
        getattr(connection.dialect, "_on_connect_isolation_level", None),
    )
    return "AUTOCOMMIT" not in levels and getattr(connection.connection.dbapi_connection, "autocommit", None) is not True


def tables_named(name: str) -> tuple[Any, Any]:
    """The events' table and the heads' table."""
    sql = require("sqlalchemy", extra="sql")
    metadata = sql.MetaData()
    events = sql.Table(
        name,
        metadata,
        sql.Column("chain_id", sql.String(128), primary_key=True),
        sql.Column("seq", sql.BigInteger, primary_key=True, autoincrement=False),
        sql.Column("event_id", sql.String(36), nullable=False, unique=True),
        sql.Column("event_hash", sql.String(64), nullable=False),
        sql.Column("line", sql.Text, nullable=False),
    )
    heads = sql.Table(
        f"{name}_head",
        metadata,
        sql.Column("chain_id", sql.String(128), primary_key=True),
        sql.Column("seq", sql.BigInteger, nullable=False),
        sql.Column("event_hash", sql.String(64), nullable=False),
    )
    return events, heads
