"""What every test may ask for."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bh_lib.emitters import make_checkpoint
from tests.emitters import days

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference folder beside the checkout: real development data, published vectors."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the reference folder is not beside this checkout")
    return folder


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server of the tests' own, on a free port, that they may stop and start."""

    bin: Path
    data: Path
    port: int
    owner: str | None

    def url(self, role: str = "postgres", database: str = "postgres") -> str:
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *words: str) -> None:
        # PostgreSQL refuses to run as root.
        account = pwd.getpwnam(self.owner) if self.owner else None
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        done = subprocess.run(
            [self.bin / program, *words], stdin=subprocess.DEVNULL, capture_output=True, cwd="/", timeout=60, **who
        )
        assert done.returncode == 0, f"{program}: {done.stderr.decode()[-500:]}"

    def start(self) -> None:
        # Without fsync a crash of the server (not of the machine) loses nothing all the same.
        settings = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=60"
        self.run("pg_ctl", "-D", str(self.data), "-o", settings, "-l", str(self.data / "log"), "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")


def _programs() -> Path | None:
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: int(place.parent.name))
    return Path(found).resolve().parent if found else places[-1] if places else None


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """PostgreSQL, started here."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    owner = None
    if os.geteuid() == 0:
        owner = "postgres"
        try:
            pwd.getpwnam(owner)
        except KeyError:
            pytest.skip("PostgreSQL doesn't run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="bh-postgres-"))
    if owner:
        shutil.chown(folder, owner)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Cluster(programs, folder / "data", port, owner)
    server.run("initdb", "-D", str(server.data), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> str:
    """The URL of a database: ``BH_TEST_POSTGRES`` where it is set, else one that is started here."""
    return os.environ.get("BH_TEST_POSTGRES") or request.getfixturevalue("cluster").url()


@pytest.fixture(params=["one file", "rotated", "rotated at every event"])
def kept(request, tmp_path):
    """A ledger of 40 days, and a checkpoint of each."""
    path = tmp_path / "audit.jsonl"
    options = {"one file": {}, "rotated": {"rotate_bytes": 2000}, "rotated at every event": {"rotate_bytes": 1}}[request.param]
    anchors = {}
    for number in range(40):
        days.write(path, [number], **options)
        anchors[number + 1] = make_checkpoint(path, days.SECRET)
    return path, anchors
