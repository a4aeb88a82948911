"""ADD: int8, with broadcasting and a fused activation.

Reference: reference/integer_ops/add.h; the scaling is add.cc's Prepare: both inputs on a grid 2^20 finer than the larger
input scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator, Range, Ranges
from edgepack.compile.operators.shared.broadcast import broadcast_fields, broadcast_shape
from edgepack.compile.operators.shared.convolution import FUSED
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import activation_range, multiply_by_quantized_multiplier, quantize_multiplier

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


def _ranges(add: Add, ranges: Ranges) -> Range | None:
    if not add.same_shape or add.second.id not in ranges:
        return None
    numbers = {key: int(str(value)) for key, value in add.fields.items()}

    def total(a: int, b: int) -> int:
        scaled_a = multiply_by_quantized_multiplier((a - numbers["zero_1"]) << 20, numbers["multiplier_1"], numbers["shift_1"])
        scaled_b = multiply_by_quantized_multiplier((b - numbers["zero_2"]) << 20, numbers["multiplier_2"], numbers["shift_2"])
        raw = multiply_by_quantized_multiplier(scaled_a + scaled_b, numbers["out_multiplier"], numbers["out_shift"])
        return min(max(raw + numbers["out_zero"], numbers["out_min"]), numbers["out_max"])

    first, second = ranges[add.first.id], ranges[add.second.id]
    pairs = [(first[bound].tolist(), second[bound].tolist()) for bound in (0, 1)]
    least, most = (np.array([total(a, b) for a, b in zip(*pair, strict=True)], np.int64) for pair in pairs)
    return least, most


def _channels_apart(site: Site) -> bool:
    """Where both operands are computed and of the output's shape."""
    operands = [site.optional_input(index) for index in range(len(site.node.inputs))]
    shape = site.output().shape
    return all(value is not None and value.dtype == "int8" and value.data is None and value.shape == shape for value in operands)


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


ADD = Operator(
    "ADD",
    describe,
    (
        Kernel("ep_add", _same_shape, applies=lambda add: add.same_shape, cost=lambda add: 60.0 * add.output.elements),
        Kernel("ep_add_broadcast", _broadcast, cost=lambda add: 120.0 * add.output.elements),
    ),
    ranges=_ranges,
    channels_apart=_channels_apart,
)
