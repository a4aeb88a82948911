"""ADD: int8, with broadcasting and a fused activation.

Reference: reference/integer_ops/add.h; the scaling is add.cc's Prepare: both inputs on a grid 2^20 finer than the larger
input scale.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.registry import CHECK_RANGES, Kernel, Operator, Site, register
from edgepack.compile.operators.shared.broadcast import broadcast_fields, broadcast_shape
from edgepack.compile.operators.shared.convolution import FUSED
from edgepack.compile.quantize import activation_range, quantize_multiplier

LEFT_SHIFT = 20


@dataclass(frozen=True, eq=False)
class Add:
    """A checked addition; `fields` are the members of struct ep_add."""

    first: Value
    second: Value
    output: Value
    out_shape: tuple[int, ...]
    fields: dict[str, Field]

    @property
    def same_shape(self) -> bool:
        """Whether no operand is repeated."""
        return self.first.elements == self.second.elements == self.output.elements


def describe(site: Site) -> Add:
    """Check an ADD and scale its operands."""
    first, second, output = site.input(0), site.input(1), site.output()
    site.require_types(("int8", "int8", "int8"))
    site.require_quantized(first, second, output)
    out_shape = broadcast_shape(site, first.shape, second.shape)
    site.require_shape(output, out_shape)
    activation = site.option("fused_activation_function", "NONE")
    site.require(activation in FUSED, f"with fused activation {activation}", f"Use one of {', '.join(FUSED)}.")
    twice_max = 2 * max(first.scale, second.scale)
    multiplier_1, shift_1 = quantize_multiplier(first.scale / twice_max)
    multiplier_2, shift_2 = quantize_multiplier(second.scale / twice_max)
    real = twice_max / ((1 << LEFT_SHIFT) * output.scale)
    site.require(real < 1.0, "has an output scale much smaller than its inputs'", CHECK_RANGES, output)
    out_multiplier, out_shift = quantize_multiplier(real)
    out_min, out_max = activation_range(activation, output.dtype, output.scale, output.zero_point)
    fields: dict[str, Field] = {
        "size": output.elements,
        "zero_1": first.zero_point,
        "multiplier_1": multiplier_1,
        "shift_1": shift_1,
        "zero_2": second.zero_point,
        "multiplier_2": multiplier_2,
        "shift_2": shift_2,
        "out_zero": output.zero_point,
        "out_multiplier": out_multiplier,
        "out_shift": out_shift,
        "out_min": out_min,
        "out_max": out_max,
    }
    return Add(first, second, output, out_shape, fields)


def _same_shape(add: Add) -> Call:
    operands = (add.first.id, add.second.id)
    return Call("ep_add", "ep_add.h", add.fields, operands, (add.output.id,), overlaps=in_place(operands, add.output.id))


def _broadcast(add: Add) -> Call:
    shape = broadcast_fields(add.out_shape, add.first.shape, add.second.shape)
    whole = tuple(value.id for value in (add.first, add.second) if value.elements == add.output.elements)
    return Call(
        kernel="ep_add_broadcast",
        header="ep_add_broadcast.h",
        fields={"add": add.fields, "shape": shape},
        inputs=(add.first.id, add.second.id),
        outputs=(add.output.id,),
        overlaps=in_place(whole, add.output.id),
    )


register(
    Operator(
        "ADD",
        describe,
        (
            Kernel("ep_add", _same_shape, applies=lambda add: add.same_shape, cost=lambda add: 60.0 * add.output.elements),
            Kernel("ep_add_broadcast", _broadcast, cost=lambda add: 120.0 * add.output.elements),
        ),
    )
)
