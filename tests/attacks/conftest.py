"""A ledger to attack, and the checkpoint that an auditor keeps."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, Checkpoint, JsonlSink, MemorySink, Sink, generate_keys, make_checkpoint
from bh_lib.emitters.sinks.stdlog import StdlogSink

EVENTS = 12
LIBRARIES = ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "botocore", "boto3", "urllib3", "psycopg", "asyncio")
FIRST = ["Zephyrine", "Oswaldo", "Tsukiko", "Bjørn-Åke", "Włodzimierz", "Marguerite", "Nkechi", "Iñaki", "Thanh-Hà", "O'Dellia"]
LAST = ["Quillfeather", "Vandersloot", "Mbeki-Rao", "Nuñez", "Okonkwo", "Żurawski", "Hæstad", "Thistlewood", "McQuarrie", "Ibáñez"]
MONTHS = ["January", "Feb", "march", "Apr.", "May", "JUNE", "Jul", "August", "Sept", "October", "Nov", "Dec"]


@dataclass(frozen=True, slots=True)
class Trail:
    path: Path
    anchor: Checkpoint
    key: str
    older: Checkpoint

    @property
    def lines(self) -> list[bytes]:
        return self.path.read_bytes().splitlines(keepends=True)

    def put(self, lines: list[bytes]) -> None:
        self.path.write_bytes(b"".join(lines))


def write_events(path: Path, count: int, subject: str = "u-7") -> None:
    with AuditLogger(AuditConfig(service="clinic", environment="test"), sink=JsonlSink(path)) as audit:
        for number in range(count):
            audit.record(
                "READ",
                actor={"subject_id": subject, "subject_type": "human"},
                resource={"type": "Note", "id": f"n-{number:03}", "patient_id": "p-3"},
                phi_touched=True,
            )


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    path = tmp_path / "audit.jsonl"
    secret, public = generate_keys("auditor.example/clinic")
    write_events(path, 5)
    older = make_checkpoint(path, secret)
    write_events(path, EVENTS - 5)
    return Trail(path, make_checkpoint(path, secret), public, older)


@pytest.fixture
def writer() -> Callable[[Path, int, str], None]:
    return write_events


@dataclass(frozen=True, slots=True)
class Canary:
    """An identifier of nobody, and what kind it is."""

    kind: str
    text: str


def _made(chance: random.Random) -> list[Canary]:
    def digits(count: int) -> str:
        return "".join(chance.choice("0123456789") for _ in range(count))

    def one(*choices: str) -> str:
        return chance.choice(choices)

    def wide(text: str) -> str:
        return text.translate({ord("0") + n: ord("０") + n for n in range(10)})

    day, year, month = str(chance.randint(1, 28)), str(chance.randint(1920, 2025)), str(chance.randint(1, 12))
    gap = one("-", " ", ".", "\u2011", "\u2212", "\u00a0", " - ", "\u200b-")
    name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
    word = one(*MONTHS)
    box = f"{one('ann', 'josé', 'x.y', 'o')}{digits(3)}"
    return [
        Canary("ssn", gap.join((digits(3), digits(2), digits(4)))),
        Canary("ssn", wide(f"{digits(3)}-{digits(2)}-{digits(4)}")),
        Canary("phone", f"{one('', '+1 ', '1-')}({digits(3)}) {digits(3)}{one('-', ' ', '.')}{digits(4)}"),
        Canary("phone", gap.join((digits(3), digits(3), digits(4)))),
        Canary("email", f"{box}{one('@', ' @ ', '＠', '%40')}clinic{digits(2)}.example.{one('org', 'com')}"),
        Canary("date", one(f"{year}-{month}-{day}", f"{month}/{day}/{year}", f"{day}.{month}.{year}", f"{month}/{day}/{year[2:]}")),
        Canary(
            "date", one(f"{word} {day}, {year}", f"{day} {word} {year}", f"{day}-{word}-{year}", f"{word} {day}", f"{word} {year}")
        ),
        Canary("record", f"{one('MRN', 'mrn:', 'Medical record no', 'patient id')} {one('A', 'X-', '')}{digits(3)}-{digits(2)}"),
        Canary(
            "digits", one(digits(8), digits(9), digits(10), f"A{digits(7)}", f"{digits(4)} {digits(4)}", f"{digits(3)}/{digits(5)}")
        ),
        Canary("name", one(name, name.upper(), name.replace(" ", "  "), name.replace(" ", "\u00a0"), f"{name}")),
    ]


@pytest.fixture(scope="session")
def canaries() -> list[Canary]:
    """A thousand distinct identifiers, in the shapes that people write them in."""
    chance, found = random.Random(20260101), {}
    while len(found) < 1000:
        for canary in _made(chance):
            found.setdefault(canary.text, canary)
    return list(found.values())[:1000]


@pytest.fixture(scope="session")
def names() -> list[str]:
    return [f"{first} {last}" for first in FIRST for last in LAST]


class Out:
    """All that came out beside the trail, and which of some texts stand in it."""

    def __init__(self, caplog, capfd, recwarn):
        self._caplog, self._capfd, self._recwarn, self._said = caplog, capfd, recwarn, []

    def say(self, *texts):
        self._said += texts

    def shows(self, texts):
        out, err = self._capfd.readouterr()
        self._said += [out, err]
        # In every form that a log may give it: a record's own arguments too, for a formatter that shows them.
        records = [f"{r.getMessage()} {r.args!r} {r.exc_text} {r.exc_info}" for r in self._caplog.records]
        heap = "\n".join([*self._said, *records, self._caplog.text, *(str(w.message) for w in self._recwarn)])
        return [text for text in texts if text in heap or json.dumps(text)[1:-1] in heap or repr(text)[1:-1] in heap]


@pytest.fixture
def out(caplog, capfd, recwarn):
    caplog.set_level(logging.DEBUG)
    for name in LIBRARIES:
        caplog.set_level(logging.DEBUG, logger=name)
    return Out(caplog, capfd, recwarn)


def sqlite(tmp_path, request):
    pytest.importorskip("sqlalchemy")
    from bh_lib.emitters.sinks.sql import SqlSink

    return SqlSink(f"sqlite:///{tmp_path / 'a.db'}")


def echoing(tmp_path, request):
    """An engine of the caller's that shows everything it is asked to."""
    sql = pytest.importorskip("sqlalchemy")
    from bh_lib.emitters.sinks.sql import SqlSink

    return SqlSink(sql.create_engine(f"sqlite:///{tmp_path / 'b.db'}", echo="debug"))


