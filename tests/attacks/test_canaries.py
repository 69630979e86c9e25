"""A thousand identifiers planted wherever a caller can put one: none comes out but where the standard asks for it.

What a web client sends is planted in `test_asgi_canaries`.
"""

from __future__ import annotations

import asyncio
import json
import re
import traceback

import pytest

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, MemorySink, Sink
from bh_lib.errors import BhError
from bh_lib.schema import event_schema

WHO = {"subject_id": "u-7", "subject_type": "human"}
WHAT = {"type": "Note", "id": "n-1"}

#: Identifiers that an audit event is there to hold: kept as they are given.
KEPT = {
    *("/actor/subject_id", "/actor/org_id", "/actor/owner_org_id"),
    *("/resource/id", "/resource/patient_id"),
    *("/correlation/request_id", "/correlation/trace_id", "/correlation/session_id"),
    *("/delegation/acting/subject_id", "/delegation/authorizing/subject_id", "/delegation/authorizing/org_id"),
    *("/delegation/agent_session_id", "/delegation/parent_agent_session_id"),
    *("/consent/id", "/disclosure/recipient/id", "/emergency/approved_by"),
}
#: Texts that are scrubbed, and the kinds that stay in them: a code may be a run of digits, a model's version a date.
SCRUBBED = {
    **dict.fromkeys(("/outcome/error_type", "/outcome/error_message", "/action/name", "/resource/type"), ()),
    **dict.fromkeys(("/actor/roles/*", "/actor/auth/method", "/attribution/method", "/consent/scope"), ()),
    **dict.fromkeys(("/http/user_agent", "/http/route_template", "/metadata/allowed"), ()),
    **dict.fromkeys(("/disclosure/description_code", "/emergency/nature_code"), ("digits",)),
    **dict.fromkeys(
        [f"/delegation/acting/agent/{name}" for name in ("vendor", "model_family", "model_version", "harness", "harness_version")],
        ("digits", "date"),
    ),
}
#: Not the caller's: from the configuration, or made by the logger and the chain.
OURS = re.compile(r"/(service|integrity)/|/schema_version")
#: Held by the schema to a form of its own: an identifier in it is refused.
FORMED = {"/event_id", "/timestamp", "/consent/signed_at", "/consent/expires_at", "/consent/revoked_at", "/http/client_ip"}
FORMED |= {"/emergency/review_due_at"}


def fields(schema, node=None, path=""):
    """Every text of an event, as a path, and whether the schema lists its words."""
    node = schema if node is None else node
    if "$ref" in node:
        target = schema
        for step in node["$ref"].split("/")[1:]:
            target = target[step]
        yield from fields(schema, target, path)
        return
    for key, child in node.get("properties", {}).items():
        yield from fields(schema, child, f"{path}/{key}")
    if "items" in node:
        yield from fields(schema, node["items"], f"{path}/*")
    if node.get("type") == "string":
        yield path, "enum" in node or "const" in node


def planted(texts):
    """A whole event with a text at each of these paths."""
    event = {
        "actor": {**WHO, "auth": {"method": "password", "mfa": True}},
        "resource": {**WHAT, "sensitivity": ["PSY"]},
        "consent": {"basis": "CONSENT"},
        "disclosure": {"recipient": {"id": "r", "type": "court"}},
        "emergency": {"nature_code": "E1"},
        "http": {"method": "GET"},
        "attribution": {"level": "bound"},
        "delegation": {
            "acting": {"subject_id": "a", "subject_type": "agent", "agent": {"interface": "api"}},
            "authorizing": {"subject_id": "h", "subject_type": "human"},
            "delegation_type": "supervised",
            "chain_depth": 2,
            "agent_session_id": "s",
        },
    }
    for path, text in texts.items():
        steps = path.split("/")[1:]
        if steps[0] in ("outcome", "action"):
            event[steps[1]] = text
            continue
        at = event
        for step in steps[:-1]:
            at = at.setdefault(step, [] if steps[-1] == "*" and step == steps[-2] else {})
        if steps[-1] == "*":
            at.append(text)
        else:
            at[steps[-1]] = text
    return event


