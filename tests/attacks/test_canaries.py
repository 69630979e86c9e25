"""Words that must never come out: planted wherever a caller or a request can put them, at DEBUG, through failures."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, MemorySink, Sink
from bh_lib.emitters.asgi import AuditMiddleware
from bh_lib.errors import BhError

WHO = {"subject_id": "u-7", "subject_type": "human"}
WHAT = {"type": "Note", "id": "n-1"}


class Canaries:
    """Distinct words, each remembered."""

    def __init__(self):
        self.made: list[str] = []

    def __call__(self) -> str:
        self.made.append(f"Zanzibar{len(self.made)}x")
        return self.made[-1]

    def found_in(self, *texts: str) -> list[str]:
        return [word for word in self.made if any(word in text for text in texts)]


class Careless(Sink):
    """Raises with the whole event in its message, as database drivers do."""

    name = "careless"

    def write(self, line: bytes) -> None:
        raise RuntimeError(f"could not insert {line!r}")


@pytest.fixture
def canary(caplog):
    caplog.set_level(logging.DEBUG)
    return Canaries()


def test_metadata_that_is_not_allowed_never_leaves(canary, caplog, tmp_path):
    path = tmp_path / "a.jsonl"
    audit = AuditLogger(AuditConfig(service="s", metadata=["format"]), sink=JsonlSink(path))
    for value in (canary(), [canary()], {canary(): canary()}, 7.5, None):
        audit.record("READ", actor=WHO, resource=WHAT, metadata={canary(): value, "format": "pdf"})
    assert canary.found_in(path.read_text("utf-8"), caplog.text, str(audit.health())) == []


def test_identifiers_in_allowed_free_text_are_scrubbed(caplog, tmp_path):
    path = tmp_path / "a.jsonl"
    audit = AuditLogger(AuditConfig(service="s", metadata=["format"], names=["Ann Example"]), sink=JsonlSink(path))
    words = ["123-45-6789", "ann@example.org", "(555) 010-4477", "1990-01-02", "Ann Example", "0012345"]
    for word in words:
        audit.record(
            "READ",
            actor=WHO,
            resource=WHAT,
            status="FAILURE",
            error_type=f"T {word}",
            error_message=f"m {word}",
            name=f"n {word}",
            metadata={"format": f"f {word}"},
            http={"method": "GET", "route_template": f"/a?q={word}", "user_agent": f"u {word}"},
        )
    written = path.read_text("utf-8")
    assert [word for word in words if word in written] == []


def test_an_exception_inside_a_block_keeps_its_words_to_itself(canary, caplog, tmp_path):
    path = tmp_path / "a.jsonl"
    audit = AuditLogger(AuditConfig(service="s"), sink=JsonlSink(path))
    for kind in (ValueError, PermissionError, KeyError, RuntimeError):
        with pytest.raises(kind), audit.access("READ", actor=WHO, resource=WHAT):
            raise kind(canary())
    assert canary.found_in(path.read_text("utf-8"), caplog.text) == []


@pytest.mark.parametrize("policy", ["raise", "drop", "spool"])
@pytest.mark.parametrize("delivery", ["durable", "queued"])
def test_a_failing_sink_that_quotes_the_event_is_not_quoted(canary, caplog, capfd, tmp_path, delivery, policy):
    if (delivery, policy) == ("queued", "raise"):
        pytest.skip("a queue has no caller to raise to")
    spool = tmp_path / "spool.jsonl" if policy == "spool" else None
    audit = AuditLogger(AuditConfig(service="s", delivery=delivery, on_failure=policy, spool=spool), sink=Careless())
    shown = ""
    try:
        audit.record("READ", actor={"subject_id": canary(), "subject_type": "human"}, resource={"type": "Note", "id": canary()})
        audit.drain(5)
        audit.close()
    except BhError as error:
        shown = "".join(traceback.format_exception(error))
        assert policy == "raise"
    out, err = capfd.readouterr()
    assert canary.found_in(caplog.text, shown, out, err, str(audit.health())) == []
    assert not spool or canary.found_in(spool.read_text("utf-8")) == canary.made


@pytest.mark.parametrize(
    "plant",
    [
        lambda c: {"actor": {"subject_id": "", "subject_type": c()}},
        lambda c: {"resource": {"type": "Note", "patient_id": c() * 60}},
        lambda c: {"purpose_of_use": c()},
        lambda c: {"http": {"method": c()}},
        lambda c: {"http": {"client_ip": c()}},
        lambda c: {"consent": {"basis": c()}},
        lambda c: {"status": c()},
        lambda c: {"timestamp": c()},
        lambda c: {"event_id": c()},
        lambda c: {"correlation": {"request_id": [c()]}},
        lambda c: {"data_classification": c()},
    ],
)
def test_a_refused_event_is_refused_without_its_value(canary, caplog, plant):
    audit = AuditLogger(AuditConfig(service="s"), sink=MemorySink())
    with pytest.raises(BhError) as caught:
        audit.record("READ", **{"actor": WHO, "resource": WHAT, **plant(canary)})
    assert canary.found_in("".join(traceback.format_exception(caught.value)), caplog.text) == []
    assert audit.sink.lines == []


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("raises", [False, True])
def test_nothing_that_a_client_sends_comes_out(canary, caplog, capfd, broken, raises):
    sink = Careless() if broken else MemorySink()
    middleware = None

    async def app(scope, receive, send):
        if raises:
            raise RuntimeError(canary())
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-answer", canary().encode())]})
        await send({"type": "http.response.body", "body": canary().encode()})

    async def receive():
        return {"type": "http.request", "body": canary().encode(), "more_body": False}

    async def send(message):
        pass

    names = [
        b"cookie",
        b"authorization",
        b"user-agent",
        b"referer",
        b"x-request-id",
        b"traceparent",
        b"x-forwarded-for",
        b"x-patient",
    ]
    scope = {
        "type": "http",
        "method": canary(),
        "path": f"/patients/{canary()}",
        "raw_path": f"/patients/{canary()}".encode(),
        "query_string": f"name={canary()}".encode(),
        "headers": [(name, canary().encode()) for name in names],
        "client": (canary(), 1),
        "path_params": {"patient_id": canary()},
    }
    middleware = AuditMiddleware(app, audit=AuditLogger(AuditConfig(service="s"), sink=sink))
    try:
        asyncio.run(middleware(scope, receive, send))
    except RuntimeError:
        assert raises
    out, err = capfd.readouterr()
    written = "" if broken else str(sink.events)
    assert broken or len(sink.lines) == 1
    assert canary.found_in(written, caplog.text, out, err) == []