def postgresql(tmp_path, request):
    pytest.importorskip("psycopg")
    from bh_lib.emitters.sinks.sql import SqlSink

    return SqlSink(request.getfixturevalue("postgres"), table=f"canary_{id(tmp_path)}")


def dynamodb(tmp_path, request):
    boto3, moto = pytest.importorskip("boto3"), pytest.importorskip("moto")
    from bh_lib.emitters.sinks.dynamodb import DynamoDbSink, create_table

    patch = request.getfixturevalue("monkeypatch")
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    mock = moto.mock_aws()
    mock.start()
    request.addfinalizer(mock.stop)
    client = boto3.client("dynamodb", region_name="us-east-1")
    create_table(client, "canary")
    return DynamoDbSink("canary", client=client)


def stdlog(tmp_path, request):
    logger = logging.Logger("trail", logging.INFO)
    logger.addHandler(logging.FileHandler(tmp_path / "trail.log", encoding="utf-8"))
    return StdlogSink(logger)


SINKS = {
    "memory": lambda tmp_path, request: MemorySink(),
    "jsonl": lambda tmp_path, request: JsonlSink(tmp_path / "a.jsonl"),
    **{made.__name__: made for made in (stdlog, sqlite, echoing, postgresql, dynamodb)},
}


@pytest.fixture(params=SINKS)
def any_sink(request: pytest.FixtureRequest, tmp_path: Path) -> Sink:
    return SINKS[request.param](tmp_path, request)
