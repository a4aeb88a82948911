"""MEAN: int8 or int16, over any axes.

Reference: reference/reduce.h, QuantizedMeanOrSum: the division by the number of elements is part of the multiplier.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Call
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator, Range, Ranges
from edgepack.compile.operators.reductions.axes import Reduction, reduction
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import multiply_by_quantized_multiplier, quantize_multiplier, wrap32


@dataclass(frozen=True, eq=False)
class Mean:
    """A checked mean; the multiplier and shift turn sums into outputs."""

    source: Value
    output: Value
    reduction: Reduction
    multiplier: int
    shift: int


def describe(site: Site) -> Mean:
    """Check a MEAN and fold the division into its multiplier."""
    source, output = site.input(0), site.output()
    same = source.dtype == output.dtype and source.dtype in ("int8", "int16")
    site.require(same, f"with types {source.dtype}, {output.dtype}", "Use int8 or int16.")
    site.require_quantized(source, output)
    over = reduction(site, source, output)
    site.require(over.count > 0, "is over no elements", "Remove the empty dimension.")
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    extra = min(over.count.bit_length() - 1, 32, 31 + shift)
    site.require(shift - extra <= 30, "has an output scale much smaller than its input's", CHECK_RANGES, output)
    return Mean(source, output, over, (multiplier << extra) // over.count, shift - extra)


def _ranges(mean: Mean, ranges: Ranges) -> Range | None:
    if len(mean.source.shape) - 1 in mean.reduction.axes:
        return None
    bounds = []
    for bound in ranges[mean.source.id]:
        sums = [(int(x) - mean.source.zero_point) * mean.reduction.count for x in bound]
        if max(map(abs, sums), default=0) << max(mean.shift, 0) >= 1 << 31:
            return None
        scaled = [mean.output.zero_point + multiply_by_quantized_multiplier(x, mean.multiplier, mean.shift) for x in sums]
        bounds.append(np.array(scaled, np.int64).clip(-128, 127))
    return bounds[0], bounds[1]


def _channels_apart(site: Site) -> bool:
    """Where the last axis is kept."""
    axes, last = site.optional_input(1), len(site.input(0).shape) - 1
    return axes is not None and axes.data is not None and not any(int(axis) in (-1, last) for axis in axes.data.reshape(-1))


def _portable(mean: Mean) -> Call:
    name = "ep_mean" if mean.source.dtype == "int8" else "ep_mean_int16"
    return Call(
        kernel=name,
        header=f"{name}.h",
        fields={
            "shape": mean.reduction.fields,
            "outputs": mean.reduction.outputs,
            "zero_sum": wrap32(mean.source.zero_point * mean.reduction.count),
            "out_zero": mean.output.zero_point,
            "multiplier": mean.multiplier,
            "shift": mean.shift,
        },
        inputs=(mean.source.id,),
        outputs=(mean.output.id,),
    )


MEAN = Operator(
    "MEAN",
    describe,
    (Kernel("ep_mean", _portable, cost=lambda mean: 5.0 * mean.source.elements),),
    ranges=_ranges,
    channels_apart=_channels_apart,
)
