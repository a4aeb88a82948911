"""FULLY_CONNECTED with the DSP extension, in assembly: kernels/fully_connected/ep_fully_connected_gemm.h."""

from __future__ import annotations

from functools import lru_cache

from edgepack.compile.call import Array, Call
from edgepack.compile.operators.fully_connected.generic import FullyConnected, for_each_output
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.gemm_stream import Stream, pack


@lru_cache(maxsize=4)
def _stream(dense: FullyConnected) -> Stream | None:
    return pack(dense.weights, for_each_output(dense))


def _applies(dense: FullyConnected) -> bool:
    """Not where layers share weights, of which each would have its own stream."""
    return dense.dtype == "int8" and not dense.shared and _stream(dense) is not None


def _cost(dense: FullyConnected) -> float:
    """Instructions: 0.94 a multiply-accumulate, 9 an output, 2 to widen a value; measured on the Cortex-M4.

    2000 more, so that a small layer alone does not bring its 700 bytes of code.
    """
    stream = _stream(dense)
    assert stream is not None
    inputs = dense.weights.shape[1]
    return 2000.0 + dense.batches * (2.0 * inputs + 4 * stream.groups * (0.94 * inputs + 9.0))


def _lower(dense: FullyConnected) -> Call:
    stream = _stream(dense)
    assert stream is not None
    return Call(
        kernel="ep_fully_connected_gemm",
        header="ep_fully_connected_gemm.h",
        fields={
            "batches": dense.batches,
            "in_size": dense.weights.shape[1],
            "out_size": dense.weights.shape[0],
            "depth": stream.depth,
            "whole": stream.whole,
            "half": 2 * dense.requantization.out_zero + 1,
            "stream": Array(stream.words, "weights, biases and multipliers", stream.depth),
        },
        inputs=(dense.input,),
        outputs=(dense.output,),
        scratch=2 * stream.depth + 4,
    )


KERNEL = Kernel("ep_fully_connected_gemm", _lower, frozenset({"dsp"}), _applies, _cost)
