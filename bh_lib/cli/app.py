"""The command tree."""

from __future__ import annotations

from typing import Annotated

import typer

from bh_lib import __version__
from bh_lib.cli import audit, demo, experiment, export, schema, sentinel, synth

__all__ = ["app"]

app = typer.Typer(
    name="bh",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Audit trails and safety signals for behavioral health. Decision support, never a diagnosis.",
    epilog="Exit status: 0 done, 1 checked and found wanting, 2 unusable input.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


app.command("demo")(demo.demo)
audit.app.command("export", epilog="Example: bh audit export postgresql://auditor@db/trails trail.jsonl")(export.export)
app.add_typer(schema.app, name="schema")
app.add_typer(synth.app, name="synth")
app.add_typer(audit.app, name="audit")
app.add_typer(sentinel.app, name="sentinel")
app.add_typer(experiment.app, name="experiment")
