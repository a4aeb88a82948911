"""Biases with fewer bits: rounded to multiples of a power of two that is far below a step of the layer's output.

A bias of an int8 layer is an int32 in units of the input's scale times the weights'. One step of the output is often hundreds of
these units, and what is much less than a step is hardly ever seen. What is left has zeros at its end, which codes leave out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.flatbuffer.rewrite.objects import pack, schema, unpack

SHARE = 1 / 8
"""Of a step of the output: rounding moves a sum before it is rounded to a step by half of this at most."""


def short_biases(content: bytes) -> bytes:
    """The .tflite with rounded biases of its int8 CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED; the same if none changes."""
    model, changed = unpack(content), False
    readers = Counter(tensor.buffer for graph in model.subgraphs for tensor in graph.tensors)
    for graph in model.subgraphs:
        for source, weights, bias, result in _layers(graph, model):
            data = model.buffers[bias.buffer].data
            if data is not None and len(data) and readers[bias.buffer] == 1:
                before = np.frombuffer(bytes(data), "<i4")
                after = rounded(before, _steps(source, weights, result))
                if not np.array_equal(before, after):
                    model.buffers[bias.buffer].data = np.frombuffer(after.tobytes(), np.uint8)
                    changed = True
    return pack(model) if changed else content


def _layers(graph: Any, model: Any) -> Iterator[tuple[Any, ...]]:
    """Input, weights, bias and output of the int8 layers with a bias that no other operator reads."""
    kinds, types = schema().BuiltinOperator, schema().TensorType
    wanted = {kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D, kinds.FULLY_CONNECTED}
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes or []]
    uses = Counter(int(index) for one in graph.operators for index in one.inputs)
    for one in graph.operators:
        if codes[one.opcodeIndex] in wanted and len(one.inputs) > 2 and uses[int(one.inputs[2])] == 1 and int(one.inputs[2]) >= 0:
            source, weights, bias = (graph.tensors[int(index)] for index in one.inputs[:3])
            if source.type == types.INT8 and bias.type == types.INT32:
                yield source, weights, bias, graph.tensors[int(one.outputs[0])]


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
