"""The example handler, frozen after each answer as a function's machine is, and thawed, or killed in its sleep."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from bh_lib.emitters import read_ledger, verify

CALLS = [
    ({"user": "u-ada", "patient": "p-1"}, 200, ("SUCCESS", None)),
    ({"user": "u-eve", "patient": "p-1"}, 403, ("DENIED", "PermissionError")),
    ({"user": "u-ada", "patient": "p-1", "fail": True}, 502, ("FAILURE", "ConnectionError")),
]


@pytest.mark.parametrize("delivery", ["durable", "queued"])
def test_what_was_answered_before_a_freeze_is_kept_whether_it_thaws_or_not(root, tmp_path, delivery):
    ledger = tmp_path / "ledger.jsonl"
    environment = {**os.environ, "CLINIC_LEDGER": str(ledger), "CLINIC_DELIVERY": delivery, "PYTHONPATH": str(root)}
    command = [sys.executable, str(root / "docs" / "examples" / "lambda_handler.py")]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    want = []
    try:
        for round_ in range(10):
            for call, status, outcome in CALLS:
                process.stdin.write(json.dumps(call) + "\n")
                process.stdin.flush()
                assert json.loads(process.stdout.readline()) == {"status": status}
                process.send_signal(signal.SIGSTOP)
                want.append(outcome)
                # Frozen, and all of it is there already.
                told = [(event["outcome"]["status"], event["outcome"].get("error_type")) for event in read_ledger(ledger)]
                assert told == want
                time.sleep(0.01 if round_ else 0.2)
                process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGSTOP)
        process.kill()  # never thawed
    finally:
        process.kill()
        process.wait(10)
        process.stdin.close()
        process.stdout.close()
    assert len(list(read_ledger(ledger))) == len(want) == 30
    assert verify(ledger).verdict.value == "CONSISTENT"