def at(event, path):
    for step in path.split("/")[1:]:
        event = event[0] if step == "*" else event[step]
    return event


class Careless(Sink):
    """Raises with the whole event in its message, as database drivers do."""

    name = "careless"

    def write(self, line: bytes) -> None:
        raise RuntimeError(f"could not insert {line!r}")


def events_in(sink, tmp_path):
    if sink.name == "stdlog":
        lines = (tmp_path / "trail.log").read_bytes().splitlines()
    elif sink.name == "jsonl":
        lines = sink.path.read_bytes().splitlines()
    else:
        lines = list(sink.lines() if callable(sink.lines) else sink.lines)
    return [json.loads(line) for line in lines]


def test_every_text_of_an_event_is_on_one_list_or_the_other():
    listed = dict(fields(event_schema("3.0")))
    free = {path for path, words in listed.items() if not words and not OURS.match(path)}
    assert free - FORMED == KEPT | SCRUBBED.keys() - {"/metadata/allowed"}
    assert listed.keys() >= FORMED


def test_a_thousand_identifiers_planted_everywhere_stay_out_of_every_sink_and_log(out, canaries, names, tmp_path, any_sink):
    sink = any_sink
    audit = AuditLogger(AuditConfig(service="s", metadata=["allowed"], names=names), sink=sink)
    paths, kept_paths, recorded = list(SCRUBBED), sorted(KEPT), []
    for turn in range(60):
        texts = {path: canaries[(turn * len(paths) + n) % 1000] for n, path in enumerate(paths)}
        texts = {path: canary for path, canary in texts.items() if canary.kind not in SCRUBBED[path]}
        kept = {path: f"kept {turn}-{n} " + canaries[turn + n].text for n, path in enumerate(kept_paths)}
        event = planted({**{path: f"x {canary.text}" for path, canary in texts.items()}, **kept})
        other = [canary.text for canary in canaries[turn * 16 : turn * 16 + 16]]
        event["metadata"].update({text: text for text in other[:8]}, nested={other[8]: [other[9]]}, listed=other[10:])
        audit.record("DISCLOSE", status="FAILURE", **event)
        recorded.append((texts, kept))
    # What is read back passes the driver's logging too.
    written = events_in(sink, tmp_path)
    sink.holds(["x"])
    out.say(str(audit.health()))
    audit.close()
    assert len(written) == 60
    for event, (texts, kept) in zip(written, recorded, strict=True):
        assert {path: at(event, path) for path in kept} == kept
        assert event["metadata"].keys() <= {"allowed"}
        for path, canary in texts.items():
            shown = at(event, path)
            assert canary.text not in shown and re.search(r"\[[A-Z]+\]", shown), (path, canary.kind)
            assert not re.search(r"\d", shown), (path, canary.kind, "a part of it is left")
    assert out.shows([canary.text for canary in canaries]) == []


@pytest.mark.parametrize("policy", ["raise", "drop", "spool"])
@pytest.mark.parametrize("delivery", ["durable", "queued"])
def test_a_failing_sink_that_quotes_the_event_is_not_quoted(out, canaries, tmp_path, delivery, policy):
    if (delivery, policy) == ("queued", "raise"):
        pytest.skip("a queue has no caller to raise to")
    spool = tmp_path / "spool.jsonl" if policy == "spool" else None
    config = AuditConfig(service="s", delivery=delivery, on_failure=policy, spool=spool, capacity=50, when_full="drop")
    audit, texts = AuditLogger(config, sink=Careless()), [canary.text for canary in canaries]
    for start in range(0, 1000, len(KEPT)):
        batch = (texts * 2)[start : start + len(KEPT)]
        try:
            audit.record("READ", **planted(dict(zip(sorted(KEPT), batch, strict=True))))
        except BhError as error:
            out.say("".join(traceback.format_exception(error)))
            assert policy == "raise"
    audit.drain(5)
    audit.close()
    out.say(str(audit.health()))
    assert out.shows(texts) == []
    # The journal holds events as they will be in the trail, readable by their owner only.
    assert not spool or spool.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("path", sorted({*dict(fields(event_schema("3.0"))), "/metadata"} - {"/schema_version"}))
