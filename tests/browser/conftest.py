"""A headless Chromium that writes down whatever a page complains of and whatever it asks of the network."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_PATIENCE_MS = 120_000
"""How long a condition may take on a busy machine; a page that is ready is never waited for."""


@dataclass
class Visit:
    """A page, what it complained of, and the addresses outside its own host that it asked for."""

    page: Any
    home: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[str]:
        return [url for url in self.asked if not url.startswith((self.home, "data:", "blob:", "about:"))]

    def width(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def barriers(self, within: str | None = None) -> list[str]:
        """What axe-core holds to be a serious or critical barrier: rule, and the first place."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
        found = axe.run(self.page, context=within).response["violations"]
        return [
            f"{one['id']} ({one['impact']}): {one['nodes'][0]['target']} {one['nodes'][0].get('failureSummary', '')}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]


# Playwright keeps an event loop running in its thread: it ends with the file, or no later test could call asyncio.run.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with playwright.sync_playwright() as started:
        # A container often gives no sandbox and a small /dev/shm.
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visit]]:
    """Open an address and stay on it; ``home`` is what counts as the page's own."""
    contexts = []

    def opened(url: str, home: str, width: int = 1280, wait: str = "load") -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": 900}, locale="en-US")
        context.set_default_timeout(_PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        seen = Visit(page, home)
        page.on(
            "console",
            lambda message: (
                seen.complaints.append(f"{message.text} {message.location.get('url', '')}") if message.type == "error" else None
            ),
        )
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        context.on("request", lambda asked: seen.asked.append(asked.url))
        page.goto(url, wait_until=wait)
        return seen

    yield opened
    # To look at: BH_SCREENSHOTS=folder pytest tests/browser
    folder = os.environ.get("BH_SCREENSHOTS")
    for number, context in enumerate(contexts):
        if folder:
            for page in context.pages:
                page.screenshot(path=Path(folder) / f"{request.node.name}-{number}.png", full_page=True)
        context.close()


@contextmanager
def _served(words: list[str], folder: Path, port: int, path: str) -> Iterator[str]:
    """Run a server of a Python module until it answers at path, and end it afterwards."""
    env = os.environ | {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "JUPYTER_PREFER_ENV_PATH": "1"}
    env |= {"JUPYTER_CONFIG_DIR": str(folder / ".jupyter"), "JUPYTER_DATA_DIR": str(folder / ".data"), "HOME": str(folder)}
    log = (folder / ".server.log").open("wb")
    process = subprocess.Popen([sys.executable, "-m", *words], cwd=folder, env=env, stdout=log, stderr=log)
    home = f"http://127.0.0.1:{port}"
    try:
        while True:
            assert process.poll() is None, (folder / ".server.log").read_text("utf-8", "replace")[-2000:]
            try:
                with urllib.request.urlopen(home + path, timeout=5) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                # Not there yet: wait for its end for a moment, which is what must not come.
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
        yield home
    finally:
        process.terminate()
        process.wait(30)
        log.close()


@pytest.fixture
def served() -> Callable[..., Any]:
    return _served


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook that was not run yet: one cell that reads a note and shows it."""
    cell = (
        "from bh_lib.sentinel import Sentinel, render\n"
        "text = 'Reports thoughts of killing himself most nights this week. Denies homicidal ideation.'\n"
        "render(text, Sentinel.load().analyze(text))"
    )
    path = tmp_path / "reading.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = {"cell_type": "code", "id": "read", "metadata": {}, "execution_count": None, "outputs": [], "source": cell}
    path.write_text(json.dumps({"cells": [code], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    return path
