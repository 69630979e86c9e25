"""``bh audit export``: out of a database, and verified."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from bh_lib.emitters.sinks.sql import SqlSink

URL = "sqlite:///trail.db"


@pytest.fixture
def trail(bh):
    sink = SqlSink(URL)
    sink.append_many([{"event_id": f"e{number}"} for number in range(4)])
    sink.close()


def cut(statement):
    with sqlite3.connect("trail.db") as connection:
        connection.execute(statement)


def test_a_trail_in_a_database_becomes_a_ledger_that_verifies(bh, trail):
    ran = bh("audit", "export", URL, "out.jsonl")
    assert (ran.status, ran.out) == (0, "CONSISTENT: 4 events: out.jsonl\n")
    assert Path("out.jsonl").stat().st_mode & 0o077 == 0
    assert bh("audit", "verify", "out.jsonl").status == 0


def test_a_tail_that_was_cut_is_found_wanting(bh, trail):
    cut("DELETE FROM audit_event WHERE seq = 3")
    ran = bh("audit", "export", URL, "out.jsonl", "--json")
    assert ran.status == 1
    assert json.loads(ran.out) == {"events": 3, "reaches_head": False, "verdict": "CONSISTENT", "faults": []}
    assert "removed at the end" in bh("audit", "export", URL, "out.jsonl").out


def test_an_event_that_was_removed_inside_is_the_first_fault(bh, trail):
    cut("DELETE FROM audit_event WHERE seq = 1")
    ran = bh("audit", "export", URL, "out.jsonl")
    assert ran.status == 1 and "first fault: line 2: gap" in ran.out


def test_a_chain_that_is_not_there_is_empty_and_found_wanting(bh, trail):
    ran = bh("audit", "export", URL, "out.jsonl", "--chain", "other")
    assert ran.status == 1 and ran.out.startswith("EMPTY")


ELSEWHERE = ["nothing", "sqlite:///elsewhere.db", "sqlite:////no/such/folder/a.db", "postgresql://u:CANARY-9f27@127.0.0.1:1/x"]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_database_that_can_not_be_read_is_refused_and_leaves_no_file(bh, url):
    bh("audit", "export", url, "out.jsonl").refused()
    assert list(Path().iterdir()) == []


def test_a_database_without_a_trail_says_so(bh):
    sqlite3.connect("trail.db").execute("CREATE TABLE other (x)")
    assert "no such table" in bh("audit", "export", URL, "out.jsonl").refused()


def test_the_url_may_come_from_the_environment_and_the_file_alone_is_given(bh, trail, monkeypatch):
    monkeypatch.setenv("BH_AUDIT_URL", URL)
    ran = bh("audit", "export", "out.jsonl")
    assert (ran.status, ran.out) == (0, "CONSISTENT: 4 events: out.jsonl\n")


def test_a_url_that_is_given_goes_before_the_one_in_the_environment(bh, trail, monkeypatch):
    monkeypatch.setenv("BH_AUDIT_URL", "sqlite:///elsewhere.db")
    assert bh("audit", "export", URL, "out.jsonl").status == 0


PASSWORD = "postgresql://u:CANARY-9f27@127.0.0.1:1/x"


@pytest.mark.parametrize(
    "places",
    [[], ["out.jsonl"], [PASSWORD], ["out.jsonl", PASSWORD], [PASSWORD, "a", "b"], ["a", "b", PASSWORD]],
    ids=["nothing", "no URL", "no file", "the wrong way round", "one too many", "a URL too many"],
)
def test_places_that_can_not_be_meant_are_refused_without_showing_a_password(bh, places):
    assert "BH_AUDIT_URL" in bh("audit", "export", *places).refused() or places[-1] == PASSWORD
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("places", [[PASSWORD], [PASSWORD, "--wrong-option"], ["--help"]], ids=["refused", "wrong option", "help"])
def test_the_url_in_the_environment_is_never_shown(bh, monkeypatch, places):
    monkeypatch.setenv("BH_AUDIT_URL", PASSWORD)
    assert "CANARY" not in bh("audit", "export", *places).shown
