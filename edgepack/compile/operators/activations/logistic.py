"""LOGISTIC (sigmoid), int8.

Reference: activations.cc, SigmoidPrepare: BUILTIN_REF tabulates the float function, PopulateLookupTable in float32.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.registry import register
from edgepack.compile.operators.shared.table import table_operator
from edgepack.compile.quantize import round_half_away


def lookup_result(transformed: float, output: Value) -> int:
    """Quantize one float32 result as PopulateLookupTable does."""
    inverse = np.float32(1) / np.float32(output.scale)
    rescaled = np.float32(round_half_away(float(np.float32(transformed) * inverse)))
    return int(rescaled + np.float32(output.zero_point))


def dequantized(x: int, source: Value) -> np.float32:
    """The float32 value of a stored element."""
    return np.float32(np.float32(source.scale) * np.float32(x - source.zero_point))


def _logistic(x: int, source: Value, output: Value) -> int:
    with np.errstate(over="ignore"):  # infinity gives the right limit, 0
        exponential = np.float32(np.exp(np.float64(-dequantized(x, source))))
    return lookup_result(float(np.float32(1) / (np.float32(1) + exponential)), output)


register(table_operator("LOGISTIC", _logistic))
