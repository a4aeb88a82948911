"""SOFTMAX: int8 over the last axis.

Reference: reference/softmax.h (int8 in and out), with the scaling of quantization_util.cc (PreprocessSoftmaxScaling,
CalculateInputRadius). BUILTIN_REF computes gemmlowp exponentials, not a table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgepack.compile.call import Call, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import quantize_multiplier

INTEGER_BITS = 5  # differences are scaled to Q5.26: exp(-32) is zero in every output type


@dataclass(frozen=True)
class Softmax:
    """`rows` softmaxes of `depth` values; differences from the maximum are scaled by multiplier * 2^left_shift."""

    input: int
    output: int
    rows: int
    depth: int
    multiplier: int
    left_shift: int
    diff_min: int
    wide: bool = False


def scaled_differences(site: Site, source: Value, beta: float) -> tuple[int, int, int]:
    """Multiplier and left shift of differences from the maximum, to Q5.26, and the least difference that counts."""
    real = min(beta * source.scale * (1 << (31 - INTEGER_BITS)), (1 << 31) - 1.0)
    site.require(real > 1.0, "has an input scale too small to compute with", CHECK_RANGES, source)
    multiplier, left_shift = quantize_multiplier(real)
    radius = ((1 << INTEGER_BITS) - 1) * (1 << (31 - INTEGER_BITS)) / (1 << left_shift)
    return multiplier, left_shift, -math.floor(radius)


def describe(site: Site) -> Softmax:
    """Check a SOFTMAX of int8, to int8 or (`wide`) to int16, and scale its differences."""
    source, output = site.input(0), site.output()
    site.require_types(("int8", "int8"), ("int8", "int16"))
    site.require_quantized(source, output)
    site.require_shape(output, source.shape)
    bits = 16 if output.dtype == "int16" else 8
    site.require(
        output.zero_point == -(1 << (bits - 1)) and math.isclose(output.scale, 2.0**-bits, rel_tol=1e-5),
        f"has output scale {output.scale} and zero point {output.zero_point}",
        f"TensorFlow Lite fixes them at 1/{1 << bits} and -{1 << (bits - 1)}; convert the model again.",
    )
    multiplier, left_shift, diff_min = scaled_differences(site, source, float(site.option("beta", 1.0)))
    depth = source.shape[-1] if source.shape else 1
    return Softmax(
        input=source.id,
        output=output.id,
        rows=source.elements // max(depth, 1),
        depth=depth,
        multiplier=multiplier,
        left_shift=left_shift,
        diff_min=diff_min,
        wide=bits == 16,
    )


def lower_softmax(softmax: Softmax) -> Call:
    """The call of ep_softmax, or of ep_softmax_int8_to_int16."""
    name = "ep_softmax_int8_to_int16" if softmax.wide else "ep_softmax"
    return Call(
        kernel=name,
        header=f"{name}.h",
        fields={
            "form": {
                "rows": softmax.rows,
                "depth": softmax.depth,
                "multiplier": softmax.multiplier,
                "left_shift": softmax.left_shift,
                "diff_min": softmax.diff_min,
            }
        },
        inputs=(softmax.input,),
        outputs=(softmax.output,),
        overlaps=() if softmax.wide else in_place((softmax.input,), softmax.output),
    )


SOFTMAX = Operator("SOFTMAX", describe, (Kernel("ep_softmax", lower_softmax, cost=lambda op: 300.0 * op.rows * op.depth),))
