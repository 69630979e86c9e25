"""Every command is there, and its help shows how to call it."""

from __future__ import annotations

import pytest
import typer

from bh_lib.cli.app import app

CONTRACT = {
    "demo": [],
    "schema": ["validate", "convert", "controls"],
    "synth": ["events", "notes", "seeds"],
    "audit": ["check", "verify", "prune", "checkpoint", "review", "export"],
    "sentinel": ["analyze", "evaluate", "check"],
    "experiment": ["run", "list", "compare", "promote", "leaderboard"],
}
COMMANDS = [(group, name) for group, names in CONTRACT.items() for name in names] + [("demo",)]
REPORTING = [
    words for words in COMMANDS if words[-1] in ("validate", "convert", "controls", "check", "verify", "review", "evaluate")
]


def test_the_commands_are_those_of_the_contract():
    tree = typer.main.get_command(app)
    assert {name: list(getattr(command, "commands", {})) for name, command in tree.commands.items()} == CONTRACT


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_shows_an_example_of_it(bh, words):
    ran = bh(*words, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert f"Example: bh {' '.join(words)}" in " ".join(ran.out.split())


@pytest.mark.parametrize("words", REPORTING, ids=" ".join)
def test_a_command_that_reports_can_report_json(bh, words):
    assert "--json" in bh(*words, "--help").out


@pytest.mark.parametrize("group", ["", *(name for name, commands in CONTRACT.items() if commands)])
def test_a_group_without_a_command_lists_its_commands(bh, group):
    shown = bh(*filter(None, [group])).shown
    assert all(name in shown for name in (CONTRACT[group] if group else CONTRACT))


def test_the_exit_statuses_are_told(bh):
    assert "0 done, 1 checked and found wanting, 2 unusable input" in " ".join(bh("--help").out.split())


def test_the_version_is_that_of_the_library(bh):
    from bh_lib import __version__

    assert bh("--version").out == f"{__version__}\n"
