"""CONV_2D with the vector extension: kernels/conv_2d/ep_conv_2d_mve.h."""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import walk
from edgepack.compile.operators.shared.mve import LANES, STRIP, exact, outputs_fields, strip_bytes, strip_fields


def _direct(conv: Conv2D) -> bool:
    """Whether the windows are in the input: whole vectors of single pixels."""
    same = conv.kernel == (1, 1) and conv.stride == (1, 1) and conv.in_shape[:3] == conv.out_shape[:3]
    return same and conv.in_shape[3] % LANES == 0


def _strip(conv: Conv2D) -> int:
    return 0 if _direct(conv) else strip_bytes(conv.in_shape[3], conv.out_shape[2], conv.kernel, conv.stride[1])


def _applies(conv: Conv2D) -> bool:
    return (
        conv.dtype == "int8"
        and conv.groups == 1
        and (conv.dilation[1] == 1 or conv.kernel[1] == 1)
        and _strip(conv) <= STRIP
        and exact(conv.requantization)
    )


def _cost(conv: Conv2D) -> float:
    """Instructions, measured: 2.1 for 16 multiply-accumulates, 3 an output, 6 to copy a vector to the strip."""
    _, out_h, out_w, channels = conv.out_shape
    vectors = -(-int(np.prod(conv.weights.shape[1:])) // LANES)
    copied = conv.kernel[0] * (out_w * conv.stride[1] + conv.kernel[1]) * -(-conv.in_shape[3] // LANES)
    pixels = conv.out_shape[0] * out_h * out_w
    copying = 0.0 if _direct(conv) else 6.0 * conv.out_shape[0] * out_h * copied
    return pixels * (30.0 + channels * (2.1 * vectors + 3.0)) + copying


def pack(rows: Data, together: int) -> Data:
    """Weights (outputs, values) as [outputs / together][vector][together][16], padded with zeros."""
    outputs, size = rows.shape
    padded = np.pad(rows, ((0, -outputs % together), (0, -size % LANES)))
    return np.ascontiguousarray(padded.reshape(-1, together, padded.shape[1] // LANES, LANES).transpose(0, 2, 1, 3))


def _lower(conv: Conv2D) -> Call:
    direct = _direct(conv)
    batches, out_h, out_w, channels = conv.out_shape
    by_column = conv.weights.transpose(0, 2, 1, 3).reshape(channels, -1)
    weights = pack(by_column, 2)
    room = -(-channels // LANES) * LANES
    return Call(
        kernel="ep_conv_2d_mve",
        header="ep_conv_2d_mve.h",
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
            "pairs": weights.shape[0],
            "vectors": weights.shape[1],
            "weights": Array(weights.reshape(-1), "weights"),
            "outputs": outputs_fields(conv.requantization),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=8 * room + (0 if direct else _strip(conv) + LANES),
        overlaps=chase(walk(conv, 2 if direct else out_w), conv.input, conv.output) if batches == 1 else (),
    )


KERNEL = Kernel("ep_conv_2d_mve", _lower, frozenset({"mve"}), _applies, _cost)
