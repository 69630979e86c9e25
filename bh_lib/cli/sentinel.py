"""``bh sentinel``: text in, flags out, clinician decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bh_lib.cli.console import JsonOption, fields_of, found_wanting, lines_in, progress, say, show_json, show_table

__all__ = ["app"]

_SAMPLE = 200

app = typer.Typer(no_args_is_help=True, help="Find possible safety signals in text. Decision support, never a diagnosis.")

Classifier = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Layer 2: an exported folder, or a registry name such as models:/bh-sentinel@champion."),
]
Fields = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="OURS=THEIRS", help="A field of a foreign file, such as text=post; repeat it."),
]


def _sentinel(classifier: str | None, *, keep_scores: bool = False) -> Any:
    from bh_lib.sentinel import Sentinel

    if classifier is None:
        return Sentinel.load()
    from bh_lib.lab import load_sentinel

    return load_sentinel(classifier, keep_scores=keep_scores)


@app.command(epilog='Example: bh sentinel analyze notes.jsonl analyses.jsonl   with {"id": ..., "text": ...} a line')
def analyze(
    source: Annotated[Path, typer.Argument(metavar="IN.jsonl", help="Texts, one JSON object a line.")],
    target: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="Analyses, one a line, in order; no text is in them.")],
    classifier: Classifier = None,
    field: Fields = None,
    audit: Annotated[Path | None, typer.Option(help="An audit log that gets one event for each text.")] = None,
) -> None:
    """Analyze texts."""
    from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink
    from bh_lib.lab.inference import INFERENCE_METADATA, analyze_file

    fields = fields_of(field, ("id", "text"), source)
    sentinel = _sentinel(classifier)
    config = AuditConfig(service="bh-sentinel", metadata=INFERENCE_METADATA)
    trail = None if audit is None else AuditLogger(config, sink=JsonlSink(audit))
    with progress("analyzing", lines_in(source)) as done:
        count = analyze_file(source, target, sentinel, fields=fields, audit=trail, done=done)
    if trail is not None:
        trail.close()
    say(f"{count:,} analyses in {target}")


@app.command(epilog="Example: bh sentinel evaluate labelled.csv --out out/evaluation --robustness")
def evaluate(
    labelled: Annotated[
        Path,
        typer.Argument(
            metavar="LABELLED",
            help="Labelled notes: JSONL (schema/labelled_note), or CSV or Parquet with id, text, flags (SH-001;SH-002).",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for metrics.json, report.html and errors.jsonl; none holds text.")
    ],
    classifier: Classifier = None,
    field: Fields = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Also count the verdicts that a change of wording flips, on a sample of 200 notes.")
    ] = False,
    prevalence: Annotated[
        list[float] | None,
        typer.Option(metavar="SHARE", help="Tell PPV where so many notes have a signal, such as 0.02; repeat it."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure flag accuracy on your own labelled file."""
    from bh_lib.evaluate import evaluate_file
    from bh_lib.evaluate.decision import PREVALENCES
    from bh_lib.evaluate.table import read_rows

    known = ("any_signal", "c_ssrs_level", "flags", "group", "id", "register", "spans", "text")
    fields = fields_of(field, known, labelled, read_rows)
    shares = tuple(prevalence or PREVALENCES)
    if not all(0 < share < 1 for share in shares):
        raise typer.BadParameter("--prevalence lies between 0 and 1, such as 0.02")
    sample = _SAMPLE if robustness else 0
    with progress("evaluating", lines_in(labelled)):
        sentinel = _sentinel(classifier, keep_scores=True)
        metrics = evaluate_file(labelled, sentinel, out, fields, robust=sample, prevalences=shares).to_dict()
    if json:
        show_json(metrics)
        return
    say(f"{metrics['n']:,} notes")
    for name in ("any_signal", "critical", "micro", "macro", "c_ssrs"):
        scores = metrics.get(name)
        if scores:
            told = {key: value for key, value in scores.items() if isinstance(value, int | float)}
            say(
                f"{name:11} "
                + "  ".join(f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}" for key, value in told.items())
            )
    if robustness:
        flips = metrics.get("robustness", {}).values()
        changed, flipped = sum(each["n"] for each in flips), sum(each["flips"] for each in flips)
        lost = sum(each["critical_lost"] for each in flips)
        say(f"robustness  {flipped} of {changed} verdicts flipped by a change of wording, {lost} with a critical flag lost")
    say(f"Report: {out / 'report.html'}")


@app.command(epilog="Example: bh sentinel check")
def check(
    packs: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, dir_okay=False, help="Pattern packs; all knowledge of this release if left out."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Prove the knowledge packs: every fault with its file, line and rule. Status 1 if there is one.

    Not there yet: patterns that another one wholly covers.
    """
    from bh_lib.sentinel.check import check_knowledge

    with progress("checking"):
        faults = check_knowledge(packs or None)
    if json:
        show_json([str(fault) for fault in faults])
    elif faults:
        show_table(("fault",), [(fault,) for fault in faults])
    else:
        say("The knowledge packs hold: every example is raised or spared as it says.")
    found_wanting(bool(faults))
