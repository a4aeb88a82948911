"""LOG_SOFTMAX: int8 over the last axis.

Reference: reference/integer_ops/log_softmax.h, with the scaling of quantization_util.cc (PreprocessLogSoftmaxScalingExp).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.site import CHECK_RANGES, CONVERT_AGAIN, Site
from edgepack.compile.operators.softmax.generic import scaled_differences
from edgepack.compile.quantize import quantize_multiplier

LARGEST_DEPTH = (1 << 12) - 1  # exponentials are summed in Q12.19


@dataclass(frozen=True)
class LogSoftmax:
    """A checked operator; `fields` are the members of struct ep_log_softmax."""

    input: int
    output: int
    size: int
    fields: dict[str, Field]


def describe(site: Site) -> LogSoftmax:
    """Check a LOG_SOFTMAX and scale its differences."""
    source, output = site.input(0), site.output()
    site.require_types(("int8", "int8"))
    site.require_quantized(source, output)
    site.require_shape(output, source.shape)
    site.require(
        output.zero_point == 127 and math.isclose(output.scale, 1 / 16, rel_tol=1e-5),
        f"has output scale {output.scale} and zero point {output.zero_point}",
        "TensorFlow Lite fixes them at 1/16 and 127; convert the model again.",
    )
    depth = source.shape[-1] if source.shape else 1
    site.require(0 < depth <= LARGEST_DEPTH, f"is over {depth} elements", CONVERT_AGAIN)
    multiplier, left_shift, diff_min = scaled_differences(site, source, 1.0)
    site.require(0 < left_shift < 31, "has an input scale out of range", CHECK_RANGES, source)
    reverse_multiplier, reverse_shift = quantize_multiplier((1 << (31 - left_shift)) / multiplier)
    form: dict[str, Field] = {
        "rows": source.elements // depth,
        "depth": depth,
        "multiplier": multiplier,
        "left_shift": left_shift,
        "diff_min": diff_min,
    }
    fields: dict[str, Field] = {"form": form, "reverse_multiplier": reverse_multiplier, "reverse_shift": reverse_shift}
    return LogSoftmax(source.id, output.id, output.elements, fields)


def _lower(op: LogSoftmax) -> Call:
    overlaps = in_place((op.input,), op.output)
    return Call("ep_log_softmax", "ep_log_softmax.h", op.fields, (op.input,), (op.output,), overlaps=overlaps)


LOG_SOFTMAX = Operator("LOG_SOFTMAX", describe, (Kernel("ep_log_softmax", _lower, cost=lambda op: 90.0 * op.size),))
