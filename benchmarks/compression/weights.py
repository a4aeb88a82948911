"""Zeros and distinct codes of a .tflite's kernels, counted in the file alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgepack.flatbuffer import Model
from edgepack.flatbuffer.names import operator_layer, result_names

# The operators with a kernel at input 1, and the axis of its output channels.
_CHANNEL_AXIS = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0}


def count(model: Model) -> list[dict[str, Any]]:
    """For every kernel: its layer, operator, weights, zeros, and the most distinct codes that one output channel has."""
    found = []
    for number, graph in enumerate(model.subgraphs):
        results = result_names(model, number)
        for operator in graph.operators:
            tensor = graph.tensors[operator.inputs[1]] if operator.name in _CHANNEL_AXIS else None
            if tensor is None or tensor.data is None:
                continue
            rows = np.moveaxis(np.asarray(tensor.data), _CHANNEL_AXIS[operator.name], 0).reshape(
                tensor.shape[_CHANNEL_AXIS[operator.name]], -1
            )
            found.append(
                {
                    "layer": operator_layer(graph, operator, results),
                    "operator": operator.name,
                    "weights": int(rows.size),
                    "zeros": int(np.count_nonzero(rows == 0)),
                    "codes": max(len(np.unique(row)) for row in rows),
                }
            )
    return found
