"""A route is the template, never the path that was asked for."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial

from bh_lib.checks.told import Told

__all__ = ["ExpectColumnValuesToBeRouteTemplates"]

# A raw path shows in a query string, or in a segment that holds an identifier: digits but for a version, or a UUID.
_RAW: Final = re.compile(r"[?#]|/(?!v\d+(?:/|$))[^/{}]*\d{2,}[^/{}]*(?=/|$)|^(?!/)")


class _RouteTemplate(ColumnMapMetricProvider):
    condition_metric_name = "column_values.route_template"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:
        # A million rows hold a few thousand values: each is looked at once.
        held = {cell: _RAW.search(str(cell)) is None for cell in column.unique()}
        return column.map(held).astype(bool)


class ExpectColumnValuesToBeRouteTemplates(Told, ColumnMapExpectation):
    """Expect each cell to be a route template such as ``/patients/{patient_id}``: an identifier in a path is PHI."""

    map_metric = "column_values.route_template"

    sentence: ClassVar[str] = "values must be route templates, with no identifier in the path."
    holds: ClassVar[dict[str, list[Any]]] = {"cell": ["/patients/{patient_id}/notes", "/v12/health", "/", None]}
    fails: ClassVar[tuple[dict[str, list[Any]], ...]] = (
        {"cell": ["/patients/1234"]},
        {"cell": ["/notes?patient=7"]},
        {"cell": ["/notes/5f0c7a1e-8f8b-4c59-9a55-1f2e3d4c5b6a"]},
        {"cell": ["patients/{id}"]},
    )
    example: ClassVar[dict[str, Any]] = {"column": "cell"}
