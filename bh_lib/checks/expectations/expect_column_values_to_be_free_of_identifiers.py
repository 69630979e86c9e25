"""No cell looks like an identifier of a person."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial

from bh_lib.checks.told import Told

__all__ = ["ExpectColumnValuesToBeFreeOfIdentifiers"]

# Shapes of the HIPAA Safe Harbor list (45 CFR 164.514(b)(2)(i)) that a regular expression can see.
_SHAPES: Final = re.compile(
    r"\b\d{3}-\d{2}-\d{4}\b"  # social security number
    r"|(?<!\w)(?:\+?1[-. ])?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}\b"  # telephone
    r"|[\w.+-]+@[\w-]+\.[\w.]+"  # e-mail
    r"|\bMRN\W{0,3}\d{4,}"  # record number
    r"|\b(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])/(?:19|20)\d{2}\b",  # full date
    re.IGNORECASE,
)


class _FreeOfIdentifiers(ColumnMapMetricProvider):
    condition_metric_name = "column_values.free_of_identifiers"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:
        # A million rows hold a few thousand values: each is looked at once.
        held = {cell: _SHAPES.search(str(cell)) is None for cell in column.unique()}
        return column.map(held).astype(bool)


class ExpectColumnValuesToBeFreeOfIdentifiers(Told, ColumnMapExpectation):
    """Expect no cell to hold what looks like an SSN, a telephone number, an e-mail address, an MRN or a full date."""

    map_metric = "column_values.free_of_identifiers"

    sentence: ClassVar[str] = "values must not look like an SSN, a telephone number, an e-mail address, an MRN or a full date."
    holds: ClassVar[dict[str, list[Any]]] = {"cell": ["Timeout after 30 s", "seen 3/4 times", "MRN missing", None]}
    fails: ClassVar[tuple[dict[str, list[Any]], ...]] = (
        {"cell": ["user 123-45-6789 not found"]},
        {"cell": ["call (555) 010-4477"]},
        {"cell": ["j.doe@example.org"]},
        {"cell": ["MRN: 0012345"]},
        {"cell": ["dob 03/14/1988"]},
    )
    example: ClassVar[dict[str, Any]] = {"column": "cell"}
