"""Weights as int8, arithmetic as float32: a quarter of the size, and a sentence's score doesn't depend on its batch.

Dynamic quantization scales activations by the largest of their batch, so that the same sentence scores differently beside
other sentences. Here only the weights are rounded, each column with a scale of its own; a runtime folds them back at load.
"""

from __future__ import annotations

import os
from typing import Any, Final

from bh_lib._extras import require

__all__ = ["shrink"]

_SMALLEST: Final = 4096


def _rounded(weights: Any) -> tuple[Any, Any]:
    np = require("numpy", extra="ml")
    # An embedding table is scaled by row, a matrix by column: whichever axis holds one meaning.
    axis = 1 if weights.shape[0] > 4 * weights.shape[1] else 0
    scale = np.maximum(np.abs(weights).max(axis=axis, keepdims=True), 1e-12) / 127
    return np.clip(np.rint(weights / scale), -127, 127).astype(np.int8), scale.astype(np.float32)


def shrink(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Write an ONNX model with its large matrices as int8 and a scale.

    Parameters
    ----------
    source, target : path
    """
    onnx = require("onnx", extra="train")
    helpers = require("onnx.numpy_helper", extra="train")
    model = onnx.load(str(source))
    graph = model.graph
    nodes, kept = [], []
    for tensor in graph.initializer:
        large = (
            len(tensor.dims) == 2 and tensor.data_type == onnx.TensorProto.FLOAT and tensor.dims[0] * tensor.dims[1] >= _SMALLEST
        )
        if not large:
            kept.append(tensor)
            continue
        small, scale = _rounded(helpers.to_array(tensor))
        name = tensor.name
        kept += [helpers.from_array(small, f"{name}.int8"), helpers.from_array(scale, f"{name}.scale")]
        nodes += [
            onnx.helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=onnx.TensorProto.FLOAT),
            onnx.helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]),
        ]
    nodes += list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
