"""A small clinic API whose every request leaves an audit event: run it, ask it, prove the ledger.

    .venv/bin/uvicorn --app-dir docs/examples clinic_app:app --workers 2
    curl -H 'x-user: u-ada' localhost:8000/patients/p-1/notes/n-1
    curl -H 'x-user: u-eve' localhost:8000/patients/p-1/notes/n-1        # DENIED: NotOnCareTeam
    .venv/bin/bh audit verify clinic-audit.jsonl

Set CLINIC_LEDGER to keep the ledger elsewhere. The people are made up, and a header stands for the log-in that a real
service has. All workers write one ledger: one chain, however many there are.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

from fastapi import APIRouter, FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.responses import StreamingResponse

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, exit_on_sigterm
from bh_lib.emitters.asgi import AuditMiddleware

STAFF = {"u-ada": ["clinician"], "u-ben": ["clinician"], "u-eve": ["billing"]}
CARE_TEAM = {"p-1": {"u-ada", "u-ben"}, "p-2": {"u-ben"}}
NOTES = {("p-1", "n-1"): "made up", ("p-2", "n-2"): "made up as well"}

DELIVERY = os.environ.get("CLINIC_DELIVERY", "durable")
audit = AuditLogger(
    AuditConfig(
        service="clinic-api",
        environment="example",
        delivery="queued" if DELIVERY == "queued" else "durable",
        on_failure="drop" if DELIVERY == "queued" else "raise",
    ),
    sink=JsonlSink(os.environ.get("CLINIC_LEDGER", "clinic-audit.jsonl")),
)


def actor(scope) -> dict | None:
    """Who asks: what the log-in left in the scope."""
    user = scope.get("state", {}).get("user")
    return {"subject_id": user, "subject_type": "human", "roles": STAFF[user]} if user else None


class LogIn:
    """Stands for real authentication: a header names the user."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        """Pass a request on with its user, or None."""
        if scope["type"] != "lifespan":
            user = dict(scope["headers"]).get(b"x-user", b"").decode("latin-1")
            # A new dict: the server shares its state between requests.
            scope["state"] = {**scope.get("state", {}), "user": user if user in STAFF else None}
        await self.app(scope, receive, send)


charts = APIRouter(prefix="/patients/{patient_id}")


def may_see(request: Request | WebSocket, patient_id: str) -> None:
    """Let the care team pass; tell the audit trail why anyone else doesn't."""
    said, user = request.scope["bh_audit"], request.state.user
    said.add(resource={"type": "Patient", "id": patient_id, "patient_id": patient_id}, purpose_of_use="TREAT")
    if user is None:
        raise HTTPException(401)
    if patient_id not in CARE_TEAM:
        raise HTTPException(404)
    if user not in CARE_TEAM[patient_id]:
        said.deny("NotOnCareTeam")
        raise HTTPException(403)
    said.add(phi_touched=True)


@charts.get("/notes/{note_id}")
async def read_note(request: Request, patient_id: str, note_id: str) -> dict:
    """One note."""
    may_see(request, patient_id)
    if (patient_id, note_id) not in NOTES:
        raise HTTPException(404)
    request.scope["bh_audit"].add(resource={"type": "Note", "id": note_id, "patient_id": patient_id})
    return {"note": NOTES[patient_id, note_id]}


@charts.post("/notes", status_code=201)
def write_note(request: Request, patient_id: str) -> dict:
    """A note, kept nowhere. A plain function, so FastAPI runs it in a thread: the audit trail doesn't mind."""
    may_see(request, patient_id)
    return {"kept": False}


@charts.get("/export")
async def export(request: Request, patient_id: str) -> StreamingResponse:
    """A stream is one event too, an EXPORT."""
    may_see(request, patient_id)
    request.scope["bh_audit"].add(action="EXPORT")

    async def parts() -> AsyncIterator[str]:
        for number in range(5):
            yield f"part {number}\n"
            await asyncio.sleep(0)

    return StreamingResponse(parts(), media_type="text/plain")


@charts.get("/labs")
async def labs(request: Request, patient_id: str) -> dict:
    """A system that fails: FAILURE, never DENIED, and the exception's words stay out of the trail."""
    may_see(request, patient_id)
    raise ConnectionError(f"the laboratory didn't answer about {patient_id}")


@charts.websocket("/chat")
async def chat(socket: WebSocket, patient_id: str) -> None:
    """A connection is one event, written at its end."""
    try:
        may_see(socket, patient_id)
    except HTTPException:
        raise WebSocketException(1008) from None
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass


app = FastAPI(title="Clinic")
app.include_router(charts)


@app.get("/metrics")
async def metrics(request: Request) -> dict:
    """The audit trail's own health, in numbers only; this request isn't audited."""
    said = request.scope["bh_audit"]
    said.skip()
    return said.health()


# The last one added is the outermost: the audit sees every answer, the log-in's too.
app.add_middleware(LogIn)
app.add_middleware(AuditMiddleware, audit=audit, actor=actor, exclude=["/healthz"])

if DELIVERY == "queued":
    # For a server that runs without lifespan, which would not say that it ends.
    exit_on_sigterm()
