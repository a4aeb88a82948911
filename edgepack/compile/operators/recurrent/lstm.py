"""UNIDIRECTIONAL_SEQUENCE_LSTM: int8 with an int16 cell state, batch 1, as the converter makes it from a Keras LSTM.

Reference: tflite-runtime's lstm_eval.cc, LstmStepInteger8x8_16, with portable_tensor_utils.cc and, for the scales,
unidirectional_sequence_lstm.cc, PopulateQuantizedLstmParams8x8_16. TFLite Micro differs in the last bits: it takes logistic
and tanh from a table where tflite-runtime computes gemmlowp's 16-bit polynomials. tflite-runtime is the definition here, as
for every int8 operator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.graph import Data, Value
from edgepack.compile.operators.activations.int16 import power_of_two
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.convolution import require_sums
from edgepack.compile.operators.site import CHECK_RANGES, CONVERT_AGAIN, Site
from edgepack.compile.quantize import quantize_multiplier

FORGET, CELL, OUTPUT, INPUT = range(4)
IN_WEIGHTS = {INPUT: 1, FORGET: 2, CELL: 3, OUTPUT: 4}
RECURRENT_WEIGHTS = {INPUT: 5, FORGET: 6, CELL: 7, OUTPUT: 8}
BIAS = {INPUT: 12, FORGET: 13, CELL: 14, OUTPUT: 15}
HIDDEN, STATE = 18, 19
REFUSED = {
    9: "peepholes",
    10: "peepholes",
    11: "peepholes",
    16: "a projection",
    17: "a projection",
    20: "layer normalization",
    21: "layer normalization",
    22: "layer normalization",
    23: "layer normalization",
}
GATE_SCALE = np.float32(2.0**-12)
HIDDEN_INTERMEDIATE = 4  # the intermediate tensor with the scale of output gate times tanh of the cell


@dataclass(frozen=True, eq=False)
class Lstm:
    """A checked LSTM; `fields` are the members of struct ep_lstm."""

    input: int
    hidden: int
    state: int
    output: int
    cells: int
    macs: int
    fields: dict[str, Field]


def describe(site: Site) -> Lstm:
    """Check an LSTM and gather its gates."""
    source, hidden, state, output = site.input(0), site.input(HIDDEN), site.input(STATE), site.output()
    for index, what in REFUSED.items():
        site.require(not site.has_input(index), f"has {what}", "Use the LSTM layer of Keras, without extensions.")
    _require_types(site, source, hidden, state, output)
    site.require(len(source.shape) == 3 and source.elements > 0, "is not over 3 dimensions", CONVERT_AGAIN, source)
    time_major = bool(site.option("time_major", False))
    batches, steps = (source.shape[1], source.shape[0]) if time_major else (source.shape[0], source.shape[1])
    site.require(batches == 1, f"has a batch of {batches}", "Run one sequence at a time: a batch of 1.", source)
    cells, in_size = hidden.elements, source.shape[2]
    site.require_shape(output, (*source.shape[:2], cells))
    site.require(state.elements == cells, "has states of different sizes", CONVERT_AGAIN, state)
    activation = site.option("fused_activation_function", "TANH")
    site.require(activation == "TANH", f"with activation {activation}", "Use tanh, the default of the Keras LSTM.")
    diagonal = bool(site.option("diagonal_recurrent_tensors", False))
    site.require(not diagonal, "has diagonal recurrent weights", "Use the LSTM layer of Keras.")
    coupled = not site.has_input(IN_WEIGHTS[INPUT])
    order = (FORGET, CELL, OUTPUT) if coupled else (FORGET, CELL, OUTPUT, INPUT)
    fields: dict[str, Field] = {"steps": steps, "in_size": in_size, "cells": cells, "coupled": int(coupled)}
    fields |= _products(site, "in", IN_WEIGHTS, order, source, (cells, in_size), BIAS)
    fields |= _products(site, "recurrent", RECURRENT_WEIGHTS, order, hidden, (cells, cells), None)
    fields |= _cell_fields(site, state) | _hidden_fields(site, hidden)
    macs = steps * len(order) * cells * (in_size + cells)
    return Lstm(source.id, hidden.id, state.id, output.id, cells, macs, fields)


def _require_types(site: Site, source: Value, hidden: Value, state: Value, output: Value) -> None:
    for value, dtype in ((source, "int8"), (hidden, "int8"), (state, "int16"), (output, "int8")):
        hint = "Convert the LSTM to int8 with 16-bit cell state, the converter's full integer quantization."
        site.require(value.dtype == dtype, f"with type {value.dtype}", hint, value)
    site.require_quantized(source, hidden, state, output)
    states = {each.value for each in site.graph.states}
    for value in (hidden, state):
        site.require(value.id in states, "keeps its state in no variable tensor", CONVERT_AGAIN, value)
    same = output.scale == hidden.scale and output.zero_point == hidden.zero_point
    site.require(same, "has an output of another scale than its hidden state", CONVERT_AGAIN, output)


def _products(
    site: Site,
    name: str,
    weights: dict[int, int],
    order: tuple[int, ...],
    source: Value,
    shape: tuple[int, int],
    biases: dict[int, int] | None,
) -> dict[str, Field]:
    """The gates' products with the input or the hidden state: weights, biases with the zero point folded in, multipliers."""
    rows: list[Data] = []
    folded: list[Data] = []
    pairs: list[tuple[int, int]] = []
    for gate in order:
        matrix = site.constant(weights[gate])
        site.require(matrix.dtype == "int8" and matrix.shape == shape, "has weights of another form", CONVERT_AGAIN, matrix)
        site.require_quantized(matrix)
        site.require(matrix.zero_point == 0, "has weights with a zero point", "Quantize weights symmetrically.", matrix)
        assert matrix.data is not None
        rows.append(matrix.data)
        bias = -source.zero_point * matrix.data.astype(np.int64).sum(axis=1)
        if biases is not None and site.has_input(biases[gate]):
            constant = site.constant(biases[gate])
            good = constant.dtype == "int32" and constant.elements == shape[0]
            site.require(good, "has a bias of another form", CONVERT_AGAIN, constant)
            assert constant.data is not None
            bias = bias + constant.data.reshape(-1)
            sums = 128 * abs(matrix.data.astype(np.int64)).sum(axis=1) + abs(bias)
            require_sums(site, source, constant.data.astype(np.int64), int(sums.max(initial=0)), constant)
        folded.append(bias.astype(np.int64).astype(np.uint32).view(np.int32))
        pairs.append(quantize_multiplier(float(np.float32(matrix.scale) * np.float32(source.scale) / GATE_SCALE)))
    site.require(all(-31 <= shift <= 12 for _, shift in pairs), "has a weight scale out of range", CHECK_RANGES, source)
    pairs += [(0, 0)] * (4 - len(pairs))
    return {
        f"{name}_multiplier": tuple(multiplier for multiplier, _ in pairs),
        f"{name}_shift": tuple(shift for _, shift in pairs),
        f"{name}_weights": Array(np.concatenate([matrix.reshape(-1) for matrix in rows]), f"{name} weights"),
        f"{name}_bias": Array(np.concatenate(folded), f"{name} bias"),
    }


