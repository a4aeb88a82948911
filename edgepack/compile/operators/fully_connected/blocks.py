"""FULLY_CONNECTED with the DSP extension that skips blocks of zeros: kernels/fully_connected/ep_fully_connected_blocks.h."""

from __future__ import annotations

from functools import lru_cache

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.fully_connected.generic import FullyConnected, for_each_output
from edgepack.compile.operators.kernel import ON_CODES, Kernel
from edgepack.compile.operators.shared.block_stream import MOST, block_density, pack_blocks_row


@lru_cache(maxsize=4)
def _stream(dense: FullyConnected) -> Data | None:
    return pack_blocks_row(dense.weights, for_each_output(dense))


def _applies(dense: FullyConnected) -> bool:
    return dense.dtype == "int8" and block_density(dense.weights) <= MOST and _stream(dense) is not None


def _cost(dense: FullyConnected) -> float:
    """Instructions, measured on the Cortex-M4: 6.8 a block, 20 an output, 2 to widen a value.

    2000 more, so that a small layer alone does not bring its code.
    """
    outputs, inputs = dense.weights.shape
    blocks = block_density(dense.weights) * outputs * -(-inputs // 4)
    return 2000.0 + dense.batches * (2.0 * inputs + 6.8 * blocks + 20.0 * outputs)


def _lower(dense: FullyConnected) -> Call:
    stream = _stream(dense)
    assert stream is not None
    outputs, inputs = dense.weights.shape
    return Call(
        kernel="ep_fully_connected_blocks",
        header="ep_fully_connected_blocks.h",
        fields={
            "batches": dense.batches,
            "in_size": inputs,
            "out_size": outputs,
            "words": stream.size,
            "stream": Array(stream, "blocks of weights, biases and multipliers"),
        },
        inputs=(dense.input,),
        outputs=(dense.output,),
        scratch=8 * -(-inputs // 4),
    )


KERNEL = Kernel("ep_fully_connected_blocks", _lower, frozenset({"dsp", ON_CODES}), _applies, _cost)
