"""Run a suite over a table and build its Data Docs, with no value and no word to anybody."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bh_lib._extras import require
from bh_lib.checks.docs import make_self_contained
from bh_lib.checks.frames import events_frame, notes_frame, predictions_frame
from bh_lib.checks.report import CheckReport, Outcome

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_events", "check_notes", "check_predictions"]

# By default failing values, so PHI, go into results and Data Docs; SUMMARY without examples keeps the counts alone.
_RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": 0}


def _context(docs: Path) -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    gx = require("great_expectations", extra="lab")
    from great_expectations.data_context.types.base import ProgressBarsConfig

    docs.mkdir(parents=True, exist_ok=True)
    context = gx.get_context(mode="file", project_root_dir=str(docs))
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _outcome(result: Any) -> Outcome:
    config = result.expectation_config
    columns = config.kwargs.get("column") or ",".join(config.kwargs.get("column_list", ())) or "table"
    severity = getattr(config.severity, "value", config.severity)
    notes = config.notes if isinstance(config.notes, str) else " ".join(config.notes or ())
    return Outcome(config.type, columns, str(severity), bool(result.success), result.result.get("unexpected_count"), notes)


def _run(name: str, frame: pd.DataFrame, suite: Callable[[], list[Any]], docs: Path) -> CheckReport:
    context = _context(docs)
    import great_expectations as gx

    source = context.data_sources.add_or_update_pandas(name)
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
    expectations = context.suites.add_or_update(gx.ExpectationSuite(name=name, expectations=suite()))
    definition = context.validation_definitions.add_or_update(gx.ValidationDefinition(name=name, data=batch, suite=expectations))
    checkpoint = context.checkpoints.add_or_update(
        gx.Checkpoint(
            name=name,
            validation_definitions=[definition],
            result_format=_RESULT_FORMAT,
            actions=[gx.checkpoint.UpdateDataDocsAction(name="data-docs")],
        )
    )
    checked = checkpoint.run(batch_parameters={"dataframe": frame})
    results = next(iter(checked.run_results.values())).results
    index = make_self_contained(docs / "gx/uncommitted/data_docs/local_site")
    return CheckReport(name, len(frame), tuple(map(_outcome, results)), index)


def _checked(name: str, frame: pd.DataFrame, suite: Callable[[], list[Any]], docs: str | os.PathLike[str] | None) -> CheckReport:
    if docs is not None:
        return _run(name, frame, suite, Path(docs))
    with tempfile.TemporaryDirectory() as folder:
        report = _run(name, frame, suite, Path(folder))
    return CheckReport(report.suite, report.rows, report.outcomes, None)


def check_events(path: str | os.PathLike[str], docs: str | os.PathLike[str] | None = None) -> CheckReport:
    """Check an audit log (JSONL).

    Parameters
    ----------
    path : path
    docs : path, optional
        A folder for Great Expectations' project and its Data Docs; several checks may share it.

    Raises
    ------
    InputError
        If the log can't be read or holds no event.
    """
    from bh_lib.checks.suites import events_suite

    return _checked("audit-events", events_frame(path), events_suite, docs)


def check_notes(
    path: str | os.PathLike[str], docs: str | os.PathLike[str] | None = None, splits: Mapping[str, str] | None = None
) -> CheckReport:
    """Check labelled notes (JSONL); `splits` maps a note id to its split, for the test of leakage."""
    from bh_lib.checks.suites import notes_suite

    return _checked("labelled-notes", notes_frame(path, splits), notes_suite, docs)


def check_predictions(path: str | os.PathLike[str], docs: str | os.PathLike[str] | None = None) -> CheckReport:
    """Check analyses (JSONL) as `bh sentinel analyze` writes them."""
    from bh_lib.checks.suites import predictions_suite

    return _checked("predictions", predictions_frame(path), predictions_suite, docs)