def _cell_fields(site: Site, state: Value) -> dict[str, Field]:
    exponent = power_of_two(state.scale)
    good = exponent is not None and -15 <= exponent <= -9 and state.zero_point == 0
    site.require(good, f"has a cell state of scale {state.scale}", "It must be a power of two from 2^-15 to 2^-9.", state)
    assert exponent is not None
    clip = float(site.option("cell_clip", 0.0))
    site.require(math.isfinite(clip), f"has a cell clip of {clip}", CONVERT_AGAIN)
    limit = int(min(float(np.float32(clip) / np.float32(state.scale)), 32767.0)) if clip > 0 else 0
    return {"cell_bits": 15 + exponent, "cell_clip": limit}


def _hidden_fields(site: Site, hidden: Value) -> dict[str, Field]:
    intermediates = site.node.intermediates
    site.require(len(intermediates) > HIDDEN_INTERMEDIATE, "lacks its intermediate tensors", CONVERT_AGAIN)
    between = site.graph.values[intermediates[HIDDEN_INTERMEDIATE]]
    site.require(len(between.scales) == 1 and 0 < between.scale < math.inf, "has no scale", CONVERT_AGAIN, between)
    site.require(-128 <= between.zero_point <= 127, "has a zero point out of range", CONVERT_AGAIN, between)
    unit = np.float32(2.0**-15)
    multiplier, shift = quantize_multiplier(float(unit / np.float32(between.scale) * unit))
    site.require(-31 <= shift <= 0, "has an output scale out of range", CHECK_RANGES, hidden)
    return {"hidden_multiplier": multiplier, "hidden_shift": shift, "hidden_zero": between.zero_point}


def _lower(lstm: Lstm) -> Call:
    return Call(
        kernel="ep_lstm",
        header="ep_lstm.h",
        fields=lstm.fields,
        inputs=(lstm.input, lstm.hidden, lstm.state),
        outputs=(lstm.output,),
        scratch=lstm.cells,
    )


UNIDIRECTIONAL_SEQUENCE_LSTM = Operator(
    "UNIDIRECTIONAL_SEQUENCE_LSTM", describe, (Kernel("ep_lstm", _lower, cost=lambda lstm: 8.0 * lstm.macs),), keeps_state=True
)
