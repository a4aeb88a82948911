"""What ADD, SUB and MUL on int16 activations share: operands that broadcast, a fused activation, and the call.

Reference: TFLite Micro's add_common.cc, sub_common.cc, mul_common.cc with reference/add.h, sub.h and integer_ops/mul.h. It
computes factors in double and scales by any factor, where tflite-runtime multiplies MUL's scales in float32 and shifts ADD
and SUB by powers of two if pot_scale_int16 says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.broadcast import broadcast_fields, broadcast_shape
from edgepack.compile.operators.shared.convolution import FUSED
from edgepack.compile.operators.shared.int16 import require_symmetric
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import activation_range, quantize_multiplier

GRID = 15  # both operands of a sum are scaled to 2^-15 of twice the larger input scale


@dataclass(frozen=True, eq=False)
class Binary:
    """Checked operands; `fields` are the members of struct ep_add_int16 or ep_mul_int16."""

    first: Value
    second: Value
    output: Value
    fields: dict[str, Field]


def describe_operands(site: Site) -> Binary:
    """What they all check, and the members their structs share."""
    first, second, output = site.input(0), site.input(1), site.output()
    site.require_types(("int16", "int16", "int16"))
    require_symmetric(site, first, second, output)
    shape = broadcast_shape(site, first.shape, second.shape)
    site.require_shape(output, shape)
    activation = site.option("fused_activation_function", "NONE")
    site.require(activation in FUSED, f"with fused activation {activation}", f"Use one of {', '.join(FUSED)}.")
    out_min, out_max = activation_range(activation, output.dtype, output.scale, 0)
    fields: dict[str, Field] = {
        "size": output.elements,
        "same_shape": int(first.elements == second.elements == output.elements),
        "out_min": out_min,
        "out_max": out_max,
        "shape": broadcast_fields(shape, first.shape, second.shape),
    }
    return Binary(first, second, output, fields)


def describe_sum(site: Site, sign: int) -> Binary:
    """Check a sum, of which the second operand has the sign 1 or -1, and scale its operands."""
    binary = describe_operands(site)
    a, b, out = binary.first.scale, binary.second.scale, binary.output.scale
    twice_max = 2 * max(a, b)
    reals = (a / twice_max, b / twice_max, twice_max / ((1 << GRID) * out))
    site.require(0 < reals[2] < 1.0, "has an output scale much smaller than its inputs'", CHECK_RANGES, binary.output)
    (multiplier_1, shift_1), (multiplier_2, shift_2), (out_multiplier, out_shift) = map(quantize_multiplier, reals)
    fields: dict[str, Field] = {
        "sign": sign,
        "multiplier_1": multiplier_1,
        "shift_1": shift_1,
        "multiplier_2": multiplier_2,
        "shift_2": shift_2,
        "out_multiplier": out_multiplier,
        "out_shift": out_shift,
    }
    return replace(binary, fields={**binary.fields, **fields})


def binary_kernel_int16(name: str) -> Kernel[Binary]:
    """The kernel `name`, in the header of that name, which is given both operands as they are."""

    def lower(binary: Binary) -> Call:
        operands = (binary.first, binary.second)
        whole = tuple(value.id for value in operands if value.elements == binary.output.elements)
        inputs, output = tuple(value.id for value in operands), binary.output.id
        return Call(name, f"{name}.h", binary.fields, inputs, (output,), overlaps=in_place(whole, output))

    return Kernel(name, lower, cost=lambda binary: 70.0 * binary.output.elements)
