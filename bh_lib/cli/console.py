"""How commands print: results to standard output, progress to standard error, JSON where it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bh_lib._jsonl import read_jsonl
from bh_lib.errors import InputError

__all__ = ["JsonOption", "fields_of", "found_wanting", "lines_in", "progress", "say", "show_json", "show_table"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

_OUT = Console(highlight=False, soft_wrap=True)
_ERR = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Print a line as it is: square brackets in it are no markup."""
    _OUT.print(text, markup=False)


def show_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print a table that stays readable in a pipe."""
    table = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console = Console(highlight=False, width=None if _OUT.is_terminal else 160)
    console.print(table, markup=False)


def found_wanting(wanting: bool) -> None:
    """End the command with status 1 if what was checked is not as it should be."""
    if wanting:
        raise typer.Exit(1)


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, on a terminal; yields a function that takes how many more are done."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=_ERR, transient=True, disable=not _ERR.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, advance=done)


def fields_of(
    pairs: Sequence[str] | None,
    known: Sequence[str],
    path: Path,
    rows: Callable[[Path], Iterator[tuple[int, dict[str, Any]]]] = read_jsonl,
) -> dict[str, str] | None:
    """Read ``--field ours=theirs`` options, and hold them to what can be mapped and to a file that has the fields.

    Raises
    ------
    InputError
        If ours is none of ``known``, or no row of the file has theirs; ``rows`` reads the file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "posts.jsonl"
    ...     _ = file.write_text('{"post": "Slept well.", "level": 0}')
    ...     fields_of(["text=post", "c_ssrs_level=level"], ["text", "c_ssrs_level"], file)
    {'text': 'post', 'c_ssrs_level': 'level'}
    """
    if not pairs:
        return None
    fields = {pair.partition("=")[0]: pair.partition("=")[2] for pair in pairs}
    if not all(fields.values()):
        raise typer.BadParameter("write --field OURS=THEIRS, for example --field any_signal=suicidal")
    if not set(fields) <= set(known):
        raise InputError(f"--field can map {', '.join(known)}")
    unseen = set(fields.values())
    # Most often the first row has them all, and no more is read.
    for _, row in rows(path):
        unseen -= row.keys()
        if not unseen:
            break
    if unseen:
        named = ", ".join(f"{ours}={theirs}" for ours, theirs in fields.items() if theirs in unseen)
        raise InputError(f"no row has the field of --field {named}", path=str(path))
    return fields


def lines_in(path: Path) -> int | None:
    """Lines of a file, for a progress bar's total; None where it can't be read."""
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError:
        return None
