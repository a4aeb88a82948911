"""CONV_2D for cores without SIMD, two pixels in a word: kernels/conv_2d/ep_conv_2d_lanes.h."""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.graph import Data
from edgepack.compile.operators.conv_2d.gemm import windows
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import padded_rows, walk
from edgepack.compile.operators.shared.one_sided import fit, fits
from edgepack.compile.operators.shared.requantize import Requantization, bias32, requantization_fields
from edgepack.compile.operators.shared.staircase import Channel

SCALE, AFTER, BITS = 8, 9, 30  # of ep_one_sided.h: accumulators scaled by 256, EP_ONE_SIDED_SHIFT, bits of both factors
ONE_SIDED, STEEP = 64, 64  # EP_ONE_SIDED, EP_STEEP
STEEP_SCALE = 4  # sums are scaled by 16


def lanes_fields(requantization: Requantization) -> dict[str, Field]:
    """The struct members that turn sums into outputs: one-sided for the channels where that is possible, else general."""
    bias, multiplier, shift = bias32(requantization).copy(), requantization.multiplier.copy(), requantization.shift.copy()
    sided = fits(requantization, SCALE, AFTER, BITS)
    for place, (channel, one_sided) in enumerate(zip(requantization.channels(), sided, strict=True)):
        found = (*one_sided, ONE_SIDED) if one_sided else _steep(channel)
        if found is not None:
            bias[place], multiplier[place], shift[place] = found
    return {
        **requantization_fields(requantization),
        "bias": Array(bias, "bias"),
        "multiplier": Array(multiplier, "multiplier"),
        "shift": Array(shift, "shift"),
    }


def _steep(channel: Channel) -> tuple[int, int, int] | None:
    """Bias, multiplier and shift of ep_steep; None where it does not apply."""
    right = 4 * STEEP_SCALE + STEEP_SCALE - channel.shift - 1  # leaves factors of 15 to 16 bits
    if channel.wraps or not 1 <= right <= 24 or channel.output(channel.least) != -128:
        return None
    found = fit(channel, STEEP_SCALE, right - 32, origin=-128)
    if found is None or found[1] >= 1 << 16:
        return None
    highest = channel.output(channel.most) + 128
    limit = -((-highest << right) // found[1])
    if limit >= 1 << 16:
        return None
    return found[0], int(np.uint32(limit << 16 | found[1]).view(np.int32)), STEEP + right


def addable(rows: Data) -> bool:
    """Whether two products of neighbours in a filter (last axis) can be added: not those of two weights of -128."""
    size = rows.shape[-1] // 2 * 2
    return not ((rows[..., 0:size:2] == -128) & (rows[..., 1:size:2] == -128)).any()


def applies(conv: Conv2D) -> bool:
    """Whether the kernel can do this."""
    return conv.dtype == "int8" and conv.groups == 1 and addable(conv.weights.reshape(conv.weights.shape[0], -1))


def _cost(conv: Conv2D) -> float:
    """Instructions, measured on the Cortex-M0+: 2.7 a multiply-accumulate, 9 to pack a value of a pair, 40 an output."""
    patch = int(np.prod(conv.weights.shape[1:]))
    pixels = conv.out_shape[0] * (conv.out_shape[1] * conv.out_shape[2] + 1)
    return pixels * (100.0 + 4.5 * patch + conv.out_shape[3] * (40.0 + 2.7 * patch))


def lower(conv: Conv2D) -> Call:
    """The call of the kernel."""
    rows = padded_rows(conv.weights)
    depth = rows.shape[1]
    return Call(
        kernel="ep_conv_2d_lanes",
        header="ep_conv_2d_lanes.h",
        fields={
            "windows": windows(conv),
            "depth": depth,
            "out_step": conv.step,
            "weights": Array(rows, "weights"),
            **lanes_fields(conv.requantization),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=6 * depth + 8 * conv.out_shape[3],
        overlaps=chase(walk(conv, 2), conv.input, conv.output) if conv.in_shape[0] == 1 else (),
    )


KERNELS = tuple(Kernel("ep_conv_2d_lanes", lower, frozenset({feature}), applies, _cost) for feature in ("armv6m", "thumb2"))
