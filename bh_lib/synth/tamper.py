"""Does to a chained log what an intruder would, and tells what it did."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random
from typing import Any

from bh_lib._jsonl import atomic_write
from bh_lib.errors import ConfigError, InputError

__all__ = ["TAMPERINGS", "tamper_log"]

TAMPERINGS = ("edit", "insert", "delete", "reorder", "strip", "truncate")
"""``strip`` takes the integrity block from one event; ``truncate`` cuts the tail, which no chain shows without an anchor."""


def tamper_log(path: str | os.PathLike[str], out: str | os.PathLike[str], kind: str, seed: int) -> dict[str, Any]:
    """Write a tampered copy of a chained JSONL log.

    Parameters
    ----------
    path, out : path
        The log, and where its tampered copy goes.
    kind : str
        One of `TAMPERINGS`.
    seed : int
        Decides the place.

    Returns
    -------
    dict
        A case as in ``answer_key.json``: ``scenario``, ``event_ids``, ``shows``, and ``line``, the first that is not as it was.

    Raises
    ------
    ConfigError
        If the kind is unknown, or path and out are one file.
    InputError
        If the log has fewer than four lines.

    Examples
    --------
    >>> import tempfile
    >>> from bh_lib.emitters import verify
    >>> from bh_lib.synth import write_events
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_events(folder, 50, seed=1)
    ...     case = tamper_log(f"{folder}/events.jsonl", f"{folder}/tampered.jsonl", "edit", seed=1)
    ...     found = verify(f"{folder}/tampered.jsonl")
    ...     str(found.verdict), found.faults[0].line == case["line"]
    ('BROKEN', True)
    """
    if kind not in TAMPERINGS:
        raise ConfigError(f"kind is one of {', '.join(TAMPERINGS)}")
    if Path(path).resolve() == Path(out).resolve():
        raise ConfigError("a tampered copy needs a file of its own", path=str(out))
    try:
        with open(path, "rb") as log:
            count = sum(1 for _ in log)
    except OSError:
        raise InputError("no such file, or it can't be read", path=str(path)) from None
    if count < 4:
        raise InputError("has fewer than four events", path=str(path))
    place = Random(f"tamper {kind} {seed}").randrange(1, count - 2)  # noqa: S311
    touched: list[str] = []
    with open(path, encoding="utf-8") as log, atomic_write(out) as copy:
        held = ""
        for number, line in enumerate(log):
            if number < place or (number > place + 1) or (number > place and kind not in ("reorder", "truncate")):
                if kind == "truncate" and number > place:
                    break
                copy.write(line)
                continue
            event = json.loads(line)
            touched.append(event["event_id"])
            if kind == "edit":
                event["outcome"] = {"status": "DENIED", "error_type": "RoleNotPermitted"}
                copy.write(_compact(event))
            elif kind == "insert":
                event["event_id"] = "00000000-0000-4000-8000-000000000000"
                copy.write(_compact(event) + line)
            elif kind == "strip":
                copy.write(_compact({key: value for key, value in event.items() if key != "integrity"}))
            elif kind == "reorder":
                if number == place:
                    held = line
                else:
                    copy.write(line + held)
            elif kind == "truncate":
                break
    shows = "bh audit verify --anchor" if kind == "truncate" else "bh audit verify names the line"
    return {"scenario": f"tampered_chain.{kind}", "event_ids": touched, "line": place + 1, "shows": shows}


def _compact(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n"
