"""Biases with fewer bits, rounded by far less than a step of the layer's output, and multipliers that differ by powers of two.

A bias is an int32 in units of the input's scale times the weights'. One step of the output is often hundreds of these units, and
what is much less than a step is hardly ever seen. What is left has zeros at its end, which codes leave out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.flatbuffer.rewrite.objects import pack, schema, unpack

SHARE = 1 / 8
"""Of a step of the output: rounding a bias moves a sum by half of this at most."""

_ROUNDED = 1e-4  # of an octave, that scales lie beside the power of two that they were trained at

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Layer:
    """The tensors of an int8 layer, and the buffer of its biases."""

    source: Any
    weights: Any
    bias: Any
    result: Any
    buffer: Any

    def shorten(self) -> bool:
        """Round what is longer than it has to be; whether that changed anything."""
        before = np.frombuffer(bytes(self.buffer.data), "<i4")
        ratio = float(self.result.quantization.scale[0]) / float(self.source.quantization.scale[0])
        old = np.asarray(self.weights.quantization.scale, np.float32)
        exact = octaves(old)
        new = old if exact is None else exact
        after = rounded(before * (old / new.astype(np.float64)), ratio / new.astype(np.float64))
        self.weights.quantization.scale = new
        self.bias.quantization.scale = np.asarray(new * np.float32(self.source.quantization.scale[0]), np.float32)
        self.buffer.data = np.frombuffer(after.tobytes(), np.uint8)
        return not (np.array_equal(before, after) and np.array_equal(old, new))


def short_constants(content: bytes) -> bytes:
    """The .tflite with shorter biases of its int8 CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED, and exact powers of two between
    scales that were trained so. The weights' codes stay. The same bytes where nothing can be shortened.
    """
    model = unpack(content)
    changed = [layer.shorten() for graph in model.subgraphs for layer in _layers(graph, model)]
    return pack(model) if any(changed) else content


def rounded(biases: Floats, steps: Floats) -> NDArray[np.int32]:
    """Biases at multiples of the largest power of two of at most `SHARE` of the smallest step; steps are in the biases' units.

    >>> rounded(np.float64([1003, -7]), np.float64([900, 260])).tolist()
    [992, 0]
    """
    unit = 2.0 ** max(0.0, np.floor(np.log2(max(float(steps.min()) * SHARE, 1.0))))
    limit = float(2**31 - unit)
    return np.asarray(np.clip(np.rint(biases / unit) * unit, -limit, limit), np.int32)


def octaves(scales: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Scales that were trained to differ by powers of two, as they were before BatchNorm's folding rounded them; None for others.

    >>> octaves(np.float32([0.1, 0.05000001, 0.2])).tolist() == np.float32([0.1, 0.05, 0.2]).tolist()
    True
    """
    steps = np.log2(scales / scales[0].astype(np.float64))
    if scales.size < 2 or np.abs(steps - np.rint(steps)).max() > _ROUNDED:
        return None
    return np.asarray(scales[0] * np.exp2(np.rint(steps)), np.float32)


def _layers(graph: Any, model: Any) -> Iterator[_Layer]:
    """The int8 layers whose weights and biases no other operator reads."""
    kinds, types = schema().BuiltinOperator, schema().TensorType
    wanted = {kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D, kinds.FULLY_CONNECTED}
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes or []]
    uses = Counter(int(index) for one in graph.operators for index in one.inputs)
    readers = Counter(tensor.buffer for each in model.subgraphs for tensor in each.tensors)
    for one in graph.operators:
        if codes[one.opcodeIndex] not in wanted or len(one.inputs) < 3 or int(one.inputs[2]) < 0:
            continue
        source, weights, bias = (graph.tensors[int(index)] for index in one.inputs[:3])
        buffer = model.buffers[bias.buffer]
        alone = uses[int(one.inputs[1])] == uses[int(one.inputs[2])] == readers[bias.buffer] == 1
        if alone and buffer.data is not None and len(buffer.data):
            result = graph.tensors[int(one.outputs[0])]
            if [each.type for each in (source, weights, bias, result)] == [types.INT8, types.INT8, types.INT32, types.INT8]:
                yield _Layer(source, weights, bias, result, buffer)
