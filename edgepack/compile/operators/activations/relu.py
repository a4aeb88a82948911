"""RELU, RELU6, RELU_N1_TO_1 as operators of their own, int8: rescale, then clamp.

Reference: activations.cc, QuantizedReluX; the real multiplier is a float32 quotient.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.registry import register
from edgepack.compile.operators.shared.table import table_operator
from edgepack.compile.quantize import activation_range, multiply_by_quantized_multiplier, quantize_multiplier


def _relu(activation: str, x: int, source: Value, output: Value) -> int:
    multiplier, shift = quantize_multiplier(float(np.float32(source.scale) / np.float32(output.scale)))
    low, high = activation_range(activation, "int8", output.scale, output.zero_point)
    rescaled = output.zero_point + multiply_by_quantized_multiplier(x - source.zero_point, multiplier, shift)
    return min(max(rescaled, low), high)


for _name in ("RELU", "RELU6", "RELU_N1_TO_1"):
    register(table_operator(_name, lambda x, source, output, name=_name: _relu(name, x, source, output)))  # type: ignore[misc]
