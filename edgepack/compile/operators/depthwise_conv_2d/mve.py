"""DEPTHWISE_CONV_2D with the vector extension: kernels/depthwise_conv_2d/ep_depthwise_conv_2d_mve.h."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.depthwise_conv_2d.generic import DepthwiseConv2D
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import walk
from edgepack.compile.operators.shared.mve import LANES, STRIP, exact, outputs_fields, strip_bytes, strip_fields


def channel_blocks(weights: Data) -> Data:
    """Weights (kernel_h, kernel_w, channels) as [block of 16 channels][tap][16], taps as [column][row]."""
    taps = weights.transpose(1, 0, 2).reshape(-1, weights.shape[2])
    padded = np.pad(taps, ((0, 0), (0, -taps.shape[1] % LANES)))
    return np.ascontiguousarray(padded.reshape(padded.shape[0], -1, LANES).transpose(1, 0, 2))


def _pairs_fit(weights: Data) -> bool:
    """Whether two products always fit 16 bits."""
    blocks = np.abs(channel_blocks(weights).astype(np.int64))
    blocks = np.pad(blocks, ((0, 0), (0, blocks.shape[1] % 2), (0, 0)))
    return bool((blocks[:, 0::2] + blocks[:, 1::2]).max() * 128 < 1 << 15)


def _strip(conv: DepthwiseConv2D) -> int:
    return strip_bytes(LANES, conv.out_shape[2], conv.kernel, conv.stride[1])


def _blocks(conv: DepthwiseConv2D) -> int:
    """Blocks of sixteen channels."""
    return -(-conv.in_shape[3] // LANES)


def _strips(conv: DepthwiseConv2D) -> int:
    """Strips filled at once: all, so that a row of outputs may overwrite its input, or one where that takes much memory."""
    return _blocks(conv) if _blocks(conv) * _strip(conv) <= STRIP else 1


def _applies(conv: DepthwiseConv2D) -> bool:
    return (
        conv.dtype == "int8"
        and conv.multiplier == 1
        and (conv.dilation[1] == 1 or conv.kernel[1] == 1)
        and _strip(conv) <= STRIP
        and exact(conv.requantization, in_registers=True)
        and _pairs_fit(conv.weights)
    )


def _cost(conv: DepthwiseConv2D) -> float:
    """Instructions, measured: 20 for a pair of taps of 16 channels, 38 for their outputs, 5 to copy a vector to the strip."""
    batches, out_h, out_w, channels = conv.out_shape
    kernel_h, kernel_w = conv.kernel
    taps, outputs = 10.0 * kernel_h * kernel_w, 38.0
    copied = kernel_h * (out_w * conv.stride[1] + kernel_w)
    return batches * out_h * -(-channels // LANES) * (out_w * (taps + outputs) + 5.0 * copied + 60.0)


def _lower(conv: DepthwiseConv2D) -> Call:
    batches, out_h, out_w, _ = conv.out_shape
    taps = conv.kernel[0] * conv.kernel[1]
    over = replace(walk(conv, out_w), copied=_strips(conv) == _blocks(conv))
    return Call(
        kernel="ep_depthwise_conv_2d_mve",
        header="ep_depthwise_conv_2d_mve.h",
        fields={
            "strip": strip_fields(
                conv.in_shape, out_w, conv.kernel, conv.stride[1], conv.dilation[0], conv.padding, conv.in_zero
            ),
            "batches": batches,
            "out_h": out_h,
            "out_w": out_w,
            "stride_h": conv.stride[0],
            "pad_top": conv.padding.top,
            "step": conv.stride[1] * conv.kernel[0] * LANES,
            "taps": taps,
            "strips": _strips(conv),
            "weights": Array(channel_blocks(conv.weights).reshape(-1), "weights"),
            "outputs": outputs_fields(conv.requantization),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=_strips(conv) * _strip(conv) + LANES,
        overlaps=chase(over, conv.input, conv.output) if batches == 1 else (),
    )


KERNEL = Kernel("ep_depthwise_conv_2d_mve", _lower, frozenset({"mve"}), _applies, _cost)
