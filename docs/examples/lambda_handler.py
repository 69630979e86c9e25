"""A handler as AWS Lambda calls it: a plain function, an event a call, nothing left behind when the machine is frozen.

Between two calls such an environment freezes the process, and may never thaw it. Durable delivery needs nothing more: the
event is in its sink when `record` returns. Queued delivery has to be drained before the handler returns, because its thread
freezes as well; that is what ``audit.drain()`` is for. Run it by hand, one JSON request a line:

    echo '{"user": "u-ada", "patient": "p-1"}' | .venv/bin/python docs/examples/lambda_handler.py
    .venv/bin/bh audit verify lambda-audit.jsonl

A file stands for the sink here. In a real function it is gone with its machine: take `DynamoDbSink` or `SqlSink`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink

CARE_TEAM = {"p-1": {"u-ada"}}
QUEUED = os.environ.get("CLINIC_DELIVERY") == "queued"

# Made once, at the cold start; every call of this environment shares it.
audit = AuditLogger(
    AuditConfig(service="clinic-function", delivery="queued", on_failure="drop")
    if QUEUED
    else AuditConfig(service="clinic-function"),
    sink=JsonlSink(os.environ.get("CLINIC_LEDGER", "lambda-audit.jsonl")),
)


def handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    """Read one chart, if the caller may."""
    patient = str(event["patient"])
    actor = {"subject_id": str(event["user"]), "subject_type": "human"}
    resource = {"type": "Chart", "id": patient, "patient_id": patient}
    try:
        with audit.access("READ", actor=actor, resource=resource, purpose_of_use="TREAT") as access:
            if event["user"] not in CARE_TEAM.get(patient, ()):
                raise PermissionError
            if event.get("fail"):
                raise ConnectionError
            access.add(phi_touched=True)
    except PermissionError:
        return {"status": 403}
    except ConnectionError:
        return {"status": 502}
    finally:
        if QUEUED and not audit.drain(2.0):
            print("the audit queue is not empty", file=sys.stderr)  # noqa: T201  no identifier in it
    return {"status": 200}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(handler(json.loads(line))), flush=True)  # noqa: T201
