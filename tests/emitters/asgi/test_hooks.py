"""What the application is asked about a request, and what happens when it answers badly."""

from __future__ import annotations

import asyncio
import logging

import pytest

from bh_lib.emitters.asgi import AuditMiddleware
from bh_lib.errors import ConfigError

WHO = {"subject_id": "u-7", "subject_type": "human", "roles": ["clinician"]}
CANARY = "Zanzibar"


def app_with(code=200, /, **said):
    async def app(scope, receive, send):
        scope["path_params"] = {"patient_id": "p-3"}
        scope["user"] = WHO
        scope["bh_audit"].add(**said)
        await send({"type": "http.response.start", "status": code, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


def ask(app):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(app({"type": "http", "method": "GET", "path": "/", "headers": []}, None, send))
    return sent[0]["status"]


def test_each_hook_fills_its_place(audit, last):
    app = AuditMiddleware(
        app_with(403),
        audit=audit,
        actor=lambda scope: scope["user"],
        resource=lambda scope: {"type": "Note", "id": "n-1"},
        patient=lambda scope: scope["path_params"]["patient_id"],
        purpose=lambda scope: "TREAT",
        reason=lambda scope: "ConsentRevoked",
    )
    assert ask(app) == 403
    event = last()
    assert event["actor"] == WHO
    assert event["resource"] == {"type": "Note", "id": "n-1", "patient_id": "p-3"}
    assert event["purpose_of_use"] == "TREAT"
    assert event["outcome"] == {"status": "DENIED", "error_type": "ConsentRevoked"}


def test_a_hook_that_knows_nothing_leaves_the_defaults(audit, last):
    nothing = dict.fromkeys(("actor", "resource", "patient", "purpose", "reason"), lambda scope: None)
    ask(AuditMiddleware(app_with(403), audit=audit, **nothing))
    event = last()
    assert event["actor"] == {"subject_id": "unknown", "subject_type": "human"}
    assert event["resource"] == {"type": "Route", "id": "(unmatched)"}
    assert (event["outcome"]["error_type"], "purpose_of_use" in event) == ("Forbidden", False)


def test_what_the_application_said_wins_over_the_hooks(audit, last):
    said = {"actor": WHO, "resource": {"type": "Chart", "patient_id": "p-9"}, "purpose_of_use": "HPAYMT", "error_type": "NotOnTeam"}
    hooks = {"actor": lambda scope: 1 / 0, "resource": lambda scope: 1 / 0, "purpose": lambda scope: 1 / 0}
    ask(AuditMiddleware(app_with(403, **said), audit=audit, patient_param="patient_id", reason=lambda scope: 1 / 0, **hooks))
    event = last()
    assert (event["resource"]["patient_id"], event["purpose_of_use"]) == ("p-9", "HPAYMT")
    assert event["outcome"]["error_type"] == "NotOnTeam"


def test_a_reason_is_asked_only_of_a_denial(audit, last):
    asked = []
    ask(AuditMiddleware(app_with(500), audit=audit, reason=asked.append))
    ask(AuditMiddleware(app_with(200), audit=audit, reason=asked.append))
    assert asked == []


def raising(scope):
    raise RuntimeError(CANARY)


async def asynchronous(scope):
    return CANARY


def endless(scope):
    block: dict = {"type": CANARY}
    block["id"] = block
    return block


WRONG = [
    *[raising, asynchronous, endless, lambda scope: 7, lambda scope: [CANARY], lambda scope: {CANARY: CANARY}],
    *[lambda scope: CANARY * 40, lambda scope: "\ud800" + CANARY, lambda scope: object(), lambda scope: {"type": "\ud800"}],
    *[lambda scope: CANARY.encode(), lambda scope: {CANARY}, lambda scope: {7: CANARY}],
]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("place", ["actor", "resource", "patient", "purpose", "reason"])
@pytest.mark.parametrize("hook", WRONG)
def test_a_hook_that_answers_badly_costs_its_answer_and_nothing_else(audit, last, caplog, place, hook):
    caplog.set_level(logging.DEBUG)
    app = AuditMiddleware(app_with(403), audit=audit, **{place: hook})
    assert ask(app) == 403
    assert (len(audit.sink.lines), app.counters["reduced"], app.health()["reduced"]) == (1, 1, 1)
    assert last()["outcome"] == {"status": "DENIED", "error_type": "Forbidden"}
    assert CANARY not in caplog.text + str(audit.sink.events)


@pytest.mark.parametrize("words", ["Ann Example's consent was revoked", "", 7, None, "x" * 129, "p-3\u2028"])
def test_a_reason_that_is_no_class_of_refusals_is_left_out(audit, last, words):
    app = AuditMiddleware(app_with(403, actor=WHO, error_type=words), audit=audit)
    ask(app)
    assert (last()["outcome"]["error_type"], last()["actor"]) == ("Forbidden", WHO)
    assert app.counters["reduced"] == 1


@pytest.mark.parametrize(
    "said",
    [
        *[{"purpose_of_use": "BECAUSE"}, {"nonsense": CANARY}, {"self": CANARY}, {"event": 1}, {"actor": "x"}],
        *[{"resource": {"type": "Note", "id": "\ud800"}}, {"http": {"method": CANARY}}, {"metadata": {"a": object()}, "status": 1}],
    ],
)
def test_wrong_words_of_the_application_cost_those_words_only(audit, last, said):
    app = AuditMiddleware(app_with(**said), audit=audit)
    assert ask(app) == 200
    assert app.counters["reduced"] == 1
    assert last()["outcome"] == {"status": "SUCCESS"}
    assert CANARY not in str(last())


@pytest.mark.parametrize("hook", [raising, lambda scope: {CANARY: 1}])
def test_fail_closed_refuses_where_the_event_is_not_complete_and_says_so_in_it(audit, last, hook):
    assert ask(AuditMiddleware(app_with(), audit=audit, actor=hook, fail_closed=True)) == 503
    event = last()
    assert (event["outcome"]["status"], event["outcome"]["error_type"]) == ("FAILURE", "AuditIncomplete")
    assert (event["http"]["status_code"], len(audit.sink.lines)) == (503, 1)
    # A refusal gives nothing away: it stays what it was.
    assert ask(AuditMiddleware(app_with(403), audit=audit, actor=hook, fail_closed=True)) == 403
    assert last()["outcome"]["status"] == "DENIED"


def test_a_hook_is_a_function(audit):
    with pytest.raises(ConfigError, match="purpose"):
        AuditMiddleware(app_with(), audit=audit, purpose="TREAT")
