"""A seed family is in train, dev or test, never in two of them."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from bh_lib.checks.told import Told
from bh_lib.synth.split import families_of

__all__ = ["ExpectGroupsToStayInOneSplit"]


class _LeakingFamilies(TableMetricProvider):
    metric_name = "table.leaking_families"

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(cls, execution_engine: Any, metric_domain_kwargs: dict[str, Any], **_: Any) -> int:
        frame, _domain, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type="table")
        known = frame.dropna(subset=["group", "split"])
        families = known.assign(family=known["group"].map(families_of)).explode("family")
        return int((families.groupby("family")["split"].nunique() > 1).sum())


class ExpectGroupsToStayInOneSplit(Told, BatchExpectation):
    """Expect no family to stand in two splits: a model would be tested on what it was taught."""

    metric_dependencies = ("table.leaking_families",)

    sentence: ClassVar[str] = "no seed family stands in two splits."
    holds: ClassVar[dict[str, list[Any]]] = {"group": ["f1+f2", "f1", "f3", None], "split": ["train", "train", "test", "dev"]}
    fails: ClassVar[tuple[dict[str, list[Any]], ...]] = (
        {"group": ["f1", "f1"], "split": ["train", "test"]},
        {"group": ["f1+f2", "f2"], "split": ["dev", "train"]},
    )
    example: ClassVar[dict[str, Any]] = {}

    def _validate(self, metrics: dict[str, Any], **_: Any) -> dict[str, Any]:
        leaking = metrics["table.leaking_families"]
        return {"success": leaking == 0, "result": {"observed_value": leaking, "faults": leaking}}
