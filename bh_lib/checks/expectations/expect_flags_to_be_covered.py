"""Every flag of the taxonomy stands somewhere in a corpus."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from bh_lib.checks.told import Told
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["ExpectFlagsToBeCovered"]


class _UncoveredFlags(TableMetricProvider):
    metric_name = "table.uncovered_flags"

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(cls, execution_engine: Any, metric_domain_kwargs: dict[str, Any], **_: Any) -> int:
        frame, _domain, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type="table")
        seen = set(" ".join(frame["flags"].dropna()).split())
        return len(set(load_taxonomy().ids) - seen)


class ExpectFlagsToBeCovered(Told, BatchExpectation):
    """Expect each of the 40 flags in at least one note: what is not there can't be measured."""

    metric_dependencies = ("table.uncovered_flags",)

    sentence: ClassVar[str] = "each flag of the taxonomy stands in at least one note."
    holds: ClassVar[dict[str, list[Any]]] = {"flags": [" ".join(load_taxonomy().ids), None, ""]}
    fails: ClassVar[tuple[dict[str, list[Any]], ...]] = ({"flags": [" ".join(load_taxonomy().ids[1:])]}, {"flags": [None]})
    example: ClassVar[dict[str, Any]] = {}

    def _validate(self, metrics: dict[str, Any], **_: Any) -> dict[str, Any]:
        uncovered = metrics["table.uncovered_flags"]
        return {"success": uncovered == 0, "result": {"observed_value": uncovered, "faults": uncovered}}
