"""DEPTHWISE_CONV_2D for cores without SIMD, two lines in a word: kernels/depthwise_conv_2d/ep_depthwise_lanes.h."""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Array, Call, Overlap
from edgepack.compile.graph import Data
from edgepack.compile.operators.conv_2d.lanes import addable, lanes_fields
from edgepack.compile.operators.depthwise_conv_2d.dsp_3x3 import Way, ways
from edgepack.compile.operators.depthwise_conv_2d.generic import DepthwiseConv2D
from edgepack.compile.operators.kernel import Kernel

ROWS_SAVED = 2  # of padding: input lines above those of the next two outputs are read before anything is written


def _applies(conv: DepthwiseConv2D) -> bool:
    shape = (conv.in_shape[0], conv.multiplier, conv.dilation)
    return conv.dtype == "int8" and shape == (1, 1, (1, 1)) and addable(_weights(conv, _best_way(conv)))


def _weights(conv: DepthwiseConv2D, way: Way) -> Data:
    """Weights (channels, taps): position by position the kernel's lines."""
    return np.ascontiguousarray(conv.weights.transpose((2, 1, 0) if way.by_rows else (2, 0, 1))).reshape(conv.in_shape[3], -1)


def _taps(conv: DepthwiseConv2D) -> int:
    """Of the kernel, rounded up to 2."""
    return -(-conv.kernel[0] * conv.kernel[1] // 2) * 2


def _instructions(conv: DepthwiseConv2D, way: Way) -> float:
    """What walking the image that way costs, on the Cortex-M0+."""
    kernel, stride = (conv.kernel, conv.stride) if way.by_rows else (conv.kernel[::-1], conv.stride[::-1])
    twos = (way.lines.out_size + 1) // 2
    positions = (way.along.out_size - 1) * stride[1] + kernel[1]
    fill = kernel[0] * (60.0 + 11.0 * positions)
    return conv.in_shape[3] * (100.0 + twos * (150.0 + fill + way.along.out_size * (15.0 + 4.0 * _taps(conv) + 2 * 26.0)))


def _best_way(conv: DepthwiseConv2D) -> Way:
    return min(ways(conv), key=lambda way: _instructions(conv, way))


def _lower(conv: DepthwiseConv2D) -> Call:
    way = _best_way(conv)
    lines, along = way.lines, way.along
    kernel, stride = (conv.kernel, conv.stride) if way.by_rows else (conv.kernel[::-1], conv.stride[::-1])
    positions = (along.out_size - 1) * stride[1] + kernel[1]
    in_place = conv.in_shape == conv.out_shape and conv.stride == (1, 1) and max(lines.pad, along.pad) <= ROWS_SAVED
    return Call(
        kernel="ep_depthwise_lanes",
        header="ep_depthwise_lanes.h",
        fields={
            "channels": conv.in_shape[3],
            "in_lines": lines.in_size,
            "in_length": along.in_size,
            "in_line": lines.in_step,
            "in_step": along.in_step,
            "out_lines": lines.out_size,
            "out_length": along.out_size,
            "out_line": lines.out_step,
            "out_step": along.out_step,
            "kernel_lines": kernel[0],
            "kernel_length": kernel[1],
            "stride_lines": stride[0],
            "stride_length": stride[1],
            "pad_lines": lines.pad,
            "pad_length": along.pad,
            "in_zero": conv.in_zero,
            "taps": _taps(conv),
            "positions": positions,
            "weights": Array(_weights(conv, way), "weights"),
            **lanes_fields(conv.requantization),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=4 * (_taps(conv) + 2 * along.out_size + 2 * (positions * kernel[0] + 1)),
        overlaps=(Overlap(conv.input, conv.output, 0, exactly=True),) if in_place else (),
    )


def _cost(conv: DepthwiseConv2D) -> float:
    return _instructions(conv, _best_way(conv))


KERNELS = tuple(Kernel("ep_depthwise_lanes", _lower, frozenset({feature}), _applies, _cost) for feature in ("armv6m", "thumb2"))
