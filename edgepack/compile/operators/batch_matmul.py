"""BATCH_MATMUL: int8 matrices, either transposed, with batch dimensions that broadcast.

Reference: reference/batch_matmul.h; batch_matmul.cc multiplies the scales in float32 (GetQuantizedConvolutionMultipler),
TFLite Micro in double.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Call, Field
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.broadcast import broadcast_fields, broadcast_shape
from edgepack.compile.operators.site import CHECK_RANGES, CONVERT_AGAIN, Site
from edgepack.compile.quantize import quantize_multiplier

MAX_RANK = 5


@dataclass(frozen=True, eq=False)
class BatchMatmul:
    """A checked product; `fields` are the members of struct ep_batch_matmul."""

    first: Value
    second: Value
    output: Value
    macs: int
    fields: dict[str, Field]


def describe(site: Site) -> BatchMatmul:
    """Check a BATCH_MATMUL."""
    first, second, output = site.input(0), site.input(1), site.output()
    site.require_types(("int8", "int8", "int8"))
    site.require_quantized(first, second, output)
    ranks = len(first.shape), len(second.shape)
    site.require(min(ranks) >= 2 and max(ranks) <= MAX_RANK, "is not over 2 to 5 dimensions", "Reshape the operands.")
    swap_first, swap_second = bool(site.option("adj_x", False)), bool(site.option("adj_y", False))
    rows, depth = first.shape[:-3:-1] if swap_first else first.shape[-2:]
    inner, columns = second.shape[:-3:-1] if swap_second else second.shape[-2:]
    site.require(depth == inner, f"multiplies {rows}x{depth} by {inner}x{columns}", CONVERT_AGAIN)
    batch = broadcast_shape(site, first.shape[:-2], second.shape[:-2])
    site.require_shape(output, (*batch, rows, columns))
    # tflite-runtime goes wrong where the first is transposed and the second repeated: there TFLite Micro defines the bits.
    micro = swap_first and (1,) * (len(batch) + 2 - ranks[1]) + second.shape[:-2] != batch
    product = first.scale * second.scale if micro else float(np.float32(first.scale) * np.float32(second.scale))
    multiplier, shift = quantize_multiplier(product / output.scale)
    bits = (depth * 255 * 255).bit_length() + max(shift, 0)
    site.require(bits <= 31 and shift >= -31, "has an output scale out of range", CHECK_RANGES, output)
    fields: dict[str, Field] = {
        "batches": math.prod(batch),
        "rows": rows,
        "columns": columns,
        "depth": depth,
        "row_step": 1 if swap_first else depth,
        "depth_step_1": rows if swap_first else 1,
        "column_step": depth if swap_second else 1,
        "depth_step_2": 1 if swap_second else columns,
        "zero_1": first.zero_point,
        "zero_2": second.zero_point,
        "out_zero": output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "matrices": broadcast_fields(batch, first.shape[:-2], second.shape[:-2]),
    }
    return BatchMatmul(first, second, output, output.elements * depth, fields)


def _portable(product: BatchMatmul) -> Call:
    operands = (product.first.id, product.second.id)
    return Call("ep_batch_matmul", "ep_batch_matmul.h", product.fields, operands, (product.output.id,))


BATCH_MATMUL = Operator(
    "BATCH_MATMUL", describe, (Kernel("ep_batch_matmul", _portable, cost=lambda product: 8.0 * product.macs),)
)
