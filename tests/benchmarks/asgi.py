"""What the middleware adds to a request, beside the published peer: the same FastAPI application, driven in its own process.

    python tests/benchmarks/asgi.py [--peer PEERS_VENV/bin/python] [--rounds 9] [--requests 2000]

Run by hand, alone on the machine. Each side answers in a Python of its own, without a network; the variants take turns,
round by round. Each figure is a median over the rounds: the time of a request with the middleware less the time of the same
request without it, in that Python and that round, by the clock and by the processor. Queues are emptied inside the time.
The peer's environment holds bh-fastapi-audit 1.1.1, bh-audit-logger 2.0.0 and jsonschema.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

DRIVER = """
import asyncio, json, os, sys, tempfile, time
from fastapi import FastAPI
from starlette.responses import Response

folder = tempfile.TemporaryDirectory()
N = int(sys.argv[1])
HEADERS = [(b"host", b"clinic.example"), (b"user-agent", b"bench/1.0"), (b"accept", b"*/*"), (b"accept-encoding", b"gzip"),
           (b"authorization", b"Bearer abc"), (b"x-request-id", b"0f8fad5b-d9cb-469f-a165-70867728950e"),
           (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]

def build():
    app = FastAPI()
    for name in ("notes", "visits", "orders", "patients", "staff", "wards"):
        async def serve(key: str):
            return Response(b"ok")
        app.add_api_route("/" + name + "/{key}", serve, methods=["GET"])
    return app

async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}

async def drop(message):
    pass

async def drive(app, end):
    async def one():
        await app({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
                   "path": "/patients/p-3", "raw_path": b"/patients/p-3", "query_string": b"", "root_path": "",
                   "headers": HEADERS, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {}}, receive, drop)
    for _ in range(50):
        await one()
    start, busy = time.perf_counter(), time.process_time()
    for _ in range(N):
        await one()
    await end()
    return (time.perf_counter() - start) / N * 1e6, (time.process_time() - busy) / N * 1e6

async def nothing():
    pass

def serve(variants):
    loop = asyncio.new_event_loop()
    for line in sys.stdin:
        app, end = variants[line.strip()]()
        print(*loop.run_until_complete(drive(app, end)), flush=True)
"""

PEER = """
from bh_fastapi_audit import AuditConfig, AuditMiddleware
from bh_fastapi_audit._chain_state import ChainState
from bh_fastapi_audit.sinks.jsonl import JsonlFileSink
from bh_fastapi_audit.sinks.memory import MemorySink

def audited(sink, **settings):
    def make():
        app = build()
        inner = AuditMiddleware(app, sink=sink(), config=AuditConfig(service_name="s", service_environment="prod",
            chain_state=ChainState() if settings.get("enable_integrity") else None, **settings))
        return inner, inner.shutdown
    return make

def jsonl():
    return JsonlFileSink(os.path.join(folder.name, os.urandom(8).hex()))

serve({
    "bare": lambda: (build(), nothing),
    "memory": audited(MemorySink, emit_mode="sync"),
    "jsonl": audited(jsonl, emit_mode="sync"),
    "jsonl, chained": audited(jsonl, emit_mode="sync", enable_integrity=True),
    "jsonl, chained, validated": audited(jsonl, emit_mode="sync", enable_integrity=True, validate_events=True),
    "jsonl, queued": audited(jsonl, emit_mode="queue"),
})
"""

OURS = """
from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, MemorySink, Sink
from bh_lib.emitters.asgi import AuditMiddleware
from bh_lib.emitters.sinks.base import Receipt

class Unchained(Sink):
    '''Keeps the event as the peer's memory sink does: neither linked nor written, to see what the rest costs.'''
    def __init__(self):
        super().__init__()
        self.events = []
    def write(self, line):
        pass
    def append(self, event):
        self.events.append(event)
        return Receipt(event["event_id"], None, None)

def audited(sink, **settings):
    def make():
        audit = AuditLogger(AuditConfig(service="s", environment="prod", **settings), sink=sink())
        async def end():
            if settings:
                await asyncio.get_running_loop().run_in_executor(None, audit._delivery.drain, 60)
            assert not audit.health()["dropped"] and audit.health()["accepted"] == N + 50
        return AuditMiddleware(build(), audit=audit), end
    return make

def jsonl():
    return JsonlSink(os.path.join(folder.name, os.urandom(8).hex()))

serve({
    "bare": lambda: (build(), nothing),
    "memory, validated": audited(Unchained),
    "memory, chained, validated": audited(MemorySink),
    "durable jsonl, chained, validated": audited(jsonl),
    "queued jsonl, chained, validated": audited(jsonl, delivery="queued", on_failure="drop"),
})
"""


class Side:
    """One Python that answers, kept for the whole run."""

    def __init__(self, name: str, python: Path | str, code: str, requests: int) -> None:
        self.name = name
        self.variants = [line.split('"')[1] for line in code.splitlines() if line.startswith('    "')]
        self.taken: dict[str, list[tuple[float, ...]]] = {variant: [] for variant in self.variants}
        command = [str(python), "-c", DRIVER + code, str(requests)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measure(self, variant: str) -> None:
        """Take one figure."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{variant}\n")
        self.process.stdin.flush()
        told = self.process.stdout.readline()
        if not told:
            raise SystemExit(f"{self.name}: {variant} failed; its trace is above")
        self.taken[variant].append(tuple(map(float, told.split())))

    def added(self, variant: str) -> list[float]:
        """Microseconds added: of the clock, and of the processor."""
        pairs = list(zip(self.taken[variant], self.taken["bare"], strict=True))
        return [statistics.median(with_it[i] - without[i] for with_it, without in pairs) for i in (0, 1)]

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser()
    options.add_argument("--peer", type=Path)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--requests", type=int, default=2000)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    sides = [Side("bh-lib", sys.executable, OURS, chosen.requests)]
    if chosen.peer:
        sides.append(Side("bh-fastapi-audit 1.1.1", chosen.peer, PEER, chosen.requests))
    for number in range(chosen.rounds + 1):
        for place in range(max(len(side.variants) for side in sides)):
            for side in sides:
                if place < len(side.variants):
                    side.measure(side.variants[place])
        if number == 0:
            for side in sides:  # the first round warms up
                side.taken = {variant: [] for variant in side.variants}
    if chosen.json:
        print(json.dumps({side.name: side.taken for side in sides}))
    print(f"{'µs a request':60}{'clock':>9}{'processor':>11}")
    for side in sides:
        clock, busy = (statistics.median(taken[i] for taken in side.taken["bare"]) for i in (0, 1))
        print(f"{side.name:24}{'a request without it':36}{clock:9.1f}{busy:11.1f}")
        for variant in side.variants[1:]:
            clock, busy = side.added(variant)
            print(f"{side.name:24}{variant:36}{clock:+9.1f}{busy:+11.1f}")
        side.close()


if __name__ == "__main__":
    main()
