"""``bh demo``: the main job, end to end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from bh_lib.cli.console import say

__all__ = ["demo"]


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Everything goes under this folder.")] = Path("out"),
    full: Annotated[bool, typer.Option("--full", help="More events and notes, and a TF-IDF baseline beside the encoder.")] = False,
) -> None:
    """Synthesize, check, prove, train, track, analyze, audit: on synthetic data, in about three minutes.

    Example: bh demo --out out
    """
    from bh_lib.lab.demo import run_demo

    started = time.perf_counter()

    def tell(line: str) -> None:
        say(f"[{time.perf_counter() - started:5.0f} s] {line}")

    summary = run_demo(out, full=full, tell=tell)
    say("")
    for line in summary.lines():
        say(line)
