"""The SQL sink on a real PostgreSQL: no fork, nothing twice, no right that it doesn't need, and no value in an error."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import traceback

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("psycopg")

import sqlalchemy

from bh_lib.emitters import AuditConfig, AuditLogger, Verdict, export_ledger, read_ledger, verify
from bh_lib.emitters.sinks.sql import SqlSink
from bh_lib.errors import ConfigError, SinkError

WRITER = """
import sys
from bh_lib.emitters import AuditConfig, AuditLogger
from bh_lib.emitters.sinks.sql import SqlSink
sink = SqlSink(sys.argv[1], table=sys.argv[2])
for number in range(int(sys.argv[4])):
    print(sink.append({"event_id": f"{sys.argv[3]}-{number}"}).seq, flush=True)
"""


@pytest.fixture
def table():
    return f"trail_{os.urandom(5).hex()}"


@pytest.fixture
def admin(postgres):
    engine = sqlalchemy.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield lambda statement: connection.execute(sqlalchemy.text(statement))
    engine.dispose()


def as_role(url, role):
    return sqlalchemy.make_url(url).set(username=role, password="of-the-tests").render_as_string(hide_password=False)


def exported(sink, path):
    done = export_ledger(sink, path)
    found = verify(path)
    assert (done.events, done.reaches_head) == (found.events, True)
    return found


def numbered(name, count):
    return [{"event_id": f"{name}-{number}"} for number in range(count)]


def in_parallel(*works):
    failures = []

    def run(work):
        try:
            work()
        except Exception as error:  # noqa: BLE001  told below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_threads_on_one_trail_never_fork(postgres, table, tmp_path):
    sinks = [SqlSink(postgres, table=table) for _ in range(3)]
    in_parallel(*(lambda n=n: [sinks[n % 3].append(event) for event in numbered(n, 40)] for n in range(9)))
    found = exported(sinks[0], tmp_path / "a.jsonl")
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 360, 1)


def test_processes_on_one_trail_never_fork_and_race_to_make_its_tables(postgres, table, tmp_path):
    words = [sys.executable, "-c", WRITER, postgres, table]
    writers = [subprocess.Popen([*words, str(n), "100"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for n in range(5)]
    told = [writer.communicate(timeout=60) for writer in writers]
    assert [error for _, error in told] == [b""] * 5
    assert sorted(int(seq) for out, _ in told for seq in out.split()) == list(range(500))
    assert exported(SqlSink(postgres, table=table), tmp_path / "a.jsonl").verdict is Verdict.CONSISTENT


def test_sinks_that_begin_at_the_same_moment_make_the_tables_once(postgres, table):
    for turn in range(5):
        sinks, gate = [SqlSink(postgres, table=f"{table}_{turn}") for _ in range(8)], threading.Barrier(8)
        in_parallel(*(lambda sink=sink, gate=gate: (gate.wait(), sink.prepare()) for sink in sinks))
        assert sinks[0].head().seq == -1


def test_an_event_that_comes_again_is_kept_once_and_gets_its_first_receipt(postgres, table, tmp_path):
    one, two = SqlSink(postgres, table=table), SqlSink(postgres, table=table)
    first = one.append({"event_id": "e0"})
    one.append({"event_id": "e1"})
    assert two.append({"event_id": "e0"}) == first
    assert two.append_many([{"event_id": f"e{number}"} for number in (1, 2, 2, 0)]) == 4
    assert exported(one, tmp_path / "a.jsonl").events == 3
    in_parallel(*([lambda: SqlSink(postgres, table=table).append({"event_id": "same"})] * 8))
    assert exported(one, tmp_path / "a.jsonl").events == 4


def test_a_commit_whose_answer_was_lost_is_not_repeated(postgres, table, tmp_path, admin):
    engine = sqlalchemy.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    sink = SqlSink(engine, table=table)
    sink.append({"event_id": "e0"})
    real, cut = engine.dialect.do_commit, []

    def commit(connection):
        real(connection)
        if not cut:
            cut.append(True)
            admin(f"SELECT pg_terminate_backend({connection.dbapi_connection.info.backend_pid})")
            connection.dbapi_connection.execute("SELECT 1")

    engine.dialect.do_commit = commit
    assert sink.append({"event_id": "e1"}).seq == 1
    assert cut
    found = exported(sink, tmp_path / "a.jsonl")
    assert (found.verdict, found.events) == (Verdict.CONSISTENT, 2)


@pytest.mark.parametrize("statement", ["UPDATE", "INSERT", "SELECT"])
def test_a_connection_lost_inside_the_transaction_costs_no_event_and_leaves_no_hole(postgres, table, tmp_path, admin, statement):
    engine = sqlalchemy.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"), hide_parameters=True)
    sink = SqlSink(engine, table=table)
    sink.append({"event_id": "e0"})
    cut = []

    @sqlalchemy.event.listens_for(engine, "before_cursor_execute")
    def before(connection, cursor, words, *rest):
        if words.startswith(statement) and not cut:
            cut.append(True)
            admin(f"SELECT pg_terminate_backend({cursor.connection.info.backend_pid})")

    assert [sink.append({"event_id": f"e{number}"}).seq for number in (1, 2)] == [1, 2]
    assert cut
    assert exported(sink, tmp_path / "a.jsonl").verdict is Verdict.CONSISTENT


def test_a_serializable_engine_takes_turns_too(postgres, table, tmp_path):
    url = postgres.replace("postgresql:", "postgresql+psycopg:")
    sinks = [SqlSink(sqlalchemy.create_engine(url, isolation_level="SERIALIZABLE"), table=table) for _ in range(4)]
    sinks[0].prepare()
    in_parallel(*(lambda n=n: [sinks[n].append(event) for event in numbered(n, 10)] for n in range(4)))
    assert exported(sinks[0], tmp_path / "a.jsonl").events == 40


def test_an_engine_without_transactions_is_refused(postgres, table):
    engine = sqlalchemy.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with pytest.raises(ConfigError, match="AUTOCOMMIT"):
        SqlSink(engine, table=table).append({"event_id": "e0"})


def test_a_writer_needs_no_right_to_change_or_remove_an_event(postgres, table, tmp_path, admin):
    SqlSink(postgres, table=table).prepare()
    admin(f"CREATE ROLE w_{table} LOGIN PASSWORD 'of-the-tests'")
    admin(f"GRANT SELECT, INSERT ON {table} TO w_{table}")
    admin(f"GRANT SELECT, UPDATE ON {table}_head TO w_{table}")
    writer = as_role(postgres, f"w_{table}")
    sink = SqlSink(writer, table=table)
    assert [sink.append(event).seq for event in numbered("e", 3)] == [0, 1, 2]
    assert sink.holds(["e-1", "x"]) == {"e-1"}
    assert exported(sink, tmp_path / "a.jsonl").verdict is Verdict.CONSISTENT
    engine = sqlalchemy.create_engine(writer.replace("postgresql:", "postgresql+psycopg:"))
    for statement in (f"UPDATE {table} SET line = ''", f"DELETE FROM {table}", f"TRUNCATE {table}", f"DROP TABLE {table}"):
        with pytest.raises(sqlalchemy.exc.ProgrammingError), engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement))


def test_a_role_that_may_only_read_exports_and_can_not_write(postgres, table, tmp_path, admin):
    SqlSink(postgres, table=table).append({"event_id": "e0"})
    admin(f"CREATE ROLE r_{table} LOGIN PASSWORD 'of-the-tests'")
    admin(f"GRANT SELECT ON {table}, {table}_head TO r_{table}")
    sink = SqlSink(as_role(postgres, f"r_{table}"), table=table)
    assert exported(sink, tmp_path / "a.jsonl").events == 1
    with pytest.raises(SinkError, match="this role may not"):
        sink.append({"event_id": "e1"})
    with pytest.raises(SinkError, match="this role may not"):
        SqlSink(as_role(postgres, f"r_{table}"), table=f"{table}_new").append({"event_id": "e1"})


def test_a_writer_that_holds_the_head_too_long_costs_the_others_their_timeout_and_no_event(postgres, table, admin):
    sink = SqlSink(postgres, table=table, timeout=1)
    sink.append({"event_id": "e0"})
    engine = sqlalchemy.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"UPDATE {table}_head SET seq = seq"))
        with pytest.raises(SinkError, match=r"locked by another|took too long"):
            sink.append({"event_id": "e1"})
    assert sink.append({"event_id": "e1"}).seq == 1


def test_a_writer_that_is_stopped_in_its_transaction_is_put_out_of_the_way(postgres, table):
    stopped, other = SqlSink(postgres, table=table, timeout=1), SqlSink(postgres, table=table, timeout=5)
    stopped.prepare()
    real, slept = stopped._stand, []

    def stand(connection):
        if not slept:
            slept.append(True)
            time.sleep(2.5)
        return real(connection)

    stopped._stand = stand
    places = {}
    in_parallel(
        lambda: places.update(late=stopped.append({"event_id": "late"}).seq),
        lambda: (time.sleep(0.3), places.update(early=other.append({"event_id": "early"}).seq)),
    )
    assert places == {"early": 0, "late": 1}


def test_a_fork_does_not_share_the_parents_connection(postgres, table, tmp_path):
    sink = SqlSink(postgres, table=table)
    sink.append({"event_id": "before"})
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            try:
                for event in numbered(f"child{number}", 20):
                    sink.append(event)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    for event in numbered("parent", 20):
        sink.append(event)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    found = exported(sink, tmp_path / "a.jsonl")
    assert (found.verdict, found.events) == (Verdict.CONSISTENT, 81)


def test_a_tail_that_was_cut_in_the_table_shows_against_the_head(postgres, table, tmp_path, admin):
    sink = SqlSink(postgres, table=table)
    sink.append_many(numbered("e", 6))
    admin(f"DELETE FROM {table} WHERE seq > 3")
    done = export_ledger(sink, tmp_path / "a.jsonl")
    assert (done.events, done.reaches_head, verify(tmp_path / "a.jsonl").verdict) == (4, False, Verdict.CONSISTENT)
    admin(f"DELETE FROM {table} WHERE seq = 1")
    export_ledger(sink, tmp_path / "a.jsonl")
    assert verify(tmp_path / "a.jsonl").faults[0].rule == "gap"


@pytest.mark.parametrize("sabotage", ["ALTER TABLE {} ADD CHECK (seq < 1)", "ALTER TABLE {} ALTER line TYPE varchar(20)"])
def test_an_error_of_the_database_that_quotes_the_row_is_not_quoted(postgres, table, caplog, admin, sabotage):
    caplog.set_level(0)
    sink = SqlSink(postgres, table=table)
    sink.prepare()
    admin(sabotage.format(table))
    shown, canary = [], "Zanzi" + "bar"
    for number in range(2):
        try:
            sink.append({"event_id": f"e{number}", "actor": {"subject_id": canary}})
        except SinkError as error:
            # The cause is not even carried along: some reporters show it.
            assert error.__context__ is None
            shown.append("".join(traceback.format_exception(error)))
    assert shown
    assert canary not in "".join(shown) + caplog.text


def test_a_trail_is_read_back_in_pieces_from_a_cursor_of_the_servers(postgres, table, tmp_path):
    sink = SqlSink(postgres, table=table)
    sink.append_many(numbered("e", 2500))
    lines = sink.lines()
    next(lines)
    # Writers go on while an auditor reads, and what he reads is one moment.
    sink.append({"event_id": "later"})
    assert sum(1 for _ in lines) == 2499
    assert exported(sink, tmp_path / "a.jsonl").events == 2501


def test_a_whole_event_reads_back_as_it_was_recorded(postgres, table, tmp_path):
    with AuditLogger(AuditConfig(service="s"), sink=SqlSink(postgres, table=table)) as audit:
        receipt = audit.record("READ", actor={"subject_id": "u-é\u0000😀", "subject_type": "human"}, resource={"type": "Note"})
    export_ledger(SqlSink(postgres, table=table), tmp_path / "a.jsonl")
    (event,) = read_ledger(tmp_path / "a.jsonl")
    assert event["actor"]["subject_id"] == "u-é\u0000😀"
    assert event["integrity"]["event_hash"] == receipt.event_hash
    assert verify(tmp_path / "a.jsonl").verdict is Verdict.CONSISTENT
