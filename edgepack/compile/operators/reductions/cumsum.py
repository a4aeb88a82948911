"""CUMSUM along one axis: float32 between two conversions, as converters leave it, plain integers, and int8.

Reference: cumsum.h in TFLite Micro for float32 and int8 (tflite-runtime's reference kernels have none), LiteRT's for integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.numbers import NUMBERS
from edgepack.compile.operators.site import CHECK_RANGES, CONVERT_AGAIN, Site
from edgepack.compile.quantize import quantize_multiplier

LEFT_SHIFT = 20


@dataclass(frozen=True, eq=False)
class Cumsum:
    """Checked running sums; `fields` are the members of the kernel's struct."""

    source: Value
    output: Value
    kernel: str
    fields: dict[str, Field]


def describe(site: Site) -> Cumsum:
    """Check a CUMSUM and scale its sums."""
    source, output, axes = site.input(0), site.output(), site.integers(1)
    good = source.dtype == output.dtype and source.dtype in ("int8", "int32", "int64", "float32")
    site.require(good, f"with types {source.dtype}, {output.dtype}", "It is compiled for int8, int32, int64 and float32.")
    rank = len(source.shape)
    axis = int(axes.reshape(-1)[0]) if axes.size == 1 else rank
    site.require(-rank <= axis < rank, "has an axis out of range", CONVERT_AGAIN)
    axis %= rank
    site.require_shape(output, source.shape)
    fields: dict[str, Field] = {
        "outer": math.prod(source.shape[:axis]),
        "extent": source.shape[axis],
        "inner": math.prod(source.shape[axis + 1 :]),
        "exclusive": int(bool(site.option("exclusive", False))),
        "reverse": int(bool(site.option("reverse", False))),
    }
    if source.dtype != "int8":
        return Cumsum(source, output, "ep_cumsum", {**fields, "type": NUMBERS[source.dtype]})
    site.require_quantized(source, output)
    real = 2 * source.scale / ((1 << LEFT_SHIFT) * output.scale)
    site.require(real < 1.0, "has an output scale much smaller than its input's", CHECK_RANGES, output)
    multiplier, shift = quantize_multiplier(real)
    scaling: dict[str, Field] = {
        "zero": source.zero_point,
        "out_zero": output.zero_point,
        "out_multiplier": multiplier,
        "out_shift": shift,
    }
    return Cumsum(source, output, "ep_cumsum_int8", {**fields, **scaling})


def _lower(op: Cumsum) -> Call:
    overlaps = in_place((op.source.id,), op.output.id)
    return Call(op.kernel, f"{op.kernel}.h", op.fields, (op.source.id,), (op.output.id,), overlaps=overlaps)


CUMSUM = Operator("CUMSUM", describe, (Kernel("ep_cumsum", _lower, cost=lambda op: 20.0 * op.output.elements),))
