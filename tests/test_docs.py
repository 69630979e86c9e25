"""The pages in docs/ are true: each section runs by itself, in an empty folder, and prints what it says it prints."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(r"^```([a-z]*)(?: ([a-z]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN, SHOWN = ("python", "bash", "sql"), ("text", "dockerfile", "ini", "mermaid", "toml")
# The published packages pin what ours doesn't, so they live in an environment of their own.
PEERS = Path(os.environ.get("BH_PEERS_PYTHON", Path.home() / ".cache" / "bh-peers" / "venv" / "bin" / "python"))
PEERS_LEDGER = ROOT / "tests" / "cases" / "bh-audit-logger-2.0.0.jsonl"


# One request to the application of a page, which its own environment has no client for.
ASK = """
import asyncio

async def asked():
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        pass
    path = "/patients/pat-1"
    await app({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
               "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [(b"x-user", b"usr-7")],
               "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}, receive, send)

asyncio.run(asked())
(event,) = sink.events
print(len(sink.events), event["actor"]["subject_id"], event["resource"], event["outcome"]["status"])
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the word behind it (``peer``: for the published package), and where it stands."""

    page: str
    line: int
    language: str
    word: str
    content: str
    follows_directly: bool

    def __str__(self) -> str:
        return f"{self.page}, line {self.line}: the {self.language} block"


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading of the second level."""

    page: Path
    title: str
    blocks: tuple[Block, ...]

    def __str__(self) -> str:
        return f"{self.page.stem}: {self.title}"

    def names(self, word: str) -> bool:
        return any(word in block.content for block in self.blocks)


def _sections(page: Path) -> Iterator[Section]:
    text = page.read_text("utf-8")
    heads = [match.start() for match in re.finditer(r"^## ", text, re.MULTILINE)]
    for start, stop in zip([0, *heads], [*heads, len(text)], strict=True):
        blocks, end = [], start
        for match in FENCE.finditer(text, start, stop):
            line = text.count("\n", 0, match.start()) + 1
            alone = not text[end : match.start()].strip()
            blocks.append(Block(page.name, line, match[1], match[2] or "", match[3], alone))
            end = match.end()
        yield Section(page, text[start:].partition("\n")[0].lstrip("# "), tuple(blocks))


SECTIONS = [section for page in PAGES for section in _sections(page)]
TO_RUN = [section for section in SECTIONS if any(block.language in RUN for block in section.blocks)]
WITH_PEERS = [section for section in TO_RUN if any(block.word == "peer" for block in section.blocks)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder that looks like the checkout where the examples lie; servers that a page left running are ended."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("PORT", str(free.getsockname()[1]))
    monkeypatch.setenv("PATH", os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", ""))))
    for name in ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "true")
    # What a page sets in this process is set back: the signal handler of a worker, the handlers of a log.
    on_sigterm, hook, log = signal.getsignal(signal.SIGTERM), sys.unraisablehook, logging.getLogger("bh_lib.audit")
    handlers, level = list(log.handlers), log.level
    yield tmp_path
    signal.signal(signal.SIGTERM, on_sigterm)
    sys.unraisablehook, log.handlers = hook, handlers
    log.setLevel(level)
    for file in tmp_path.glob("*.pid"):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A PostgreSQL database of the page's own, and a way to execute statements in it as its owner."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg")
    cluster = request.getfixturevalue("cluster")
    name = f"docs_{os.urandom(4).hex()}"

    def connected(to: str) -> Any:
        return sqlalchemy.create_engine(cluster.url(database=to).replace(":", "+psycopg:", 1), isolation_level="AUTOCOMMIT")

    outside, inside = connected("postgres"), connected(name)
    with outside.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    monkeypatch.setenv("AUDIT_OWNER_URL", cluster.url(database=name))
    monkeypatch.setenv("AUDIT_WRITER_URL", cluster.url("audit_writer", name))
    monkeypatch.setenv("AUDIT_READER_URL", cluster.url("audit_reader", name))

    def execute(statements: str) -> None:
        with inside.connect() as connection:
            for statement in re.split(r";\s*(?:--.*)?$", statements, flags=re.MULTILINE):
                if statement.strip():
                    connection.execute(sqlalchemy.text(statement))

    yield execute
    inside.dispose()
    with outside.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))
        for role in ("audit_writer", "audit_reader"):
            connection.execute(sqlalchemy.text(f"DROP ROLE IF EXISTS {role}"))
    outside.dispose()


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS, as moto plays it in this process."""
    pytest.importorskip("boto3")
    moto = pytest.importorskip("moto")
    for name, value in (("ACCESS_KEY_ID", "testing"), ("SECRET_ACCESS_KEY", "testing"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with moto.mock_aws():
        yield


def _shown(block: Block, after: Block | None) -> str | None:
    """What the page says that a block prints; None if it says nothing."""
    told = after is not None and after.language == "text" and after.follows_directly
    return after.content.rstrip("\n") if told and after is not None else None


def _python(block: Block, namespace: dict[str, Any]) -> str:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            # Compiled at its own line, so that a fault names the page's line.
            exec(compile("\n" * block.line + block.content, block.page, "exec"), namespace)
    except Exception as error:  # noqa: BLE001  (whatever it is, the block is named)
        pytest.fail(f"{block}: {type(error).__name__}: {error}")
    return printed.getvalue()


def _program(block: Block, *words: str | Path) -> str:
    done = subprocess.run([*words, block.content], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    shown = f"exit status {done.returncode} of {block}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert done.returncode == 0 and "Traceback" not in done.stderr, shown
    return done.stdout


@pytest.mark.parametrize("section", TO_RUN, ids=str)
def test_each_section_runs_by_itself_and_prints_what_it_says(section: Section, place: Path, request: pytest.FixtureRequest) -> None:
    for program in ("curl", "gunicorn"):
        if section.names(program) and shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if section.names("DynamoDbSink"):
        request.getfixturevalue("dynamodb")
    execute = request.getfixturevalue("database") if section.names("AUDIT_WRITER_URL") else None
    namespace: dict[str, Any] = {"__name__": "docs"}
    for block, after in zip(section.blocks, [*section.blocks[1:], None], strict=True):
        if block.word == "peer":
            if PEERS.is_file():
                printed = _program(block, PEERS, "-c")
            else:
                # What the published package wrote, once, from these very lines.
                shutil.copy(PEERS_LEDGER, place / "old.jsonl")
                continue
        elif block.language == "python":
            printed = _python(block, namespace)
        elif block.language == "bash":
            printed = _program(block, "bash", "-euo", "pipefail", "-c")
        elif block.language == "sql":
            assert execute is not None, f"{block}: no database is named in this section"
            printed = execute(block.content) or ""
        else:
            continue
        shown = _shown(block, after)
        if shown is not None:
            assert printed.rstrip("\n") == shown, f"{block} prints something else"
        elif block.language != "bash":
            assert not printed, f"{block} prints what no text block below it shows"


@pytest.mark.parametrize("section", WITH_PEERS, ids=str)
def test_what_the_published_package_is_asked_to_do_it_does(section: Section, place: Path) -> None:
    if not PEERS.is_file():
        pytest.skip("the published packages are not installed (BH_PEERS_PYTHON names a Python that has them)")
    for block in section.blocks:
        if block.word == "peer":
            serves = "FastAPI()" in block.content
            done = subprocess.run([PEERS, "-c", block.content + ASK * serves], capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, f"{block}: {done.stderr[-2000:]}"
            assert not serves or done.stdout == "1 usr-7 {'type': 'Chart', 'patient_id': 'pat-1'} SUCCESS\n"
            assert serves or len((place / "old.jsonl").read_bytes().splitlines()) > 4


def test_the_pages_are_there_and_each_has_something_to_run() -> None:
    assert {"deploying", "threat-model", "migrating"} <= {page.stem for page in PAGES}
    assert {section.page.stem for section in TO_RUN} == {page.stem for page in PAGES}
    assert WITH_PEERS


def test_no_block_is_of_a_kind_that_nobody_looks_at() -> None:
    strange = [str(block) for section in SECTIONS for block in section.blocks if block.language not in (*RUN, *SHOWN)]
    assert strange == []
    fences = sum(page.read_text("utf-8").count("\n```") for page in PAGES)
    assert fences == 2 * sum(len(section.blocks) for section in SECTIONS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_file_and_folder_it_names_is_there(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    links = [link for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) if "://" not in link]
    named = re.findall(r"`([\w./-]+/[\w./-]+\.(?:py|md|toml|ipynb))`", text)
    absent = [link for link in links if not (page.parent / link).exists()]
    absent += [path for path in named if not (ROOT / path).exists()]
    assert links and absent == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_it_names_is_there(page: Path) -> None:
    named = set(re.findall(r"`(test_\w+)`", page.read_text("utf-8")))
    defined = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in [file.stem, *re.findall(r"^(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)]
    }
    assert named - defined == set()
    assert named or page.stem != "threat-model"


def test_every_call_in_the_tables_of_names_is_there_with_its_settings() -> None:
    from bh_lib import emitters, schema
    from bh_lib.emitters import asgi
    from bh_lib.emitters.sinks import dynamodb, sql, stdlog

    public: dict[str, Any] = {
        name: getattr(room, name) for room in (schema, emitters, asgi, dynamodb, sql, stdlog) for name in room.__all__
    }
    public |= {f"audit.{name}": getattr(emitters.AuditLogger, name) for name in dir(emitters.AuditLogger) if name[0] != "_"}
    public |= {f"said.{name}": getattr(asgi.RequestAudit, name) for name in dir(asgi.RequestAudit) if name[0] != "_"}
    rows = [
        line.split(" | ")[1] for line in (ROOT / "docs" / "migrating.md").read_text("utf-8").splitlines() if line.startswith("| `")
    ]
    calls = [call for row in rows for call in re.findall(r"`([a-zA-Z_.]+)\(([^`]*)\)`", row)]
    assert len(calls) > 30
    for name, settings in calls:
        assert name in public, f"{name}() is not there"
        known = inspect.signature(public[name]).parameters
        free = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
        for setting in re.findall(r"\b([a-z_]+)=", settings):
            assert setting in known or free, f"{name}() has no {setting}"
