"""A sentinel by the name of its model: an exported folder, or a name in the registry."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bh_lib.errors import InputError
from bh_lib.lab.remember import RememberingLayer

if TYPE_CHECKING:
    from bh_lib.sentinel import Sentinel

__all__ = ["load_sentinel"]


def load_sentinel(
    model: str | os.PathLike[str] | None = None, *, out_dir: str | os.PathLike[str] = "out", keep_scores: bool = False
) -> Sentinel:
    """Load the sentinel with a model.

    Parameters
    ----------
    model : str or path, optional
        An exported folder, or a registry name such as ``models:/bh-sentinel@champion``; without one, layers 1, 3 and 4.
    out_dir : path
        Where the registry lies, unless ``MLFLOW_TRACKING_URI`` names a server.
    keep_scores : bool
        Whether layer 2 remembers each sentence and its scores, for an evaluation that reads them twice. Never for production: it
        keeps text in memory.

    Raises
    ------
    InputError
        If there is no such folder, or no such model in the registry.
    IntegrityError
        If a file of the model is not what its manifest says.
    """
    from bh_lib.sentinel import Sentinel

    if model is None:
        return Sentinel.load()
    if str(model).startswith("models:/"):
        from bh_lib.lab.track import download_model

        folder = download_model(str(model), out_dir)
    else:
        folder = Path(model)
        if not (folder / "manifest.json").is_file():
            raise InputError("no model: a folder with a manifest.json, or a name such as models:/bh-sentinel@champion")
    return Sentinel.load(classifier=RememberingLayer.load(folder) if keep_scores else folder)
