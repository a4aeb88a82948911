"""SVDF: int8 input and output, with an int16 state (as the TensorFlow converter makes it) or an int8 state.

Reference: reference/svdf.h, EvalIntegerSVDF, for the int16 state; svdf_common.cc of TFLite Micro for the int8 state, which
tflite-runtime does not have. A state with a zero point is refused: TFLite Micro's versions disagree on it. The fused
activation is not computed by any of them: the output's range clamps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.convolution import require_sums
from edgepack.compile.operators.site import CHECK_RANGES, CONVERT_AGAIN, Site
from edgepack.compile.quantize import quantize_multiplier


@dataclass(frozen=True, eq=False)
class Svdf:
    """A checked SVDF; `fields` are the members of its kernel's struct."""

    input: int
    state: int
    output: int
    kernel: str
    macs: int
    fields: dict[str, Field]


def describe(site: Site) -> Svdf:
    """Check an SVDF: input, feature weights, time weights, bias, state."""
    source, state, output = site.input(0), site.input(4), site.output()
    feature, time = site.constant(1), site.constant(2)
    bias = site.constant(3) if site.has_input(3) else None
    memory = ("int16", "int16") if time.dtype == "int16" else ("int8", "int8")
    biases = ("int32",) if bias is not None else ()
    site.require_types(("int8", "int8", memory[0], *biases, memory[1], "int8"))
    site.require_quantized(source, feature, time, state, output)
    site.require(
        state.id in {each.value for each in site.graph.states}, "keeps its state in no variable tensor", CONVERT_AGAIN, state
    )
    rank = int(site.option("rank", 0))
    shapes = len(source.shape) == len(feature.shape) == len(time.shape) == 2
    site.require(shapes and rank > 0, "is not over 2 dimensions", CONVERT_AGAIN)
    (batches, in_size), (filters, length) = source.shape, time.shape
    units = filters // rank
    good = feature.shape == (filters, in_size) and filters % rank == 0 and min(batches, in_size, filters, length) > 0
    site.require(
        good and state.elements == batches * filters * length, "has weights of other shapes than its state", CONVERT_AGAIN
    )
    site.require_shape(output, (batches, units))
    site.require(bias is None or bias.elements == units, "has a bias of the wrong length", CONVERT_AGAIN, bias)
    if bias is not None and bias.data is not None:  # the state is of 16 bits at most, so 2^31 is near
        require_sums(site, source, bias.data.astype(np.int64), 1 << 31, bias)
    for value in (feature, time):
        site.require(value.zero_point == 0, "has weights with a zero point", "Quantize weights symmetrically.", value)
    site.require(state.zero_point == 0, "has a state with a zero point", "Quantize the state symmetrically.", state)
    one = np.float32
    pairs = [
        quantize_multiplier(float(one(a.scale) * one(b.scale) / one(c.scale)))
        for a, b, c in ((source, feature, state), (state, time, output))
    ]
    site.require(all(-31 <= shift <= 30 for _, shift in pairs), "has a scale out of range", CHECK_RANGES)
    assert feature.data is not None and time.data is not None
    sums = feature.data.astype(np.int64).sum(axis=1)
    fields: dict[str, Field] = {
        "batches": batches,
        "in_size": in_size,
        "units": units,
        "rank": rank,
        "memory": length,
        "feature_multiplier": pairs[0][0],
        "feature_shift": pairs[0][1],
        "out_multiplier": pairs[1][0],
        "out_shift": pairs[1][1],
        "out_zero": output.zero_point,
        "feature_weights": Array(feature.data, "feature weights"),
        "feature_bias": Array((-source.zero_point * sums).astype(np.int32), "feature bias"),
        "time_weights": Array(time.data, "time weights"),
        "bias": Array(np.zeros(units, np.int32) if bias is None or bias.data is None else bias.data.reshape(-1), "bias"),
    }
    kernel = "ep_svdf" if time.dtype == "int16" else "ep_svdf_int8"
    return Svdf(source.id, state.id, output.id, kernel, batches * filters * (in_size + length), fields)


def _lower(svdf: Svdf) -> Call:
    return Call(svdf.kernel, f"{svdf.kernel}.h", svdf.fields, (svdf.input, svdf.state), (svdf.output,))


SVDF = Operator("SVDF", describe, (Kernel("ep_svdf", _lower, cost=lambda svdf: 5.0 * svdf.macs),), keeps_state=True)
