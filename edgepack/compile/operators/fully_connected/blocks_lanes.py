"""FULLY_CONNECTED without SIMD that skips blocks of zeros: kernels/fully_connected/ep_fully_connected_blocks_lanes.h."""

from __future__ import annotations

from functools import lru_cache

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.conv_2d.lanes import lanes_fields
from edgepack.compile.operators.fully_connected.generic import FullyConnected, for_each_output
from edgepack.compile.operators.kernel import ON_CODES, Kernel
from edgepack.compile.operators.shared.block_stream import CODE_ROW_LANES, MOST, block_density, pack_blocks_lanes


@lru_cache(maxsize=4)
def _stream(dense: FullyConnected) -> Data | None:
    return pack_blocks_lanes(dense.weights, CODE_ROW_LANES)


def _applies(dense: FullyConnected) -> bool:
    return dense.dtype == "int8" and block_density(dense.weights) <= MOST and _stream(dense) is not None


def _cost(dense: FullyConnected) -> float:
    """Instructions, measured on the Cortex-M0+: 31 a block, 90 an output.

    700 more, so that a small layer alone does not bring its code.
    """
    outputs, inputs = dense.weights.shape
    return 700.0 + dense.batches * outputs * (31.0 * block_density(dense.weights) * -(-inputs // 4) + 90.0)


def _lower(dense: FullyConnected) -> Call:
    stream = _stream(dense)
    assert stream is not None
    outputs, inputs = dense.weights.shape
    return Call(
        kernel="ep_fully_connected_blocks_lanes",
        header="ep_fully_connected_blocks_lanes.h",
        fields={
            "batches": dense.batches,
            "in_size": inputs,
            "out_size": outputs,
            "stream": Array(stream, "blocks of weights"),
            **lanes_fields(for_each_output(dense)),
        },
        inputs=(dense.input,),
        outputs=(dense.output,),
        scratch=inputs + 3 if inputs % 4 else 0,
    )


KERNEL = Kernel("ep_fully_connected_blocks_lanes", _lower, frozenset({ON_CODES}), _applies, _cost)
