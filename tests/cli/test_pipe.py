"""A reader that leaves before the end (`bh ... | head`): quiet, and the status is what was found."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX pipe")


def left(*words, cwd):
    """Run a command whose output nobody reads."""
    read, write = os.pipe()
    os.close(read)
    try:
        command = [sys.executable, "-c", "import sys; from bh_lib.cli import main; sys.exit(main())", *words]
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, cwd=cwd, timeout=120)
    finally:
        os.close(write)
    return done.returncode, done.stderr


REPORTS = ["--help", "--version", "schema controls", "schema controls --json", "audit verify good.jsonl --json"]


@pytest.mark.parametrize("words", REPORTS)
def test_a_command_whose_reader_left_ends_quietly_as_done(tmp_path, words):
    from bh_lib.emitters import JsonlSink

    sink = JsonlSink(tmp_path / "good.jsonl")
    sink.append({"event_id": "e1"})
    sink.close()
    assert left(*words.split(), cwd=tmp_path) == (0, "")


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["words", "json"])
def test_a_reader_that_left_makes_no_pass_of_what_was_found_wanting(tmp_path, more):
    (tmp_path / "emptied.jsonl").touch()
    assert left("audit", "verify", "emptied.jsonl", *more, cwd=tmp_path) == (1, "")
