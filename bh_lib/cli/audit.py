"""``bh audit``: is the log sound, is it whole, and who saw whom."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from bh_lib._jsonl import atomic_write
from bh_lib.cli.console import JsonOption, found_wanting, progress, say, show_json, show_table
from bh_lib.errors import InputError

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Check, verify, sign and review an audit log.")

_SHOWN = 15
Log = Annotated[Path, typer.Argument(metavar="FILE", help="An audit log, JSONL.")]


@app.command(epilog="Example: bh audit check out/log/events.jsonl --docs out/docs")
def check(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="An audit log, JSONL or Parquet, or a database: sqlite:///… or postgresql://…")
    ],
    docs: Annotated[Path | None, typer.Option(file_okay=False, help="Folder for Great Expectations' Data Docs.")] = None,
    json: JsonOption = False,
) -> None:
    """Run the Great Expectations suite over a log. Status 1 if a critical expectation fails.

    With --json and in the Data Docs, each failure names its events by id.
    """
    from bh_lib.checks import check_events

    with progress("checking"):
        report = check_events(file, docs)
    if json:
        show_json(report.to_dict())
    else:
        held = len(report.outcomes) - len(report.failed())
        say(f"{report.rows:,} events: {held} of {len(report.outcomes)} expectations hold")
        rows = [
            (o.severity, o.expectation, o.column, "-" if o.unexpected is None else o.unexpected, o.reason) for o in report.failed()
        ]
        if rows:
            show_table(("severity", "expectation", "column", "rows", "why it is expected"), rows)
        if report.docs:
            say(f"Data Docs: {report.docs}")
    found_wanting(bool(report.failed("critical")))


Anchors = Annotated[list[Path] | None, typer.Option(help="A checkpoint that was kept elsewhere; may be given several times.")]
PublicKey = Annotated[Path | None, typer.Option(help="The public key that the checkpoints must be signed with.")]


@app.command(epilog="Example: bh audit verify audit.jsonl --anchor audit.checkpoint --public-key auditor.pub")
def verify(
    file: Log,
    anchor: Anchors = None,
    public_key: PublicKey = None,
    restarts: Annotated[
        bool, typer.Option("--restarts", help="A log of bh-audit-logger, which began a new chain at each start: verify each run.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Verify the chain: COMPLETE (with an anchor), CONSISTENT, BROKEN or EMPTY, and the first fault.

    FILE stands for all files that it was rotated into. Status 0 for COMPLETE and CONSISTENT, 1 for BROKEN and EMPTY. Not there
    yet: proofs for single events.
    """
    from bh_lib.emitters import read_key, verify

    with progress("verifying"):
        found = verify(file, anchor, key=None if public_key is None else read_key(public_key), restarts=restarts, workers=None)
    if json:
        show_json(
            {
                "verdict": found.verdict.value,
                "events": found.events,
                "chains": found.chains,
                "pruned": found.pruned,
                "restarts": found.restarts,
                "anchored": found.anchored,
                "signature": found.signature,
                "torn_bytes": found.torn_bytes,
                "faults": [str(fault) for fault in found.faults],
            }
        )
    else:
        say(f"{found.verdict.value}: {found.events:,} events, {found.chains} chain(s), {found.anchored:,} under the anchor")
        if found.pruned:
            say(f"before them, {found.pruned:,} events were pruned")
        if restarts:
            say(f"the chain began anew {found.restarts:,} time(s): that a whole run, or the end of one, is gone would not show")
        for fault in found.faults[:1]:
            say(f"first fault: {fault}")
        if found.verdict.value == "CONSISTENT" and restarts:
            pass  # said above; no anchor makes more of it
        elif found.verdict.value == "CONSISTENT" and anchor:
            say("The anchor is from before the pruning, and no proof of it was kept: nothing here says that it holds.")
        elif found.verdict.value == "CONSISTENT":
            say("Nothing contradicts itself; whether the tail is whole can only be said with an anchor (bh audit checkpoint).")
    found_wanting(found.verdict.value in ("BROKEN", "EMPTY"))


