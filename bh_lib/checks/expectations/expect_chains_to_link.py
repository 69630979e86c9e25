"""Each event of a chain names the one before it."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from bh_lib.checks.report import MOST_ROWS
from bh_lib.checks.told import Told

__all__ = ["ExpectChainsToLink"]


class _ChainFaults(TableMetricProvider):
    metric_name = "table.chain_faults"

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(cls, execution_engine: Any, metric_domain_kwargs: dict[str, Any], **_: Any) -> list[int]:
        frame, _domain, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type="table")
        chained = frame[frame["event_hash"].notna()].sort_values(["chain_id", "seq"], kind="stable")
        before = chained.groupby("chain_id", dropna=False)
        gap = before["seq"].diff().fillna(1) != 1
        broken = before["event_hash"].shift().notna() & (before["event_hash"].shift() != chained["prev_event_hash"])
        # A log where some events carry a chain and some don't had the chain stripped from those.
        stripped = frame.index[frame["event_hash"].isna()] if len(chained) else frame.index[:0]
        return sorted({*map(int, chained.index[gap | broken]), *map(int, stripped)})


class ExpectChainsToLink(Told, BatchExpectation):
    """Expect sequence numbers without a gap and links without a break in every chain of the log.

    Hashes are not computed again here: ``bh audit verify`` does that.
    """

    metric_dependencies = ("table.chain_faults",)

    sentence: ClassVar[str] = "every event names the one before it in its chain, and no number is left out."
    holds: ClassVar[dict[str, list[Any]]] = {
        "chain_id": ["a", "b", "a"],
        "seq": [1, 1, 2],
        "event_hash": ["h1", "k1", "h2"],
        "prev_event_hash": [None, None, "h1"],
    }
    fails: ClassVar[tuple[dict[str, list[Any]], ...]] = (
        {"chain_id": ["a", "a"], "seq": [1, 3], "event_hash": ["h1", "h3"], "prev_event_hash": [None, "h1"]},
        {"chain_id": ["a", "a"], "seq": [1, 2], "event_hash": ["h1", "h2"], "prev_event_hash": [None, "x"]},
        {"chain_id": ["a", None], "seq": [1, None], "event_hash": ["h1", None], "prev_event_hash": [None, None]},
    )
    example: ClassVar[dict[str, Any]] = {}

    def _validate(self, metrics: dict[str, Any], **_: Any) -> dict[str, Any]:
        faults = metrics["table.chain_faults"]
        count = len(faults)
        return {"success": not count, "result": {"observed_value": count, "faults": count, "rows_at": faults[:MOST_ROWS]}}
