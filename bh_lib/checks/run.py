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
from bh_lib.checks.report import MOST_ROWS, CheckReport, Outcome

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


# For what fails, in memory alone and never in a page: places of rows.
_PLACES = {"result_format": "COMPLETE", "include_unexpected_rows": False}


def _count(found: Mapping[str, Any]) -> int | None:
    # An expectation about the whole table counts faults, which are not shares of its rows, as Great Expectations would have it.
    count: int | None = found.get("unexpected_count", found.get("faults"))
    return count


def _rows(result: Any, batch: Any, frame: pd.DataFrame) -> tuple[str, ...]:
    """The names of the first rows that don't hold an expectation."""
    if result.success:
        return ()
    found = result.result
    if "unexpected_count" in found and "rows_at" not in found:
        found = batch.validate(result.expectation_config.to_domain_obj(), result_format=_PLACES).result
    places = found.get("rows_at") or found.get("unexpected_index_list") or ()
    return tuple(map(str, frame["row"].iloc[list(places[:MOST_ROWS])]))


def _outcome(result: Any, rows: tuple[str, ...]) -> Outcome:
    config = result.expectation_config
    columns = config.kwargs.get("column") or ",".join(config.kwargs.get("column_list", ())) or "table"
    severity = getattr(config.severity, "value", config.severity)
    notes = config.notes if isinstance(config.notes, str) else " ".join(config.notes or ())
    return Outcome(config.type, columns, str(severity), bool(result.success), _count(result.result), notes, rows)


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
    checked = checkpoint.run(batch_parameters={"dataframe": frame}, run_id=gx.RunIdentifier(run_name="check"))
    results = next(iter(checked.run_results.values())).results
    held = batch.get_batch(batch_parameters={"dataframe": frame})
    outcomes = tuple(_outcome(result, _rows(result, held, frame)) for result in results)
    index = make_self_contained(docs / "gx/uncommitted/data_docs/local_site", outcomes)
    return CheckReport(name, len(frame), outcomes, index)


def _checked(name: str, frame: pd.DataFrame, suite: Callable[[], list[Any]], docs: str | os.PathLike[str] | None) -> CheckReport:
    if docs is not None:
        return _run(name, frame, suite, Path(docs))
    with tempfile.TemporaryDirectory() as folder:
        report = _run(name, frame, suite, Path(folder))
    return CheckReport(report.suite, report.rows, report.outcomes, None)


def check_events(
    path: str | os.PathLike[str],
    docs: str | os.PathLike[str] | None = None,
    table: str = "audit_event",
    chain: str = "main",
) -> CheckReport:
    """Check an audit log.

    Parameters
    ----------
    path : path or str
        JSONL, ``*.parquet``, or the URL of a database that `bh_lib.emitters.sinks.sql.SqlSink` writes to (``sqlite:///…``,
        ``postgresql://…``), from which it is only read.
    docs : path, optional
        A folder for Great Expectations' project and its Data Docs; several checks may share it.
    table, chain : str
        Where the events are, in a database.

    Raises
    ------
    InputError
        If the log can't be read or holds no event.
    SinkError
        If the database can't be read.

    Examples
    --------
    >>> from bh_lib.emitters.sinks.sql import SqlSink
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     url = f"sqlite:///{folder}/audit.db"
    ...     sink = SqlSink(url)
    ...     _ = sink.append({"event_id": "none", "schema_version": "3.0"})
    ...     sink.close()
    ...     report = check_events(url)
    >>> report.rows, report.outcomes[0].column, report.outcomes[0].rows
    (1, 'holds_schema', ('row 1',))
    """
    from bh_lib.checks.suites import events_suite

    return _checked("audit-events", events_frame(path, table, chain), events_suite, docs)


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
