"""FULLY_CONNECTED with the DSP extension, where layers share weights: kernels/fully_connected/ep_fully_connected_shared.h."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.fully_connected.generic import FullyConnected
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.gemm_stream import paired
from edgepack.compile.operators.shared.requantize import short_fields

LARGEST_SUM = 1 << 23
"""Of products: 256 times that is the least that leaves 32 bits."""


@lru_cache(maxsize=4)
def _weights(dense: FullyConnected) -> Data | None:
    """The words of every group of four outputs; None where a sum may leave 24 bits."""
    filters = dense.weights.astype(np.int64)
    if int(np.abs(filters).sum(axis=1).max()) * 128 >= LARGEST_SUM:
        return None
    return paired(filters)


def _applies(dense: FullyConnected) -> bool:
    return dense.dtype == "int8" and dense.shared and dense.requantization.short and _weights(dense) is not None


def _cost(dense: FullyConnected) -> float:
    """Instructions, measured on the Cortex-M4: 0.9 a multiply-accumulate, 45 an output, 2 to widen a value."""
    outputs, inputs = dense.weights.shape
    return dense.batches * (2.0 * inputs + -(-outputs // 4) * 4 * (0.9 * inputs + 45.0))


def _lower(dense: FullyConnected) -> Call:
    words = _weights(dense)
    assert words is not None
    depth = -(-dense.weights.shape[1] // 4) * 4
    return Call(
        kernel="ep_fully_connected_shared",
        header="ep_fully_connected_shared.h",
        fields={
            "batches": dense.batches,
            "in_size": dense.weights.shape[1],
            "out_size": dense.weights.shape[0],
            "depth": depth,
            "per_channel": int(dense.requantization.multiplier.size > 1),
            "weights": Array(words.astype(np.uint32).view(np.int32).reshape(-1), "weights"),
            **short_fields(dense.requantization),
        },
        inputs=(dense.input,),
        outputs=(dense.output,),
        scratch=2 * depth + 16,
    )


KERNEL = Kernel("ep_fully_connected_shared", _lower, frozenset({"dsp"}), _applies, _cost)
