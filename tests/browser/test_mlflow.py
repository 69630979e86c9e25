"""The MLflow UI over a store of ours: the run is there, with its figures, and nobody outside is asked for anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright")
pytest.importorskip("mlflow")

_METRIC = "critical_sensitivity"


def test_the_mlflow_ui_shows_a_run_and_its_figures(
    visit: Callable[..., Any], tmp_path: Path, port: int, served: Callable[..., Any]
) -> None:
    from bh_lib.lab.track import connect

    mlflow = connect(tmp_path)
    with mlflow.start_run(run_name="rules-only") as run:
        mlflow.log_metric(_METRIC, 0.625)
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with served(
        ["mlflow", "server", "--backend-store-uri", store, f"--port={port}", "--workers=1"], tmp_path, port, "/health"
    ) as home:
        seen = visit(f"{home}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}", home=home)
        seen.page.get_by_text("rules-only").first.wait_for(state="visible")
        seen.page.get_by_text(_METRIC).first.wait_for(state="visible")
        seen.page.get_by_text("0.625").first.wait_for(state="visible")
        # The UI asks who is logged in, and a server without log-ins has no such address: that is MLflow's own.
        complaints = [told for told in seen.complaints if not told.endswith("/mlflow/users/current")]
        assert (complaints, seen.outside) == ([], [])
