"""ADD, SUB, MUL, MINIMUM, MAXIMUM, DIV, FLOOR_DIV, FLOOR_MOD of plain int32 and int64: indices, counts and masks.

Reference: reference/add.h, sub.h, mul.h, maximum_minimum.h, div.h, floor_div.h, floor_mod.h; int32 wraps as its x86 build does.
It refuses to run a division by zero, which gives zero here. FLOOR_DIV and FLOOR_MOD of int8 and int16, and MINIMUM and MAXIMUM of
int16, are of the stored numbers.
"""

from __future__ import annotations

from edgepack.compile.call import Field
from edgepack.compile.operators.elementwise.compare import operands
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.numbers import INTEGERS, clamp_fields
from edgepack.compile.operators.shared.rows import Binary, binary_kernel
from edgepack.compile.operators.site import Site

FUNCTIONS = {"ADD": 0, "SUB": 1, "MUL": 2, "MINIMUM": 3, "MAXIMUM": 4}
WIDE = ("int32", "int64")
STORED = ("int8", "int16", *WIDE)
FLOAT_HINT = "With a constant number as one of its operands, between DEQUANTIZE and QUANTIZE, it is compiled: a table."


def describe(site: Site) -> Binary:
    """Check an operator on plain integers."""
    name = site.node.op
    floor, stored = name in ("FLOOR_DIV", "FLOOR_MOD"), name not in ("ADD", "SUB", "MUL", "DIV")
    site.require(site.output().dtype != "float32", "of two computed float32 tensors", FLOAT_HINT)
    site.require_types(*((dtype,) * 3 for dtype in (STORED if stored else WIDE)))
    fields: dict[str, Field] = {"type": INTEGERS[site.output().dtype]}
    if name in FUNCTIONS:
        fields["function"] = FUNCTIONS[name]
    else:
        fields |= {"floor": int(floor), "remainder": int(name == "FLOOR_MOD")}
    return Binary(*operands(site), {**fields, **clamp_fields(site)})


_ARITHMETIC: tuple[Kernel[Binary], ...] = (binary_kernel("ep_integer_arithmetic", 30.0),)
_DIVISION: tuple[Kernel[Binary], ...] = (binary_kernel("ep_integer_division", 60.0),)
ADD = Operator("ADD", describe, _ARITHMETIC)
SUB = Operator("SUB", describe, _ARITHMETIC)
MUL = Operator("MUL", describe, _ARITHMETIC)
MINIMUM = Operator("MINIMUM", describe, _ARITHMETIC)
MAXIMUM = Operator("MAXIMUM", describe, _ARITHMETIC)
DIV = Operator("DIV", describe, _DIVISION)
FLOOR_DIV = Operator("FLOOR_DIV", describe, _DIVISION)
FLOOR_MOD = Operator("FLOOR_MOD", describe, _DIVISION)
