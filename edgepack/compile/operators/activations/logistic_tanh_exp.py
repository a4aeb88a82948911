"""LOGISTIC (sigmoid), TANH and EXP: int8, tables of functions computed in float32.

Reference: activations.cc (SigmoidPrepare, TanhPrepare) and exp.cc: BUILTIN_REF tabulates the float function,
PopulateLookupTable in float32.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Operator, always
from edgepack.compile.operators.shared.lookup_table import TABLE_KERNEL, Table, describe_table, table_ranges
from edgepack.compile.operators.site import Site
from edgepack.compile.quantize import round_half_away


def lookup_result(transformed: float, output: Value) -> int:
    """Quantize one float32 result as PopulateLookupTable does; what is no 32-bit integer becomes the smallest, as on x86.

    Raises OverflowError for a scale without an inverse.
    """
    inverse = np.float32(1) / np.float32(output.scale)
    if np.isinf(inverse):
        raise OverflowError("a scale without an inverse")
    scaled = float(np.float32(transformed) * inverse)
    if not abs(scaled) < 1 << 31:
        return -(1 << 31)
    rescaled = np.float32(round_half_away(scaled))
    return int(rescaled + np.float32(output.zero_point))


def dequantized(x: int, source: Value) -> np.float32:
    """The float32 value of a stored element."""
    return np.float32(np.float32(source.scale) * np.float32(x - source.zero_point))


def _logistic(x: int, source: Value, output: Value) -> int:
    with np.errstate(over="ignore"):  # infinity gives the right limit, 0
        exponential = np.float32(np.exp(np.float64(-dequantized(x, source))))
    return lookup_result(float(np.float32(1) / (np.float32(1) + exponential)), output)


def _tanh(x: int, source: Value, output: Value) -> int:
    return lookup_result(float(np.float32(np.tanh(np.float64(dequantized(x, source))))), output)


def _exp(x: int, source: Value, output: Value) -> int:
    with np.errstate(over="ignore"):
        exponential = np.float32(np.exp(np.float64(dequantized(x, source))))
    return lookup_result(float(min(exponential, np.float32(output.scale) * np.float32(1 << 20))), output)


def describe_logistic(site: Site) -> Table:
    """Check a LOGISTIC and tabulate it."""
    return describe_table(site, _logistic)


def describe_tanh(site: Site) -> Table:
    """Check a TANH and tabulate it."""
    return describe_table(site, _tanh)


def describe_exp(site: Site) -> Table:
    """Check an EXP and tabulate it."""
    return describe_table(site, _exp)


LOGISTIC = Operator("LOGISTIC", describe_logistic, (TABLE_KERNEL,), ranges=table_ranges, channels_apart=always)
TANH = Operator("TANH", describe_tanh, (TABLE_KERNEL,), ranges=table_ranges, channels_apart=always)
EXP = Operator("EXP", describe_exp, (TABLE_KERNEL,))