def test_a_field_of_a_wrong_type_or_length_is_refused_without_its_value(out, canaries, path):
    if OURS.match(path):
        pytest.skip("not the caller's")
    texts = [canary.text for canary in canaries[:40]]
    audit = AuditLogger(AuditConfig(service="s"), sink=MemorySink())
    refused = 0
    for number, text in enumerate(texts):
        wrong = ([text], {text: text}, text.encode(), text * 60, {1: text}, [[text]], (text, {text}), Exception(text))[number % 8]
        try:
            audit.record("READ", **planted({path: wrong}))
        except BhError as error:
            refused += 1
            out.say("".join(traceback.format_exception(error)), str(error.args))
            assert error.__context__ is None or error.__suppress_context__
    trail = json.dumps(audit.sink.events, ensure_ascii=False)
    assert [text for text in texts if text in trail] == [text for text in texts if text * 60 in trail] == []
    assert out.shows(texts) == []
    assert refused or path in ("/outcome/error_message", "/metadata")


def test_names_of_fields_that_no_version_knows_are_not_shown(out, canaries):
    audit = AuditLogger(AuditConfig(service="s"), sink=MemorySink())
    texts = [canary.text for canary in canaries[:200]]
    for text in texts:
        for event in ({text: 1}, {"actor": {**WHO, text: 1}}, {"resource": {**WHAT, text: text}}, {"http": {text: text}}):
            with pytest.raises(BhError) as caught:
                audit.record("READ", **{"actor": WHO, "resource": WHAT, **event})
            out.say("".join(traceback.format_exception(caught.value)))
        with pytest.raises(BhError) as caught:
            audit.record(text, actor=WHO, resource=WHAT)
        out.say("".join(traceback.format_exception(caught.value)))
    assert audit.sink.lines == []
    assert out.shows(texts) == []


def test_an_exception_keeps_its_words_to_itself_in_a_block_a_function_and_a_coroutine(out, canaries, tmp_path):
    path, texts = tmp_path / "a.jsonl", [canary.text for canary in canaries]
    audit = AuditLogger(AuditConfig(service="s"), sink=JsonlSink(path))
    access = audit.access("READ", actor=WHO, resource=WHAT)

    @access
    def plain(error):
        raise error

    @access
    async def awaited(error):
        raise error

    for number, text in enumerate(texts):
        error = (ValueError, PermissionError, KeyError, type(f"Of {text}", (RuntimeError,), {}))[number % 4](text)
        with pytest.raises(type(error)):
            if number % 3 == 0:
                with audit.access("READ", actor=WHO, resource=WHAT):
                    raise error
            elif number % 3 == 1:
                plain(error)
            else:
                asyncio.run(awaited(error))
    written = path.read_text("utf-8")
    assert written.count("\n") == 1000
    plain_texts = [canary.text for canary in canaries if canary.kind != "name"]
    assert [text for text in plain_texts if text in written] == []
    assert out.shows(texts) == []


def test_a_spoilt_spool_is_not_quoted(out, canaries, tmp_path):
    texts, spool = [canary.text for canary in canaries], tmp_path / "spool"
    spool.write_text("\n".join([f'{{"event_id": "{text}", ' for text in texts]) + '\n{"torn": "' + texts[0], "utf-8")
    with AuditLogger(AuditConfig(service="s", spool=spool), sink=MemorySink()) as audit:
        audit.record("READ", actor=WHO, resource=WHAT)
        audit.drain()
        out.say(str(audit.health()))
    assert out.shows(texts) == []
