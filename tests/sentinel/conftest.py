"""One sentinel for all tests of this room: loading takes a second."""

from __future__ import annotations

import pytest

from bh_lib.sentinel import Sentinel


@pytest.fixture(scope="session")
def sentinel() -> Sentinel:
    """Layers 1, 3 and 4."""
    return Sentinel.load()
