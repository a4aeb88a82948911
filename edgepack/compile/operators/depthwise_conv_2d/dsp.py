"""DEPTHWISE_CONV_2D with the DSP extension: ep_depthwise_conv_2d_dsp.h, and its twin ep_depthwise_conv_2d_dsp_wide.h."""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.depthwise_conv_2d.generic import DepthwiseConv2D
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import walk
from edgepack.compile.operators.shared.requantize import short_fields
from edgepack.compile.operators.shared.wide import is_wide, stored

POINTER = 8  # bytes of a pointer on the largest host


def _applies(conv: DepthwiseConv2D) -> bool:
    return conv.dtype == "int8" and conv.multiplier == 1 and conv.in_shape[0] == 1 and conv.requantization.short


def _cost(conv: DepthwiseConv2D) -> float:
    """Instructions: 3 a multiply-accumulate, 16 an output, 12 a tap of a pixel; measured on the Cortex-M4."""
    pixels = conv.out_shape[1] * conv.out_shape[2]
    return 3.0 * conv.macs + 16.0 * pixels * conv.out_shape[3] + 12.0 * pixels * conv.kernel[0] * conv.kernel[1]


def channel_blocks(weights: Data) -> Data:
    """Weights (kernel_h, kernel_w, channels) as [block of 4][tap][4], the last block with the channels left."""
    taps = weights.reshape(-1, weights.shape[2])
    return np.concatenate([taps[:, first : first + 4].reshape(-1) for first in range(0, taps.shape[1], 4)])


def _lower(conv: DepthwiseConv2D) -> Call:
    weights, zero = stored(conv.weights)
    kernel = "ep_depthwise_conv_2d_dsp_wide" if is_wide(conv) else "ep_depthwise_conv_2d_dsp"
    return Call(
        kernel=kernel,
        header=f"{kernel}.h",
        struct="ep_depthwise_conv_2d_dsp",
        fields={
            "in_h": conv.in_shape[1],
            "in_w": conv.in_shape[2],
            "channels": conv.in_shape[3],
            "out_h": conv.out_shape[1],
            "out_w": conv.out_shape[2],
            "kernel_h": conv.kernel[0],
            "kernel_w": conv.kernel[1],
            "stride_h": conv.stride[0],
            "stride_w": conv.stride[1],
            "dilation_h": conv.dilation[0],
            "dilation_w": conv.dilation[1],
            "pad_top": conv.padding.top,
            "pad_left": conv.padding.left,
            "in_zero": conv.in_zero,
            "weight_zero": zero,
            "weights": Array(channel_blocks(weights), "weights"),
            **short_fields(conv.requantization),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=POINTER * conv.kernel[0] * conv.kernel[1] + conv.in_shape[3],
        overlaps=chase(walk(conv, 0), conv.input, conv.output),
    )


KERNEL = Kernel("ep_depthwise_conv_2d_dsp", _lower, frozenset({"dsp"}), _applies, _cost, wide=True)
