"""Biases with fewer bits: rounded to multiples of a power of two that is far below a step of the layer's output.

A bias of an int8 layer is an int32 in units of the input's scale times the weights'. One step of the output is often hundreds of these
units, and what is much less than a step is hardly ever seen. What is left has zeros at its end, which codes for biases leave out.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.flatbuffer.rewrite.objects import pack, schema, unpack

SHARE = 1 / 8
"""Of a step of the output: rounding moves a sum before it is rounded to a step by half of this at most."""


def short_biases(content: bytes) -> bytes:
    """The .tflite with rounded biases of its CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED of int8; the same where nothing changes."""
    model, classes = unpack(content), schema()
    kinds = classes.BuiltinOperator
    wanted = {kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D, kinds.FULLY_CONNECTED}
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes or []]
    readers = Counter(tensor.buffer for graph in model.subgraphs for tensor in graph.tensors)
    changed = False
    for graph in model.subgraphs:
        uses = Counter(int(index) for one in graph.operators for index in one.inputs)
        for one in graph.operators:
            if codes[one.opcodeIndex] not in wanted or len(one.inputs) < 3 or int(one.inputs[2]) < 0 or uses[int(one.inputs[2])] > 1:
                continue
            source, weights, bias = (graph.tensors[int(index)] for index in one.inputs[:3])
            if bias.type != classes.TensorType.INT32 or readers[bias.buffer] > 1 or source.type != classes.TensorType.INT8:
                continue
            data = model.buffers[bias.buffer].data
            if data is None or not len(data):
                continue
            before = np.frombuffer(bytes(data), "<i4")
            after = rounded(before, _steps(source, weights, graph.tensors[int(one.outputs[0])]))
            if not np.array_equal(before, after):
                model.buffers[bias.buffer].data = np.frombuffer(after.tobytes(), np.uint8)
                changed = True
    return pack(model) if changed else content


def rounded(biases: NDArray[np.int32], steps: NDArray[np.float64]) -> NDArray[np.int32]:
    """Biases at multiples of the largest power of two of at most `SHARE` of the smallest step; steps are in the biases' units.

    >>> rounded(np.int32([1003, -7]), np.float64([900, 260])).tolist()
    [992, 0]
    """
    unit = 2.0 ** max(0.0, np.floor(np.log2(max(float(steps.min()) * SHARE, 1.0))))
    limit = float(2**31 - unit)
    return np.asarray(np.clip(np.rint(biases / unit) * unit, -limit, limit), np.int32)


def _steps(source: Any, weights: Any, result: Any) -> NDArray[np.float64]:
    """A step of the output in units of each channel's bias."""
    scales = np.asarray(weights.quantization.scale, np.float64)
    return np.asarray(float(result.quantization.scale[0]) / (float(source.quantization.scale[0]) * scales))
