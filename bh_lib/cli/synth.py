"""``bh synth``: data that belongs to nobody."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bh_lib.cli.console import JsonOption, found_wanting, progress, say, show_json, show_table

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Generate a clinic's audit log with an answer key, or a labelled note corpus.")


class Format(StrEnum):
    """File formats of a log."""

    JSONL = "jsonl"
    PARQUET = "parquet"


@app.command(epilog="Example: bh synth events out/log --events 20000 --seed 7")
def events(
    out_dir: Annotated[Path, typer.Argument(help="Folder for events, answer_key.json, context.jsonl and manifest.json.")],
    events: Annotated[int, typer.Option("--events", min=1, help="How many events.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    file_format: Annotated[Format, typer.Option("--format", help="Format of the events.")] = Format.JSONL,
    version: Annotated[str, typer.Option(help="3.0, 2.1, 2.0, 1.1 or 1.0; older ones by conversion, JSONL only.")] = "3.0",
    agents: Annotated[str, typer.Option(help="Below 2.1, AI agents: refuse them, or flatten them to services.")] = "refuse",
    json: JsonOption = False,
) -> None:
    """Simulate a clinic: people act for reasons, and among them hides misuse that answer_key.json names.

    context.jsonl holds the reasons. JSONL at 3.0 is chained, so that bh audit verify has something to verify.
    """
    from bh_lib.synth import write_events

    with progress("simulating the clinic"):
        manifest = write_events(out_dir, events, seed, format=file_format.value, version=version, agents=agents)
    if json:
        show_json(manifest.to_dict())
    else:
        say(f"{manifest.n:,} events over {manifest.days} days in {out_dir}; injected cases: {sum(manifest.scenarios.values())}")
        if manifest.losses:
            rows = [(loss["path"], loss["why"], loss["events"]) for loss in manifest.losses]
            show_table((f"lost or changed at {version}", "why", "events"), rows)


@app.command(epilog="Example: bh synth notes out/notes --notes 2000 --seed 7")
def notes(
    out_dir: Annotated[Path, typer.Argument(help="Folder for notes.jsonl, its splits and manifest.json.")],
    notes: Annotated[int, typer.Option("--notes", min=1, help="How many notes.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    seeds: Annotated[Path | None, typer.Option(help="Folder of seed corpora; those of this release if left out.")] = None,
    json: JsonOption = False,
) -> None:
    """Compose labelled notes from hand-written seeds, split by seed family."""
    from bh_lib.synth import write_corpus

    with progress("composing notes"):
        manifest = write_corpus(out_dir, notes, seed, seeds)
    if json:
        show_json(manifest)
    else:
        parts = ", ".join(f"{name} {part['notes']:,}" for name, part in manifest["splits"].items())
        say(f"{manifest['notes']:,} notes in {out_dir}: {parts}")


@app.command(epilog="Example: bh synth seeds data_synthetic/seeds")
def seeds(
    folder: Annotated[Path | None, typer.Argument(help="Folder of seed corpora; those of this release if left out.")] = None,
    json: JsonOption = False,
) -> None:
    """Check a seed corpus: faults, counts, near-duplicates within and across splits, how varied it is."""
    from bh_lib.synth import check_seeds, load_seeds
    from bh_lib.synth.quality import corpus_report

    faults = check_seeds(folder)
    if faults:
        for fault in faults:
            say(fault)
        found_wanting(wanting=True)
    report = corpus_report(load_seeds(folder))
    leaks = [pair for pair in report["near_duplicates"] if pair["leaks"]]
    if json:
        show_json(report)
    else:
        show_table(
            ("flag", "statements", "negatives", "train", "dev", "test", "distinct-2", "nearest"),
            (
                (flag, row["statements"], row["negatives"], *row["present"].values(), row["distinct_2"], row["nearest"])
                for flag, row in report["flags"].items()
            ),
        )
        for pair in report["near_duplicates"]:
            say(f"nearly the same ({pair['similarity']}): {pair['first']} and {pair['second']}")
        say(f"{report['texts']:,} texts, {len(report['near_duplicates'])} near-duplicates, {len(leaks)} of them across splits")
    found_wanting(bool(leaks))
