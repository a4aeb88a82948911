"""RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1 as operators of their own, int8: rescale, then clamp.

Reference: activations.cc, QuantizedReluX; the real multiplier is a float32 quotient.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Operator, always
from edgepack.compile.operators.shared.lookup_table import TABLE_KERNEL, Table, describe_table, table_ranges
from edgepack.compile.operators.shared.straight_line import LINE_KERNEL
from edgepack.compile.operators.site import Site
from edgepack.compile.quantize import activation_range, multiply_by_quantized_multiplier, quantize_multiplier


def _relu(activation: str, x: int, source: Value, output: Value) -> int:
    multiplier, shift = quantize_multiplier(float(np.float32(source.scale) / np.float32(output.scale)))
    low, high = activation_range(activation, "int8", output.scale, output.zero_point)
    rescaled = output.zero_point + multiply_by_quantized_multiplier(x - source.zero_point, multiplier, shift)
    return min(max(rescaled, low), high)


def describe(site: Site) -> Table:
    """Check a RELU, RELU6, RELU_N1_TO_1 or RELU_0_TO_1 and tabulate it."""
    return describe_table(site, partial(_relu, site.node.op))


RELU = Operator("RELU", describe, (TABLE_KERNEL, LINE_KERNEL), ranges=table_ranges, channels_apart=always)
RELU6 = Operator("RELU6", describe, (TABLE_KERNEL, LINE_KERNEL), ranges=table_ranges, channels_apart=always)
RELU_N1_TO_1 = Operator("RELU_N1_TO_1", describe, (TABLE_KERNEL, LINE_KERNEL), ranges=table_ranges, channels_apart=always)
RELU_0_TO_1 = Operator("RELU_0_TO_1", describe, (TABLE_KERNEL, LINE_KERNEL), ranges=table_ranges, channels_apart=always)
