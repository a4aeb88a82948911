"""MUL: int8, with broadcasting and a fused activation.

Reference: reference/integer_ops/mul.h; mul.cc multiplies and divides the scales in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.broadcast import broadcast_fields, broadcast_shape
from edgepack.compile.operators.shared.convolution import FUSED
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import activation_range, quantize_multiplier


@dataclass(frozen=True, eq=False)
class Mul:
    """A checked multiplication; `fields` are the members of struct ep_mul."""

    first: Value
    second: Value
    output: Value
    out_shape: tuple[int, ...]
    fields: dict[str, Field]

    @property
    def same_shape(self) -> bool:
        """Whether no operand is repeated."""
        return self.first.elements == self.second.elements == self.output.elements


def describe(site: Site) -> Mul:
    """Check a MUL and scale its product."""
    first, second, output = site.input(0), site.input(1), site.output()
    site.require_types(("int8", "int8", "int8"))
    site.require_quantized(first, second, output)
    out_shape = broadcast_shape(site, first.shape, second.shape)
    site.require_shape(output, out_shape)
    activation = site.option("fused_activation_function", "NONE")
    site.require(activation in FUSED, f"with fused activation {activation}", f"Use one of {', '.join(FUSED)}.")
    real = np.float32(first.scale) * np.float32(second.scale) / np.float32(output.scale)
    multiplier, shift = quantize_multiplier(float(real))
    site.require(shift <= 14, "has an output scale much smaller than its inputs'", CHECK_RANGES, output)
    out_min, out_max = activation_range(activation, output.dtype, output.scale, output.zero_point)
    fields: dict[str, Field] = {
        "size": output.elements,
        "zero_1": first.zero_point,
        "zero_2": second.zero_point,
        "out_zero": output.zero_point,
        "out_multiplier": multiplier,
        "out_shift": shift,
        "out_min": out_min,
        "out_max": out_max,
    }
    return Mul(first, second, output, out_shape, fields)


def _same_shape(mul: Mul) -> Call:
    operands = (mul.first.id, mul.second.id)
    return Call("ep_mul", "ep_mul.h", mul.fields, operands, (mul.output.id,), overlaps=in_place(operands, mul.output.id))


def _broadcast(mul: Mul) -> Call:
    shape = broadcast_fields(mul.out_shape, mul.first.shape, mul.second.shape)
    whole = tuple(value.id for value in (mul.first, mul.second) if value.elements == mul.output.elements)
    return Call(
        kernel="ep_mul_broadcast",
        header="ep_mul_broadcast.h",
        fields={"mul": mul.fields, "shape": shape},
        inputs=(mul.first.id, mul.second.id),
        outputs=(mul.output.id,),
        overlaps=in_place(whole, mul.output.id),
    )


MUL = Operator(
    "MUL",
    describe,
    (
        Kernel("ep_mul", _same_shape, applies=lambda mul: mul.same_shape, cost=lambda mul: 25.0 * mul.output.elements),
        Kernel("ep_mul_broadcast", _broadcast, cost=lambda mul: 90.0 * mul.output.elements),
    ),
)
