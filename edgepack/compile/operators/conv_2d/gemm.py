"""CONV_2D with the DSP extension, in assembly: kernels/conv_2d/ep_conv_2d_gemm.h."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.operators.conv_2d.generic import Conv2D, shape_fields
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import walk
from edgepack.compile.operators.shared.gemm_stream import Stream, pack


@lru_cache(maxsize=4)
def _stream(conv: Conv2D) -> Stream | None:
    return pack(conv.weights, conv.requantization)


def _applies(conv: Conv2D) -> bool:
    """Not where layers share weights, of which each would have its own stream."""
    return conv.dtype == "int8" and conv.groups == 1 and not conv.shared and _stream(conv) is not None


def _cost(conv: Conv2D) -> float:
    """Instructions, measured on the Cortex-M4: 0.8 a multiply-accumulate of whole groups, 7 an output, 1 to widen a value."""
    stream = _stream(conv)
    assert stream is not None
    patch = int(np.prod(conv.weights.shape[1:]))
    pixels = conv.out_shape[0] * (conv.out_shape[1] * conv.out_shape[2] + 1)
    return pixels * (50.0 + 1.2 * patch + 4 * stream.groups * (0.8 * patch + 7.0))


def windows(conv: Conv2D) -> dict[str, Field]:
    """The members of struct ep_conv_windows."""
    last = [
        extent - 1 - (kernel - 1) * dilation
        for extent, kernel, dilation in zip(conv.in_shape[1:3], conv.kernel, conv.dilation, strict=True)
    ]
    return {**shape_fields(conv), "last_y": last[0], "last_x": last[1]}


def _lower(conv: Conv2D) -> Call:
    stream = _stream(conv)
    assert stream is not None
    return Call(
        kernel="ep_conv_2d_gemm",
        header="ep_conv_2d_gemm.h",
        fields={
            "windows": windows(conv),
            "depth": stream.depth,
            "direct": int(conv.kernel[1] * conv.in_shape[3] % 4 == 0 and conv.dilation[1] == 1),
            "whole": stream.whole,
            "out_step": conv.step,
            "half": 2 * conv.requantization.out_zero + 1,
            "stream": Array(stream.words, "weights, biases and multipliers", stream.depth),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=6 * stream.depth + 8,
        overlaps=chase(walk(conv, 2), conv.input, conv.output) if conv.in_shape[0] == 1 else (),
    )


KERNEL = Kernel("ep_conv_2d_gemm", _lower, frozenset({"dsp"}), _applies, _cost)
