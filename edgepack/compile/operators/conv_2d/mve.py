"""CONV_2D with the vector extension: kernels/conv_2d/ep_conv_2d_mve.h, and ep_conv_2d_rows_mve.h without padding of filters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import walk
from edgepack.compile.operators.shared.mve import LANES, STRIP, exact, outputs_fields, strip_bytes, strip_fields

UNROLLED = 4  # vectors of a filter


def _direct(conv: Conv2D, rows: bool) -> bool:
    """Whether the windows are in the input: single pixels, which have to be whole vectors if filters are padded."""
    same = conv.kernel == (1, 1) and conv.stride == (1, 1) and conv.in_shape[:3] == conv.out_shape[:3]
    return same and (rows or conv.in_shape[3] % LANES == 0)


def _strip(conv: Conv2D, rows: bool) -> int:
    return 0 if _direct(conv, rows) else strip_bytes(conv.in_shape[3], conv.out_shape[2], conv.kernel, conv.stride[1])


def _applies(conv: Conv2D, rows: bool) -> bool:
    return (
        conv.dtype == "int8"
        and conv.groups == 1
        and (conv.dilation[1] == 1 or conv.kernel[1] == 1)
        and _strip(conv, rows) <= STRIP
        and exact(conv.requantization)
    )


def _cost(conv: Conv2D) -> float:
    """Instructions, measured: 2.1 for 16 multiply-accumulates, 3 an output, 6 to copy a vector to the strip."""
    _, out_h, out_w, channels = conv.out_shape
    copied = conv.kernel[0] * (out_w * conv.stride[1] + conv.kernel[1]) * -(-conv.in_shape[3] // LANES)
    pixels = conv.out_shape[0] * out_h * out_w
    copying = 0.0 if _direct(conv, False) else 6.0 * conv.out_shape[0] * out_h * copied
    return pixels * (30.0 + channels * (2.1 * _vectors(conv) + 3.0)) + copying


def _cost_rows(conv: Conv2D) -> float:
    """What padding costs, and for windows of up to four vectors, which are unrolled there, 2.5 more for each output.

    Longer ones are no slower. They count as if they were, so that code for speed, and small layers, do not take this kernel too.
    """
    return 1.0005 * _cost(conv) + (2.5 * int(np.prod(conv.out_shape)) if _vectors(conv) <= UNROLLED else 0.0)


def _vectors(conv: Conv2D) -> int:
    """Vectors of a filter."""
    return -(-int(np.prod(conv.weights.shape[1:])) // LANES)


def pack(rows: Data, together: int) -> Data:
    """Weights (outputs, values) as [outputs / together][vector][together][16], padded with zeros."""
    outputs, size = rows.shape
    padded = np.pad(rows, ((0, -outputs % together), (0, -size % LANES)))
    return np.ascontiguousarray(padded.reshape(-1, together, padded.shape[1] // LANES, LANES).transpose(0, 2, 1, 3))


def _lower(conv: Conv2D, rows: bool) -> Call:
    direct = _direct(conv, rows)
    batches, out_h, out_w, channels = conv.out_shape
    by_column = conv.weights.transpose(0, 2, 1, 3).reshape(channels, -1)
    size, room = by_column.shape[1], -(-channels // LANES) * LANES
    padded = np.pad(by_column.reshape(-1), (-size % LANES, 0)) if rows else pack(by_column, 2).reshape(-1)
    kernel = "ep_conv_2d_rows_mve" if rows else "ep_conv_2d_mve"
    return Call(
        kernel=kernel,
        header=f"{kernel}.h",
        struct="ep_conv_2d_mve",
        fields={
            "strip": strip_fields(
                conv.in_shape, out_w, conv.kernel, conv.stride[1], conv.dilation[0], conv.padding, conv.in_zero
            ),
            "batches": 1 if direct else batches,
            "rows": 1 if direct else out_h,
            "pixels": batches * out_h * out_w if direct else out_w,
            "stride_h": conv.stride[0],
            "pad_top": conv.padding.top,
            "step": conv.stride[1] * conv.kernel[0] * conv.in_shape[3],
            "direct": int(direct),
            "out_step": conv.step,
            "pairs": channels // 2 if rows else -(-channels // 2),
            "length": size if rows else _vectors(conv),
            "weights": Array(padded, "weights"),
            "outputs": outputs_fields(conv.requantization),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=8 * room + (0 if direct else _strip(conv, rows) + LANES),
        overlaps=chase(walk(conv, 2 if direct else out_w), conv.input, conv.output) if batches == 1 else (),
    )


def _kernel(name: str, rows: bool, cost: Callable[[Conv2D], float]) -> Kernel[Conv2D]:
    return Kernel(name, lambda conv: _lower(conv, rows), frozenset({"mve"}), lambda conv: _applies(conv, rows), cost)


KERNELS = (_kernel("ep_conv_2d_mve", False, _cost), _kernel("ep_conv_2d_rows_mve", True, _cost_rows))
