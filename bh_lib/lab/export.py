"""Encoder and heads as one ONNX model in a folder that the sentinel loads without torch."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bh_lib._extras import require
from bh_lib._jsonl import write_json
from bh_lib.lab.encoder import Encoder
from bh_lib.lab.train import LinearHeads
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.layers.transformer import FORMAT, Head

__all__ = ["export_classifier"]


def _joined(encoder: Encoder, heads: LinearHeads, target: Path) -> None:
    np = require("numpy", extra="ml")
    onnx = require("onnx", extra="train")
    helpers = require("onnx.numpy_helper", extra="train")
    model = onnx.load(str(encoder.onnx))
    graph = model.graph
    graph.initializer.append(helpers.from_array(np.ascontiguousarray(heads.weights, dtype=np.float32), "head.weights"))
    graph.initializer.append(helpers.from_array(heads.bias.astype(np.float32), "head.bias"))
    graph.node.append(onnx.helper.make_node("Gemm", ["features", "head.weights", "head.bias"], ["logits"]))
    del graph.output[:]
    graph.output.append(onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", len(heads.bias)]))
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def export_classifier(
    folder: str | os.PathLike[str],
    encoder: Encoder,
    heads: LinearHeads | None,
    calibrated: Sequence[Head],
    *,
    name: str,
    window: int = 1,
    curves: Mapping[str, tuple[float, float]] | None = None,
    made: dict[str, Any] | None = None,
) -> Path:
    """Write ``model.onnx``, ``tokenizer.json``, ``heads.json`` and, last, ``manifest.json`` with the digest of each.

    Parameters
    ----------
    folder : path
        Made where it doesn't exist; a model that stands in it is replaced.
    encoder : Encoder
    heads : LinearHeads or None
        None where the network gives logits itself.
    curves : mapping, optional
        How sure the sentinel is of what its layers raise together, as in `TransformerLayer`.
    made : dict, optional
        How it was made: commit, corpus digest, seed. Kept in the manifest.

    Returns
    -------
    Path
        The folder, for ``Sentinel.load(classifier=...)``.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    (path / "manifest.json").unlink(missing_ok=True)  # half a new model beside an old manifest must not load
    if heads is None:
        shutil.copyfile(encoder.onnx, path / "model.onnx")
    else:
        _joined(encoder, heads, path / "model.onnx")
    shutil.copyfile(encoder.tokenizer, path / "tokenizer.json")
    rows = [
        {"flag_id": head.flag_id, "slope": head.slope, "intercept": head.intercept, "threshold": head.threshold}
        for head in calibrated
    ]
    write_json(path / "heads.json", {"heads": rows, "curves": {layers: list(curve) for layers, curve in (curves or {}).items()}})
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "kind": "onnx",
        "name": name,
        "taxonomy_version": load_taxonomy().version,
        "max_tokens": encoder.max_tokens,
        "window": window,
        "encoder": encoder.digest,
        "made": made or {},
        "files": {
            file: hashlib.sha256((path / file).read_bytes()).hexdigest() for file in ("model.onnx", "tokenizer.json", "heads.json")
        },
    }
    write_json(path / "manifest.json", manifest)
    return path
