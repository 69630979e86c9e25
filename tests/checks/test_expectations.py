"""Each Expectation of ours holds on the rows it says it holds on, fails on the others, and never shows a value."""

from __future__ import annotations

import importlib
import json
import pkgutil
from typing import Any

import pytest

pytest.importorskip("great_expectations")

import great_expectations as gx
import pandas as pd

import bh_lib.checks.expectations as room
from bh_lib.checks.run import _RESULT_FORMAT, _context


def _ours() -> list[Any]:
    found = []
    for module in pkgutil.iter_modules(room.__path__):
        loaded = importlib.import_module(f"{room.__name__}.{module.name}")
        found += [getattr(loaded, name) for name in loaded.__all__]
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return _context(tmp_path_factory.mktemp("gx")).data_sources.add_pandas("rows")


CASES = [
    pytest.param(kind, rows, holds, id=f"{kind.__name__}-{'holds' if holds else 'fails'}-{n}")
    for kind in _ours()
    for holds, tables in ((True, (kind.holds,)), (False, kind.fails))
    for n, rows in enumerate(tables)
]


@pytest.mark.parametrize(("kind", "rows", "holds"), CASES)
def test_an_expectation_judges_its_own_examples(
    source: Any, kind: Any, rows: dict[str, list[Any]], holds: bool, request: Any
) -> None:
    frame = pd.DataFrame(rows)
    batch = source.add_dataframe_asset(request.node.name).add_batch_definition_whole_dataframe("whole")
    result = batch.get_batch(batch_parameters={"dataframe": frame}).validate(kind(**kind.example), result_format=_RESULT_FORMAT)
    assert result.exception_info == {} or not result.exception_info.get("raised_exception"), result.exception_info
    assert result.success is holds
    for cell in (cell for cells in rows.values() for cell in cells if isinstance(cell, str) and len(cell) > 8):
        assert cell not in json.dumps(result.to_json_dict())


def test_the_installed_version_is_one_that_these_were_written_for() -> None:
    assert gx.__version__.startswith("1.")
