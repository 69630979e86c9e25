"""The one place that words a missing optional dependency."""

from __future__ import annotations

import importlib
from types import ModuleType

from bh_lib.errors import MissingExtraError

__all__ = ["optional", "require"]


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional dependency, or say which extra brings it.

    Examples
    --------
    >>> require("json", extra="fast").__name__
    'json'
    >>> require("no_such_module", extra="lab")
    Traceback (most recent call last):
    ...
    bh_lib.errors.MissingExtraError: no_such_module is not installed: pip install 'bh-lib[lab]'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(f"{module} is not installed: pip install 'bh-lib[{extra}]'") from error


def optional(module: str) -> ModuleType | None:
    """Import a dependency that only makes things faster; None where it is absent.

    Examples
    --------
    >>> optional("no_such_module") is None
    True
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
