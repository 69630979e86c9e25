"""Finds the files that the library reads but that live outside it: the standard, and the seed corpora.

A wheel carries them in ``bh_lib/_data/``. The map from there to the checkout's folders is the wheel's own, in
``pyproject.toml``; a checkout reads that same map, so there is one list and no second copy.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from bh_lib.errors import InputError

__all__ = ["resource", "schema_path"]

_PACKAGE = Path(__file__).resolve().parent


@cache
def _checkout() -> dict[str, Path]:
    project = _PACKAGE.parent / "pyproject.toml"
    if not project.is_file():
        return {}
    wheel = tomllib.loads(project.read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    return {inside: project.parent / outside for outside, inside in wheel["force-include"].items()}


def resource(name: str) -> Path:
    """The folder that the wheel carries as ``bh_lib/_data/<name>``.

    Raises
    ------
    InputError
        If neither a wheel's copy nor a checkout's original is there.

    Examples
    --------
    >>> (resource("schema") / "flags.toml").is_file()
    True
    """
    carried = _PACKAGE / "_data" / name
    if carried.exists():
        return carried
    original = _checkout().get(f"bh_lib/_data/{name}")
    if original is None or not original.exists():
        raise InputError(f"the installation is incomplete: its {name} folder is missing; reinstall bh-lib")
    return original


def schema_path(*parts: str) -> Path:
    """A path under ``schema/``.

    Examples
    --------
    >>> schema_path("flags.toml").name
    'flags.toml'
    """
    return resource("schema").joinpath(*parts)
