"""``bh schema``: the audit event standard."""

from __future__ import annotations

from enum import StrEnum
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from bh_lib._jsonl import read_jsonl
from bh_lib.cli.console import JsonOption, found_wanting, progress, say, show_json, show_table

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Validate, convert and map audit events.")

_SHOWN = 50
_NOTICE = "An engineering reference, not legal advice."


class Framework(StrEnum):
    """Frameworks that controls are mapped to."""

    HIPAA = "hipaa"
    SOC2 = "soc2"
    PART2 = "part2"


@app.command(epilog="Example: bh schema validate audit.jsonl --version 3.0")
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Logs, JSONL.")],
    version: Annotated[str | None, typer.Option(help="Hold every event to this version; each to its own if left out.")] = None,
    json: JsonOption = False,
) -> None:
    """Print every problem as  path: rule, never the value. Status 1 if there is one, 2 if a line is not JSON."""
    from bh_lib.schema import validate_file

    count = events = 0
    unusable = False

    def tick(*_: object) -> None:
        nonlocal events
        events += 1

    for file in files:
        with progress(f"validating {file.name}"):
            for line, problem in validate_file(file, version, on_event=tick):
                count += 1
                unusable = unusable or problem.rule == "is not valid JSON"
                if json:
                    row = {"file": str(file), "line": line, "path": problem.path, "rule": problem.rule}
                    # Row by row: a log with a fault in every line would not fit into memory.
                    typer.echo(("[" if count == 1 else ",") + dumps(row, ensure_ascii=False))
                elif count <= _SHOWN:
                    say(f"{file}, line {line}: {problem}")
    if json:
        typer.echo("]" if count else "[]")
    elif count:
        say(f"{count:,} problems" + (f", the first {_SHOWN} shown; --json lists all" if count > _SHOWN else ""))
    else:
        say(f"{events:,} events hold the schema")
    if unusable:
        raise typer.Exit(2)
    found_wanting(count > 0)


@app.command(epilog="Example: bh schema convert audit.jsonl balp.ndjson --to balp-r4")
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A log, JSONL.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The converted log, JSONL.")],
    to: Annotated[str, typer.Option(help="1.0, 1.1, 2.0, 2.1, 3.0, balp-r4, fhir-r4, fhir-r5, ocsf or cloudevents.")],
    agents: Annotated[str, typer.Option(help="An agent's event under 1.x: refuse it, or flatten it and say so.")] = "refuse",
    json: JsonOption = False,
) -> None:
    """Convert a log and list what is lost. Status 1 if an event was left out.

    balp-r4 leaves out, and counts, what the BALP profiles have no place for (failures, log-ins); fhir-r4 takes everything.
    """
    from bh_lib.schema import convert_file

    with progress("converting"):
        report = convert_file(source, target, to, agents=agents).to_dict()
    if json:
        show_json(report)
    else:
        say(f"{report['written']:,} of {report['read']:,} events in {target}")
        if report["losses"]:
            show_table(("lost or changed", "why", "events"), [(row["path"], row["why"], row["events"]) for row in report["losses"]])
        if report["refused"]:
            show_table(
                ("left out", "why", "events"), [(row["path"] or "event", row["rule"], row["events"]) for row in report["refused"]]
            )
    found_wanting(bool(report["refused"]))


@app.command(epilog="Example: bh schema controls --framework part2 --events out/log/events.jsonl --html out/controls.html")
def controls(
    framework: Annotated[Framework | None, typer.Option(help="One framework; all if left out.")] = None,
    events: Annotated[Path | None, typer.Option(help="A log: evidence found and missing, per control.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the evidence as a page.")] = None,
    json: JsonOption = False,
) -> None:
    """Show which sections of HIPAA, SOC 2 and 42 CFR Part 2 the standard answers, and the evidence in a log.

    An engineering reference, not legal advice.
    """
    from bh_lib._jsonl import atomic_write
    from bh_lib.schema import evidence_html, gather_evidence, load_controls

    name = None if framework is None else framework.value
    if events is None:
        known = load_controls(name)
        if json:
            show_json([control.to_dict() for control in known])
        else:
            show_table(("section", "title", "status"), [(c.section, c.title, c.status.value) for c in known])
            say(_NOTICE)
        return
    with progress("gathering evidence"):
        found = gather_evidence((event for _, event in read_jsonl(events)), name)
    if html is not None:
        with atomic_write(html) as out:
            out.write(evidence_html(found))
    if json:
        show_json([each.to_dict() for each in found])
    else:
        show_table(("section", "title", "status", "evidence", "not shown by every event"), [each.to_row() for each in found])
        say(_NOTICE)
