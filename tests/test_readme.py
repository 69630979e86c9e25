"""The README is true: its commands run, its snippets print what it says they print."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Done by hand or by the install itself; what they name is looked up, not run.
NOT_RUN = ("make", "pip", "git", "python")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, and where it stands."""

    line: int
    language: str
    content: str
    follows_directly: bool

    def __str__(self) -> str:
        return f"README.md, line {self.line}: the {self.language} block"


def _blocks(text: str) -> list[Block]:
    found, end = [], 0
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(line, match[1], match[2], not text[end : match.start()].strip()))
        end = match.end()
    return found


BLOCKS = _blocks(README.read_text("utf-8"))


def _commands() -> list[tuple[Block, int, list[str]]]:
    """Every command of a bash block, with its line."""
    return [
        (block, block.line + offset, words)
        for block in BLOCKS
        if block.language == "bash"
        for offset, line in enumerate(block.content.splitlines(), 1)
        if (words := shlex.split(line.removeprefix("$ "), comments=True))
    ]


def _program(words: list[str]) -> str:
    return Path(words[0]).name


def _environment() -> dict[str, str]:
    quiet = {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "GX_ANALYTICS_ENABLED": "false", "HF_HUB_OFFLINE": "1"}
    return {**os.environ, **quiet, "PATH": os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", "")))}


def test_the_readme_shows_commands_snippets_and_their_output():
    languages = [block.language for block in BLOCKS]
    assert languages.count("python") >= 2 and languages.count("text") >= 2
    assert sum(_program(words) == "bh" for _, _, words in _commands()) >= 8


def test_every_command_is_one_that_these_tests_know():
    strange = [f"line {line}: {words[0]}" for _, line, words in _commands() if _program(words) not in ("bh", *NOT_RUN)]
    assert strange == []


def test_every_command_runs_in_order_in_one_empty_folder(tmp_path):
    ran = 0
    for block, line, words in _commands():
        if _program(words) != "bh":
            continue
        done = subprocess.run(("bh", *words[1:]), cwd=tmp_path, env=_environment(), capture_output=True, text=True, timeout=300)
        shown = f"{block}, line {line}: {shlex.join(words)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        assert done.returncode == 0, f"exit status {done.returncode} of {shown}"
        assert "internal error" not in done.stderr and "Traceback" not in done.stderr, shown
        ran += 1
    assert ran > 0


def test_every_make_target_is_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for block, line, words in _commands():
        if _program(words) == "make":
            for target in (word for word in words[1:] if "=" not in word):
                assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"{block}, line {line}: no target {target}"


def test_every_make_target_named_in_a_sentence_is_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"`make ([a-z-]+)`", README.read_text("utf-8")))
    assert named and [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_every_extra_that_is_to_be_installed_exists():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for block, line, words in _commands():
        for package in words[2:] if words[:2] == ["pip", "install"] else ():
            name, _, extras = package.partition("[")
            assert name in (project["name"], "."), f"{block}, line {line}: {name} is not this project"
            missing = set(filter(None, extras.rstrip("]").split(","))) - set(project["optional-dependencies"])
            assert not missing, f"{block}, line {line}: no such extra"


def test_every_snippet_prints_what_the_readme_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "readme"}
    for block, after in zip(BLOCKS, [*BLOCKS[1:], None], strict=True):
        if block.language != "python":
            continue
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                # Compiled at its own line, so that a fault names the README's line.
                exec(compile("\n" * block.line + block.content, str(README), "exec"), namespace)
        except Exception as error:  # noqa: BLE001  (whatever it is, the block is named)
            pytest.fail(f"{block}: {type(error).__name__}: {error}")
        if after is not None and after.language == "text" and after.follows_directly:
            assert printed.getvalue().rstrip("\n") == after.content.rstrip("\n"), f"{block} prints something else"
        else:
            assert not printed.getvalue(), f"{block} prints what no text block below it shows"


@pytest.mark.parametrize("heading", ["Audit, in six lines", "Sentinel, in six lines"])
def test_six_lines_are_six_lines(heading):
    section = README.read_text("utf-8").partition(f"## {heading}")[2]
    (snippet, *_) = [block for block in _blocks(section) if block.language == "python"]
    # The import is the first of them; a line more is not what the heading says.
    assert len(snippet.content.strip().splitlines()) == 6


def test_every_link_and_folder_it_names_is_there():
    text = FENCE.sub("", README.read_text("utf-8"))
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    named = [path for path in re.findall(r"`([\w./*-]+/[\w./*-]*)`", text) if path.partition("/")[0] != "out"]
    absent = [path for path in [*links, *named] if not (any(ROOT.glob(path)) if "*" in path else (ROOT / path).exists())]
    assert links and named and absent == []


def test_it_says_that_it_is_not_diagnostic():
    assert "Not diagnostic" in README.read_text("utf-8")


def test_it_runs_on_the_python_it_promises():
    (major, minor) = map(int, re.search(r"Python (\d)\.(\d+) or newer", README.read_text("utf-8")).groups())
    assert sys.version_info >= (major, minor)
    assert f'requires-python = ">={major}.{minor}"' in (ROOT / "pyproject.toml").read_text("utf-8")
