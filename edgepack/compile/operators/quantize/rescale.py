"""QUANTIZE where the file has uint8; also the rescaling that CONCATENATION does by itself there, before it joins.

Reference: reference/concatenation.h, ConcatenationWithScaling, in float32.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.quantize import generic
from edgepack.compile.operators.quantize.generic import Edge
from edgepack.compile.operators.shared.lookup_table import Table, describe_table
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import round_half_away

JOINS = "joins"
"""The option of a QUANTIZE that stands for what a CONCATENATION does with an operand."""

_BYTES = 128  # what uint8 has more than int8
_INT32 = 1 << 31


def _rescaled(x: int, source: Value, output: Value) -> int:
    scale = np.float32(source.scale) * (np.float32(1) / np.float32(output.scale))
    bias = np.float32(-(source.zero_point + _BYTES)) * scale
    return round_half_away(float(np.float32(x + _BYTES) * scale + bias)) + output.zero_point


def describe(site: Site) -> Edge | Table:
    """Check a QUANTIZE, and tabulate it if it is a part of a CONCATENATION."""
    if not site.option(JOINS):
        return generic.describe_quantize(site)
    source, output = site.input(0), site.output()
    site.require_quantized(source, output)
    near = source.scale / output.scale * 256 < _INT32
    site.require(near, "has an output scale much smaller than its input's", CHECK_RANGES, output)
    return describe_table(site, _rescaled)


QUANTIZE = replace(generic.QUANTIZE, describe=describe)
