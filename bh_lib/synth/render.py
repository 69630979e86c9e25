"""Turns a day's rows into audit events."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from bh_lib.synth.acts import ACTS
from bh_lib.synth.workday import Row, Workday

__all__ = ["ACTION_BLOCKS", "SERVICE_BLOCKS", "SUCCESS", "SchemaVersion", "day_events", "event_ids", "resource_id"]

SchemaVersion = str

SUCCESS: dict[str, Any] = {"status": "SUCCESS"}
SERVICE_BLOCKS: list[dict[str, Any]] = [{"name": act.service, "environment": "prod", "version": "3.2"} for act in ACTS]
ACTION_BLOCKS: list[dict[str, Any]] = [
    {"type": act.action, "name": act.name, "phi_touched": act.phi, "data_classification": "PHI" if act.phi else "NONE"}
    for act in ACTS
]
_SECONDS = [f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}." for s in range(86_400)]
_MILLIS = [f"{ms:03d}Z" for ms in range(1000)]
_VERSION_NIBBLE = bytes((byte & 0x0F) | 0x40 for byte in range(256))
_VARIANT_BITS = bytes((byte & 0x3F) | 0x80 for byte in range(256))


def event_ids(rng: Random, count: int) -> bytes:
    """Draw ``count`` UUIDs of version 4, 16 bytes each."""
    raw = bytearray(rng.randbytes(16 * count))
    raw[6::16] = raw[6::16].translate(_VERSION_NIBBLE)
    raw[8::16] = raw[8::16].translate(_VARIANT_BITS)
    return bytes(raw)


def resource_id(row: Row) -> str | None:
    """``resource.id`` of a row: fixed by its extra, the patient, or a number after the kind's prefix."""
    _, act, _, patient, number, _, extra, _ = row
    if extra is not None and extra.resource_id is not None:
        return extra.resource_id
    prefix = ACTS[act].prefix
    if not prefix:
        return f"pat-{patient:06d}" if patient >= 0 else None
    return f"{prefix}-{patient:06d}-{number}" if patient >= 0 else f"{prefix}-{number}"


def day_events(work: Workday, rows: list[Row], ids: bytes) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield ``(event of schema 3.0, case)`` for a day's rows, which are in the order of the log.

    Blocks that many events have alike are one object in all of them: copy before you change one.
    """
    text, date, actors, sessions = ids.hex(), work.date, work.actors, work.sessions
    programs, program_of = work.clinic.programs, work.clinic.program_of
    labels = [program.sensitivity for program in programs]
    correlations = [{"session_id": session.session_id} for session in sessions]
    at = 0
    for row in rows:
        when, act, actor, patient, _, session, extra, case = row
        spec, mark = ACTS[act], text[at : at + 32]
        at += 32
        event: dict[str, Any] = {
            "schema_version": "3.0",
            "event_id": f"{mark[:8]}-{mark[8:12]}-{mark[12:16]}-{mark[16:20]}-{mark[20:]}",
            "timestamp": date + _SECONDS[when // 1000] + _MILLIS[when % 1000],
            "service": SERVICE_BLOCKS[act],
        }
        if session >= 0:
            event["correlation"] = correlations[session]
        event["actor"] = actors[actor]
        event["action"] = ACTION_BLOCKS[act]
        resource: dict[str, Any] = {"type": spec.resource}
        named = resource_id(row)
        if named is not None:
            resource["id"] = named
        if patient >= 0:
            resource["patient_id"] = f"pat-{patient:06d}"
            resource["sensitivity"] = labels[program_of[patient]]
        event["resource"] = resource
        if session >= 0 and spec.method:
            _, client_ip, agent = sessions[session]
            event["http"] = {
                "method": spec.method,
                "route_template": spec.route,
                "status_code": 200 if extra is None else extra.status,
                "client_ip": client_ip,
                "user_agent": agent,
            }
        event["outcome"] = SUCCESS
        if spec.purpose:
            event["purpose_of_use"] = spec.purpose
        if extra is not None:
            event.update(extra.blocks)
        yield event, case
