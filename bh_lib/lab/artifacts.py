"""What a run keeps beside its figures: plots, a table of errors, its environment, and its model card.

No text of a note is in any of it. The errors and the report of a corpus that somebody brought along name its notes by id, so they
stay in the folder of the run; of such a corpus the records hold figures and plots alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bh_lib._extras import optional
from bh_lib._jsonl import read_jsonl
from bh_lib.errors import InputError
from bh_lib.evaluate import Metrics, decision_figure, flag_figure, level_figure, recall_figure, reliability_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["environment", "error_rows", "is_ours", "knowledge_digest", "peak_memory", "plots"]

_OWN: Final = ("test", "test-seeds")
_PACKAGES: Final = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "transformers",
    "onnx",
    "onnxruntime",
    "tokenizers",
    "mlflow",
    "google-re2",
)
_PLOTS: Final[Mapping[str, Callable[[Metrics], Any]]] = {
    "flags": flag_figure,
    "precision_recall": recall_figure,
    "reliability": lambda metrics: reliability_figure({"flags": metrics}),
    "c_ssrs_confusion": level_figure,
    "net_benefit": decision_figure,
}


def is_ours(corpus: str) -> bool:
    """Whether a corpus is the library's own synthetic one, or layer 2 by itself on it.

    Examples
    --------
    >>> is_ours("test-seeds-alone"), is_ours("posts")
    (True, False)
    """
    return corpus.removesuffix("-alone") in _OWN


def plots(metrics: Mapping[str, Metrics]) -> Iterator[tuple[str, Figure]]:
    """Each plot that a corpus has labels for, with its place: ``plots/<corpus>/<plot>.png``."""
    for corpus, scores in metrics.items():
        for name, draw in _PLOTS.items():
            try:
                figure = draw(scores)
            except InputError:  # says that there is nothing to draw
                continue
            yield f"plots/{corpus}/{name}.png", figure


def error_rows(folder: Path, corpus: str, most: int = 500) -> list[dict[str, Any]]:
    """The first errors of a corpus as rows of a table: by id, flag and place, never by text."""
    rows = []
    for _, error in read_jsonl(folder / corpus / "errors.jsonl"):
        spans = ", ".join(f"{span['start']}-{span['end']}" for span in error.get("spans", ()))
        levels = error.get("c_ssrs", {})
        rows.append(
            {
                "note": error["id"],
                "kind": error["kind"],
                "severity": error["severity"],
                "flag": error.get("flag_id", ""),
                "characters": spans,
                "suppressed": error.get("suppressed", ""),
                "true level": str(levels.get("truth", "")),
                "guessed level": str(levels.get("guess", "")),
            }
        )
        if len(rows) == most:
            break
    return rows


def knowledge_digest() -> str:
    """A digest of the knowledge packs, so that two runs can be seen to have used the same.

    Examples
    --------
    >>> knowledge_digest().startswith("sha256:")
    True
    """
    from bh_lib.sentinel.knowledge import KNOWLEDGE

    found = hashlib.sha256()
    for path in sorted(Path(KNOWLEDGE).rglob("*.toml")):
        found.update(json.dumps([path.name, hashlib.sha256(path.read_bytes()).hexdigest()]).encode())
    return f"sha256:{found.hexdigest()}"


def environment() -> dict[str, Any]:
    """What a run depended on beside its config: Python, machine, and the versions of what computes."""
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "packages": packages,
        "knowledge_digest": knowledge_digest(),
    }


def peak_memory() -> float | None:
    """The most memory that this process has held so far, in MiB; None on a system that doesn't tell."""
    resource = optional("resource")
    if resource is None:
        return None
    kibibytes: float = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes / (1024 * 1024 if sys.platform == "darwin" else 1024)
