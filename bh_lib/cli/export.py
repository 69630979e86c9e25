"""``bh audit export``: a trail that lies in a database, as a ledger file that is then verified."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from bh_lib._extras import require
from bh_lib.cli.console import JsonOption, found_wanting, progress, say, show_json
from bh_lib.emitters.export import Trail
from bh_lib.errors import InputError

__all__ = ["export"]

_VARIABLE = "BH_AUDIT_URL"
_DYNAMODB, _SQLITE = "dynamodb://", "sqlite:///"


def export(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[URL] OUT",
            help="Where the trail lies: sqlite:///FILE, postgresql://USER@HOST/NAME or dynamodb://TABLE; if left out, what the "
            "variable BH_AUDIT_URL says: give a URL with a password by it. Then the ledger to write, readable by its owner only.",
        ),
    ] = None,
    chain: Annotated[str, typer.Option(help="Name of the chain.")] = "main",
    table: Annotated[str, typer.Option(help="Name of the events' table, in SQL.")] = "audit_event",
    json: JsonOption = False,
) -> None:
    """Write a trail out of SQL or DynamoDB as a ledger, and verify it. Needs no more than the right to read.

    Status 1 if it is BROKEN or EMPTY, or if the events end before the place that the chain's own head names.
    """
    from bh_lib.emitters import export_ledger, verify

    url, out = _places(places or [])
    with progress("exporting and verifying"):
        done = export_ledger(_trail(url, chain, table), out)
        found = verify(out)
    if json:
        show_json(
            {
                "events": done.events,
                "reaches_head": done.reaches_head,
                "verdict": found.verdict.value,
                "faults": [str(fault) for fault in found.faults],
            }
        )
    else:
        say(f"{found.verdict.value}: {done.events:,} events: {out}")
        for fault in found.faults[:1]:
            say(f"first fault: {fault}")
        if not done.reaches_head:
            say("The chain's head names an event that is not there: events were removed at the end, or the chain was written anew.")
    found_wanting(found.verdict.value in ("BROKEN", "EMPTY") or not done.reaches_head)


def _places(given: list[str]) -> tuple[str, Path]:
    # Read here and not by the option parser, whose messages quote what was given: a URL may hold a password.
    *urls, out = given or [""]
    url = urls[0] if urls else os.environ.get(_VARIABLE, "")
    if not out or len(urls) > 1:
        raise InputError("give the URL and the file to write, or the file alone and the URL in BH_AUDIT_URL", place="[URL] OUT")
    if not url:
        raise InputError("no URL: give it before the file, or in BH_AUDIT_URL", place="[URL] OUT")
    if "://" in out:
        raise InputError("the file to write is missing: what stands there is a URL", place="[URL] OUT")
    return url, Path(out)


def _trail(url: str, chain: str, table: str) -> Trail:
    if url.startswith(_DYNAMODB):
        from bh_lib.emitters.sinks.dynamodb import DynamoDbSink

        client = require("boto3", extra="dynamodb").client("dynamodb")
        return DynamoDbSink(url.removeprefix(_DYNAMODB), chain=chain, client=client)
    from bh_lib.emitters.sinks.sql import SqlSink

    file = url.removeprefix(_SQLITE).partition("?")[0]
    # SQLite would make an empty database of a mistyped name.
    if url.startswith(_SQLITE) and not file.startswith("file:") and not Path(file).is_file():
        raise InputError("no such file", path=file)
    return SqlSink(url, chain=chain, table=table)
