"""JupyterLab as a newcomer opens it: a notebook is run, and a note shows with its spans marked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright")
pytest.importorskip("jupyterlab")


def test_a_notebook_that_is_run_shows_a_note_with_its_spans_marked(
    visit: Callable[..., Any], notebook: Path, port: int, served: Callable[..., Any]
) -> None:
    words = ["jupyter", "lab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    words += [f"--ServerApp.root_dir={notebook.parent}", "--ServerApp.allow_root=True"]
    # Neither news nor updates are asked for: a workbench at a clinic talks to nobody.
    words += ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with served(words, notebook.parent, port, "/api") as home:
        seen = visit(f"{home}/lab/tree/{notebook.name}?reset", home=home)
        seen.page.get_by_role("tab", name=notebook.name).wait_for()
        seen.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        seen.page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
        seen.page.keyboard.press("Control+Enter")
        marks = seen.page.locator(".jp-OutputArea .bh mark")
        marks.first.wait_for(state="visible")
        assert "thoughts of killing himself" in marks.first.inner_text()
        assert seen.page.locator(".jp-OutputArea .bh sup", has_text="SH-002 present").first.is_visible()
        assert seen.page.locator(".jp-OutputArea .bh mark.off").first.is_visible()
        assert seen.barriers(".jp-OutputArea .bh") == []
        outside = [url for url in seen.outside if not url.startswith(f"ws://127.0.0.1:{port}/")]
        assert (seen.complaints, outside) == ([], [])
