"""``bh experiment``: run, list, compare, promote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bh_lib.cli.console import JsonOption, progress, say, show_json, show_table
from bh_lib.errors import InputError

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Experiments, tracked in MLflow (MLFLOW_TRACKING_URI, or a store under --out).")

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of runs, MLflow's store and artifacts.")]
_COLUMNS = ("run_id", "name", "commit", "dirty", "macro/f1", "critical/sensitivity", "critical/ppv", "c_ssrs/qwk")
_NONE_YET = "there is no run yet: bh experiment run DIR"


def _cell(value: Any) -> str:
    return "–" if value is None or value != value else f"{value:.3f}" if isinstance(value, float) else str(value)[:32]


@app.command(epilog="Example: bh experiment run experiments/003-frozen-encoder --judge posts=posts.jsonl")
def run(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with a config.toml.")],
    out: Out = Path("out"),
    judge: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="Further labelled notes to be judged on, never trained on; repeat it."),
    ] = None,
) -> None:
    """Synthesize, check, train, calibrate, evaluate, track.

    Not there yet: contrastive warm-up, zero-shot and static embeddings.
    """
    from bh_lib.checks import check_notes, require_critical
    from bh_lib.evaluate import read_labelled
    from bh_lib.lab import run_experiment

    corpora = {}
    for pair in judge or ():
        name, _, path = pair.partition("=")
        corpora[name] = list(read_labelled(path or name))

    def check(path: Path, splits: Any) -> object:
        return require_critical(check_notes(path, out / "docs", splits))

    with progress("running"):
        done = run_experiment(folder, out, corpora=corpora, check=check)
    say(f"run {done.run_id}: {done.config.name}")
    for name, metrics in done.metrics.items():
        scores = metrics.to_dict()
        told = [
            ("macro-F1", "macro", "f1"),
            ("critical sensitivity", "critical", "sensitivity"),
            ("any signal", "any_signal", "sensitivity"),
        ]
        say(f"  {name}: " + ", ".join(f"{word} {scores[group][key]:.3f}" for word, group, key in told if group in scores))
    say(f"Report: {done.folder / 'test' / 'report.html'}")


@app.command("list", epilog="Example: bh experiment list")
def list_(out: Out = Path("out"), json: JsonOption = False) -> None:
    """List runs, newest first."""
    from bh_lib.lab import list_runs

    runs = list_runs(out)
    shown = [column for column in _COLUMNS if column in runs]
    if json:
        show_json(runs[shown].astype(object).where(runs[shown].notna(), None).to_dict("records"))
    elif runs.empty:
        say(_NONE_YET)
    else:
        show_table(shown, [[_cell(value) for value in row] for row in runs[shown].itertuples(index=False)])


@app.command(epilog="Example: bh experiment compare 001-rules-only 003-frozen-encoder")
def compare(
    first: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or an experiment's name for its latest run.")],
    second: Annotated[str, typer.Argument(metavar="RUN")],
    out: Out = Path("out"),
    rows: Annotated[int, typer.Option(help="How many metrics, the largest differences first.")] = 20,
    json: JsonOption = False,
) -> None:
    """Compare two runs, metric by metric."""
    from bh_lib.lab import compare_runs, list_runs

    if list_runs(out).empty:
        raise InputError(_NONE_YET)
    table = compare_runs(first, second, out)
    if json:
        show_json(table.to_dict("index"))
        return
    cells: Sequence[Any] = [(name, *map(_cell, map(float, values))) for name, *values in table.head(rows).itertuples()]
    show_table(("metric", "first", "second", "difference"), cells)


@app.command(epilog="Example: bh experiment promote 0f3a…")
def promote(run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id.")], out: Out = Path("out")) -> None:
    """Make a run's model the champion, if the gate holds; else say which check failed (status 1)."""
    from bh_lib.lab import promote

    with progress("judging candidate, champion and rules"):
        checks = promote(run, out)
    show_table(("check", "figures"), [(check.name, check.figures) for check in checks])
    say("promoted: models:/bh-sentinel@champion")


@app.command(epilog="Example: bh experiment leaderboard > experiments/leaderboard.md")
def leaderboard(out: Out = Path("out")) -> None:
    """Print the leaderboard as Markdown, made from the records alone."""
    from bh_lib.lab import leaderboard_markdown

    say(leaderboard_markdown(out))
