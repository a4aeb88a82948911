"""ADD_N: two to eight tensors of one shape, float32 between two conversions as converters leave it, plain int32, or int8.

Reference: reference/add_n.h; TFLite Micro's add_n.cc for int8.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.numbers import NUMBERS
from edgepack.compile.operators.site import CHECK_RANGES, CONVERT_AGAIN, Site
from edgepack.compile.quantize import quantize_multiplier

MOST = 8
LEFT_SHIFT = 20
MANY = f"Add at most {MOST} tensors at once."


@dataclass(frozen=True)
class AddN:
    """Checked operands, and the members of struct ep_add_n."""

    inputs: tuple[int, ...]
    output: int
    size: int
    fields: dict[str, Field]


def describe(site: Site) -> AddN:
    """Check an ADD_N and scale its sum."""
    count, output = len(site.node.inputs), site.output()
    site.require(2 <= count <= MOST, f"adds {count} tensors", MANY)
    site.require_types(*((dtype,) * (count + 1) for dtype in ("float32", "int32", "int8")))
    inputs = [site.input(index) for index in range(count)]
    for value in inputs:
        site.require_shape(value, output.shape)
    scaling = {"zero": 0, "out_zero": 0, "out_multiplier": 0, "out_shift": 0}
    if output.dtype == "int8":
        site.require_quantized(*inputs, output)
        first = inputs[0]
        same = all((value.scale, value.zero_point) == (first.scale, first.zero_point) for value in inputs)
        site.require(same, "has operands of different scale", CONVERT_AGAIN)
        real = 2 * first.scale / ((1 << LEFT_SHIFT) * output.scale)
        site.require(real < 1.0, "has an output scale much smaller than its inputs'", CHECK_RANGES, output)
        multiplier, shift = quantize_multiplier(real)
        scaling = {
            "zero": first.zero_point,
            "out_zero": output.zero_point,
            "out_multiplier": multiplier,
            "out_shift": shift,
        }
    fields: dict[str, Field] = {"size": output.elements, "count": count, "type": NUMBERS[output.dtype], **scaling}
    return AddN(tuple(value.id for value in inputs), output.id, output.elements, fields)


def _lower(op: AddN) -> Call:
    padded = (*op.inputs, *(op.inputs[0],) * (MOST - len(op.inputs)))
    return Call("ep_add_n", "ep_add_n.h", op.fields, padded, (op.output,), overlaps=in_place(op.inputs, op.output))


ADD_N = Operator("ADD_N", describe, (Kernel("ep_add_n", _lower, cost=lambda op: 10.0 * op.size * len(op.inputs)),))
