"""A logger in memory, and real servers: each application of these tests can be asked over a socket."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, MemorySink


@pytest.fixture
def audit():
    return AuditLogger(AuditConfig(service="s"), sink=MemorySink())


@pytest.fixture
def last(audit):
    return lambda: audit.sink.events[-1]


class Served:
    """uvicorn in a thread, on a port of this machine that was free."""

    def __init__(self, app, **settings):
        uvicorn = pytest.importorskip("uvicorn")
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = {"log_level": "critical", "lifespan": "auto", "timeout_graceful_shutdown": 5, **settings}
        self.server = uvicorn.Server(uvicorn.Config(app, **config))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)

    def __enter__(self):
        self.thread.start()
        deadline = time.monotonic() + 10
        while not self.server.started and self.thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        assert self.server.started, "the server did not start"
        return self

    def __exit__(self, *error):
        self.stop()

    def stop(self):
        self.server.should_exit = True
        self.thread.join(10)
        with contextlib.suppress(OSError):
            self.socket.close()
        assert not self.thread.is_alive()


@pytest.fixture
def served():
    return Served


@pytest.fixture
def until():
    """Wait for what another thread does, at most five seconds."""

    def wait(condition):
        deadline = time.monotonic() + 5
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.005)
        assert condition()

    return wait
