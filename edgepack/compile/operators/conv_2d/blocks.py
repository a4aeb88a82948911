"""CONV_2D with the DSP extension that skips blocks of zeros: kernels/conv_2d/ep_conv_2d_blocks.h."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.conv_2d.gemm import windows
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.kernel import ON_CODES, Kernel
from edgepack.compile.operators.shared.block_stream import MOST, block_density, pack_blocks
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import walk


@lru_cache(maxsize=4)
def _stream(conv: Conv2D) -> Data | None:
    return pack_blocks(conv.weights, conv.requantization)


def _applies(conv: Conv2D) -> bool:
    return conv.dtype == "int8" and conv.groups == 1 and block_density(conv.weights) <= MOST and _stream(conv) is not None


def _cost(conv: Conv2D) -> float:
    """Instructions, measured on the Cortex-M4: 16 for a block and four pixels, 1.2 to widen a value, 10 an output."""
    patch, channels = int(np.prod(conv.weights.shape[1:])), conv.weights.shape[0]
    pixels = conv.out_shape[0] * -(-conv.out_shape[1] * conv.out_shape[2] // 4) * 4
    blocks = block_density(conv.weights) * channels * -(-patch // 4)
    return pixels * (50.0 + 1.2 * patch + 4.0 * blocks + 10.0 * channels)


def _lower(conv: Conv2D) -> Call:
    stream = _stream(conv)
    assert stream is not None
    depth = -(-int(np.prod(conv.weights.shape[1:])) // 4) * 4
    return Call(
        kernel="ep_conv_2d_blocks",
        header="ep_conv_2d_blocks.h",
        fields={
            "windows": windows(conv),
            "depth": depth,
            "direct": int(conv.kernel[1] * conv.in_shape[3] % 4 == 0 and conv.dilation[1] == 1),
            "words": stream.size,
            "out_step": conv.step,
            "stream": Array(stream, "blocks of weights, biases and multipliers"),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=9 * depth,
        overlaps=chase(walk(conv, 4), conv.input, conv.output) if conv.in_shape[0] == 1 else (),
    )


KERNEL = Kernel("ep_conv_2d_blocks", _lower, frozenset({"dsp", ON_CODES}), _applies, _cost)
