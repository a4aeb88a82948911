"""CONV_2D for cores without SIMD that skips blocks of zeros: kernels/conv_2d/ep_conv_2d_blocks_lanes.h."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.conv_2d import lanes
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.kernel import ON_CODES, Kernel
from edgepack.compile.operators.shared.block_stream import CODE_LANES, MOST, block_density, pack_blocks_lanes


@lru_cache(maxsize=4)
def _stream(conv: Conv2D) -> Data | None:
    return pack_blocks_lanes(conv.weights, CODE_LANES)


def _applies(conv: Conv2D) -> bool:
    return lanes.applies(conv) and block_density(conv.weights) <= MOST and _stream(conv) is not None


def _cost(conv: Conv2D) -> float:
    """Instructions, measured on the Cortex-M0+: 28 for a block and two pixels, 9 to pack a value of a pair, 50 an output."""
    patch, channels = int(np.prod(conv.weights.shape[1:])), conv.weights.shape[0]
    pixels = conv.out_shape[0] * (conv.out_shape[1] * conv.out_shape[2] + 1)
    blocks = block_density(conv.weights) * channels * -(-patch // 4)
    return pixels * (100.0 + 4.5 * patch + 14.0 * blocks + 50.0 * channels)


def _lower(conv: Conv2D) -> Call:
    stream, plain = _stream(conv), lanes.lower(conv)
    assert stream is not None
    return replace(
        plain,
        kernel="ep_conv_2d_blocks_lanes",
        header="ep_conv_2d_blocks_lanes.h",
        fields={"lanes": {**plain.fields, "weights": None}, "stream": Array(stream, "blocks of weights")},
    )


KERNEL = Kernel("ep_conv_2d_blocks_lanes", _lower, frozenset({ON_CODES}), _applies, _cost)
