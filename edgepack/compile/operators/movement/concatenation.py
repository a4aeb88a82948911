"""CONCATENATION along any axis, of any type: each operand is copied into its place.

Reference: reference/concatenation.h. TFLite requires equal scales and zero points, so nothing is rescaled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Call
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.site import CONVERT_AGAIN, Site


@dataclass(frozen=True, eq=False)
class Concatenation:
    """Checked operands, in order; `rows` is the product of the extents before the axis."""

    operands: tuple[Value, ...]
    output: Value
    rows: int


def describe(site: Site) -> Concatenation:
    """Check a CONCATENATION."""
    output = site.output()
    operands = tuple(site.input(index) for index in range(len(site.node.inputs)))
    axis = int(site.option("axis", 0))
    axis += len(output.shape) if axis < 0 else 0
    site.require(0 <= axis < len(output.shape), "has an axis out of range", CONVERT_AGAIN)
    site.require(site.option("fused_activation_function", "NONE") == "NONE", "with a fused activation", "Use a ReLU layer.")
    for operand in operands:
        site.require(operand.dtype == output.dtype, f"mixes {operand.dtype} into {output.dtype}", CONVERT_AGAIN, operand)
        site.require(
            operand.scales == output.scales and operand.zero_points == output.zero_points,
            "has operands of different scale",
            "Convert with the TensorFlow converter, which inserts QUANTIZE before CONCATENATION.",
            operand,
        )
        around = (operand.shape[:axis], operand.shape[axis + 1 :])
        same = len(operand.shape) == len(output.shape) and around == (output.shape[:axis], output.shape[axis + 1 :])
        site.require(same, f"joins {list(operand.shape)} into {list(output.shape)}", CONVERT_AGAIN, operand)
    total = sum(operand.shape[axis] for operand in operands)
    site.require_shape(output, (*output.shape[:axis], total, *output.shape[axis + 1 :]))
    return Concatenation(operands, output, int(np.prod(output.shape[:axis])))


def _portable(concatenation: Concatenation) -> tuple[Call, ...]:
    rows = concatenation.rows
    calls, start = [], 0
    for operand in concatenation.operands:
        size = operand.bytes // rows
        if size:
            fields = {
                "rows": rows,
                "bytes": size,
                "in_start": 0,
                "in_stride": size,
                "out_start": start,
                "out_stride": concatenation.output.bytes // rows,
            }
            calls.append(Call("ep_copy_rows", "ep_copy_rows.h", fields, (operand.id,), (concatenation.output.id,)))
        start += size
    return tuple(calls)


def _cost(concatenation: Concatenation) -> float:
    """Instructions: 1 a byte, 20 a row of an operand."""
    return 1.0 * concatenation.output.bytes + 20.0 * concatenation.rows * len(concatenation.operands)


CONCATENATION = Operator("CONCATENATION", describe, (Kernel("ep_copy_rows", _portable, cost=_cost),))