@app.command(epilog="Example: bh audit prune audit.jsonl --before 2020-01-01 --anchor audit.checkpoint --key retention.key")
def prune(
    file: Log,
    before: Annotated[str, typer.Option(metavar="T", help="Remove what is older (ISO 8601; a day is one of UTC).")],
    anchor: Anchors = None,
    public_key: PublicKey = None,
    key: Annotated[Path | None, typer.Option(help="A secret key that signs what is left of the removed events.")] = None,
    actor: Annotated[str, typer.Option(metavar="ID", help="Who prunes: stands in the event.")] = "bh-audit-prune",
    audit: Annotated[
        Path | None, typer.Option(help="Where the event of this pruning goes; FILE.reviews.jsonl if left out.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Remove old events for good, and keep the proof of what follows, in FILE.pruned.

    The ledger is verified first, and a broken one is left alone. Anchors that are given here can still be verified afterwards.
    """
    from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, ledger_files, prune, read_key
    from bh_lib.emitters.prune import read_time

    when = read_time(before)
    if not ledger_files(file)[0].exists():
        # Before the trail of prunings is opened, which would make it.
        raise InputError("no such file", path=str(file))
    with (
        progress("verifying and pruning"),
        AuditLogger(AuditConfig(service="bh-audit-prune"), sink=JsonlSink(audit or file.with_suffix(".reviews.jsonl"))) as trail,
    ):
        done = prune(
            file,
            when,
            anchor=anchor,
            anchor_key=None if public_key is None else read_key(public_key),
            key=None if key is None else read_key(key),
            audit=trail,
            actor={"subject_id": actor, "subject_type": "service" if actor == "bh-audit-prune" else "human"},
        )
    if json:
        show_json({"removed": done.removed, "pruned": done.pruned, "kept": done.kept, "record": str(done.record)})
    elif done.removed:
        say(
            f"{done.removed:,} events removed, {done.kept:,} kept; back up {done.record} with the log: without it the log is BROKEN"
        )
    else:
        say(f"Nothing is that old: {done.kept:,} events kept")


@app.command(epilog="Example: bh audit checkpoint audit.jsonl --key auditor.key --out audit.checkpoint")
def checkpoint(
    file: Log,
    key: Annotated[Path, typer.Option(help="The secret key; made, with KEY.pub beside it, if it is not there yet.")],
    out: Annotated[Path, typer.Option(help="The checkpoint to keep where the log's writer can't change it.")],
) -> None:
    """Verify a log and sign its size and root (C2SP signed note, Ed25519)."""
    from bh_lib.emitters import ensure_key, write_checkpoint

    made = ensure_key(key)
    try:
        with progress("verifying and signing"):
            signed = write_checkpoint(file, out, key, workers=None)
    except BaseException:
        # A key that signed nothing would be taken for the log's key.
        for path in (key, Path(f"{key}.pub")) if made else ():
            path.unlink(missing_ok=True)
        raise
    if made:
        say(f"made a new key: {key} (keep it off the machine that writes the log) and {key}.pub")
    say(f"{signed.size:,} events signed: {out}")


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value[:3])) + (f" and {len(value) - 3} more" if len(value) > 3 else "")
    return "" if value is None else str(value)


@app.command(epilog="Example: bh audit review out/log/events.jsonl --unexplained --html out/review.html")
def review(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An audit log, JSONL or Parquet.")],
    patient: Annotated[str | None, typer.Option(metavar="ID", help="Accesses to this patient.")] = None,
    actor: Annotated[str | None, typer.Option(metavar="ID", help="What this person did.")] = None,
    since: Annotated[str | None, typer.Option(metavar="T", help="From this time on (ISO 8601).")] = None,
    until: Annotated[str | None, typer.Option(metavar="T", help="Before this time (ISO 8601).")] = None,
    denied: Annotated[bool, typer.Option("--denied", help="Denials by reason.")] = False,
    disclosures: Annotated[bool, typer.Option("--disclosures", help="Accounting of disclosures.")] = False,
    unexplained: Annotated[bool, typer.Option("--unexplained", help="Accesses that nothing explains.")] = False,
    context: Annotated[
        Path | None, typer.Option(help="What explains accesses: appointments, care teams, staff (context.jsonl).")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report for a privacy officer.")] = None,
    reviewer: Annotated[str, typer.Option(metavar="ID", help="Who reviews: stands in the REVIEW event.")] = "reviewer",
    audit: Annotated[
        Path | None, typer.Option(help="Where the REVIEW event of this review goes; FILE.reviews.jsonl if left out.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Who saw whom, and why. Reading the trail is itself audited."""
    from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink
    from bh_lib.review import record_review, review_log

    with progress("reviewing"):
        found = review_log(
            file,
            patient=patient,
            actor=actor,
            since=since,
            until=until,
            denied=denied,
            disclosures=disclosures,
            unexplained=unexplained,
            context=context,
        )
    with AuditLogger(AuditConfig(service="bh-audit-review"), sink=JsonlSink(audit or file.with_suffix(".reviews.jsonl"))) as trail:
        record_review(trail, found, actor={"subject_id": reviewer, "subject_type": "human"})
    if html is not None:
        with atomic_write(html) as page:
            page.write(found.to_html())
    if json:
        show_json(found.to_dict())
    else:
        say(f"{found.events:,} events in scope; ledger: {found.verdict or 'not a ledger'}")
        for section in found.sections:
            say("")
            say(f"{section.title}: {section.total:,}")
            if section.rows:
                columns = [name for name in section.rows[0] if name != "event_ids"]
                show_table(columns, [[_cell(row[name]) for name in columns] for row in section.rows[:_SHOWN]])
        if found.explained:
            say("")
            show_table(("explained by", "encounters"), Counter(found.explained).most_common())
        if html is not None:
            say(f"Report: {html}")
