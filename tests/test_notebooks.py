"""The notebooks as a newcomer finds them: run from top to bottom, outputs kept, and each beside its readable twin."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def syntax(path: Path) -> ast.Module:
    lines = [line for cell in cells(path, "code") for line in source(cell).splitlines()]
    return ast.parse("\n".join(line for line in lines if not line.startswith("%")))


def said(path: Path) -> str:
    """All saved output as text, without the bytes of images."""
    parts = []
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            texts = [output.get("text", ""), *(text for kind, text in output.get("data", {}).items() if kind.startswith("text/"))]
            parts += ["".join(text) for text in texts]
    return "\n".join(parts)


def is_plot(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("plot", "bar", "barh", "imshow", "scatter") for node in ast.walk(function)
    )


def test_the_tour_and_the_accuracy_notebook_are_there() -> None:
    assert {"00-tour", "03-flag-accuracy"} <= {path.stem for path in NOTEBOOKS}


@each_notebook
def test_the_twin_says_the_same(path: Path) -> None:
    jupytext = pytest.importorskip("jupytext")
    notebook, twin = jupytext.read(path), jupytext.read(path.with_suffix(".py"))
    assert notebook.metadata["jupytext"]["formats"] == "ipynb,py:percent"
    assert [(cell.cell_type, cell.source) for cell in twin.cells] == [(cell.cell_type, cell.source) for cell in notebook.cells]


def test_no_twin_is_without_its_notebook() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {path.stem for path in NOTEBOOKS}


@each_notebook
def test_the_first_cell_is_a_heading(path: Path) -> None:
    first = json.loads(path.read_text("utf-8"))["cells"][0]
    assert first["cell_type"] == "markdown"
    assert source(first).startswith("# ")


@each_notebook
def test_the_cells_were_executed_from_top_to_bottom(path: Path) -> None:
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_outputs_are_kept_and_none_is_an_error(path: Path) -> None:
    outputs = [output for cell in cells(path, "code") for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


@each_notebook
def test_every_cell_that_is_checked_says_something(path: Path) -> None:
    checked = [cell for cell in cells(path, "code") if source(cell).startswith("# NBVAL_CHECK_OUTPUT")]
    assert checked
    assert all(cell["outputs"] for cell in checked)


@each_notebook
def test_what_was_saved_names_no_folder_of_the_machine_and_no_run_time(path: Path) -> None:
    text = said(path)
    assert not re.search(r"(?<![\w.])/(?:home|root|work|tmp|Users|private|var)/|[A-Z]:\\\\", text)
    assert not re.search(r"\b\d+(?:\.\d+)? ?(?:ms|seconds|notes/s)\b|CPU times|Wall time", text)


@each_notebook
def test_it_runs_on_any_machine_that_has_python(path: Path) -> None:
    metadata = json.loads(path.read_text("utf-8"))["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"


@each_notebook
def test_imports_are_public(path: Path) -> None:
    names: list[str] = []
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.ImportFrom):
            names += [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.Attribute):
            names.append(node.attr)
    assert names
    assert not [name for name in names if name.startswith("_")]


@each_notebook
def test_the_import_path_is_left_alone(path: Path) -> None:
    touched = [node for node in ast.walk(syntax(path)) if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"]
    assert not touched
    assert "PYTHONPATH" not in path.read_text("utf-8")


@each_notebook
def test_what_is_done_is_done_by_the_library(path: Path) -> None:
    defined = [node for node in ast.walk(syntax(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    assert not [node.name for node in defined if isinstance(node, ast.ClassDef) or not is_plot(node)]


@each_notebook
def test_it_writes_only_under_its_own_folder_of_out(path: Path) -> None:
    places = [
        ast.unparse(node.value)
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OUT"
    ]
    assert places == [f"Path('out/{path.stem}')"]
