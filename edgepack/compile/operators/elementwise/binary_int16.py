"""ADD, SUB and MUL, int16, with broadcasting and a fused activation.

Reference: TFLite Micro's add_common.cc, sub_common.cc, mul_common.cc with reference/add.h, sub.h and integer_ops/mul.h. It
computes factors in double and scales by any factor, where tflite-runtime multiplies MUL's scales in float32 and shifts ADD
and SUB by powers of two if pot_scale_int16 says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.registry import CHECK_RANGES, Kernel, Operator, Site, register_for
from edgepack.compile.operators.shared.broadcast import broadcast_fields, broadcast_shape
from edgepack.compile.operators.shared.convolution import FUSED
from edgepack.compile.operators.shared.int16 import require_symmetric
from edgepack.compile.quantize import activation_range, quantize_multiplier

GRID = 15  # both operands of ADD are scaled to 2^-15 of twice the larger input scale


@dataclass(frozen=True, eq=False)
class Binary:
    """Checked operands; `fields` are the members of struct ep_add_int16 or ep_mul_int16."""

    first: Value
    second: Value
    output: Value
    fields: dict[str, Field]


def _describe(site: Site) -> Binary:
    """What all three check, and the members their structs share."""
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


def _sum_fields(site: Site, binary: Binary, sign: int, reals: tuple[float, float, float]) -> Binary:
    site.require(0 < reals[2] < 1.0, "has an output scale much smaller than its inputs'", CHECK_RANGES, binary.output)
    pairs = [quantize_multiplier(real) for real in reals]
    fields = {**binary.fields, "sign": sign}
    for name, (multiplier, shift) in zip(("_1", "_2", ""), pairs, strict=True):
        prefix = "" if name else "out_"
        fields |= {f"{prefix}multiplier{name}": multiplier, f"{prefix}shift{name}": shift}
    return Binary(binary.first, binary.second, binary.output, fields)


def describe_add(site: Site) -> Binary:
    """Check an ADD."""
    binary = _describe(site)
    a, b, out = binary.first.scale, binary.second.scale, binary.output.scale
    twice_max = 2 * max(a, b)
    return _sum_fields(site, binary, 1, (a / twice_max, b / twice_max, twice_max / ((1 << GRID) * out)))


def describe_sub(site: Site) -> Binary:
    """Check a SUB."""
    binary = _describe(site)
    a, b, out = binary.first.scale, binary.second.scale, binary.output.scale
    twice_max = 2 * max(a, b)
    return _sum_fields(site, binary, -1, (a / twice_max, b / twice_max, twice_max / ((1 << GRID) * out)))


def describe_mul(site: Site) -> Binary:
    """Check a MUL."""
    binary = _describe(site)
    multiplier, shift = quantize_multiplier(binary.first.scale * binary.second.scale / binary.output.scale)
    site.require(shift <= 0, "has an output scale much smaller than its inputs'", CHECK_RANGES, binary.output)
    fields = {**binary.fields, "out_multiplier": multiplier, "out_shift": shift}
    return Binary(binary.first, binary.second, binary.output, fields)


def _kernel(name: str) -> Kernel[Binary]:
    def lower(binary: Binary) -> Call:
        operands = (binary.first, binary.second)
        whole = tuple(value.id for value in operands if value.elements == binary.output.elements)
        inputs, output = tuple(value.id for value in operands), binary.output.id
        return Call(name, f"{name}.h", binary.fields, inputs, (output,), overlaps=in_place(whole, output))

    return Kernel(name, lower, cost=lambda binary: 70.0 * binary.output.elements)


for _name, _operator, _header in (
    ("ADD", describe_add, "ep_add_int16"),
    ("SUB", describe_sub, "ep_add_int16"),
    ("MUL", describe_mul, "ep_mul_int16"),
):
    register_for("int16", Operator(_name, _operator, (_kernel(_header),)))
