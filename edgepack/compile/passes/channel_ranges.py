"""What values each channel of each tensor can take, whatever the model's input: intervals carried through the operators.

Every rule is sound: an operator it does not know gives the full range of int8. Channels are the last axis.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgepack.compile.graph import Data, Graph, Node, Value
from edgepack.compile.operators.depthwise_conv_2d.generic import DepthwiseConv2D
from edgepack.compile.operators.registry import Site, operators
from edgepack.compile.operators.shared.convolution import Requantization
from edgepack.compile.operators.shared.table import Table
from edgepack.compile.quantize import multiply_by_quantized_multiplier
from edgepack.ground.errors import CompileError

Range = tuple[Data, Data]
"""Smallest and largest stored value of each channel, int64 arrays (channels,)."""


def channel_ranges(graph: Graph) -> dict[int, Range]:
    """The range of every int8 value with at least one axis."""
    ranges: dict[int, Range] = {}
    for value in graph.values.values():
        if value.dtype == "int8" and value.shape:
            ranges[value.id] = _of_constant(value) if value.data is not None else _full(value)
    for node in graph.nodes:
        rule = RULES.get(node.op)
        if rule is None or not _plain(graph, node, ranges):
            continue
        try:
            found = rule(graph, node, ranges)
        except CompileError:  # not a form that can be compiled; its own check says so later
            continue
        if found is not None:
            ranges[node.outputs[0]] = found
    return ranges


def _plain(graph: Graph, node: Node, ranges: dict[int, Range]) -> bool:
    """Whether the first input and the only output are int8 tensors with channels."""
    return len(node.outputs) == 1 and bool(node.inputs) and node.inputs[0] in ranges and node.outputs[0] in ranges


def _full(value: Value) -> Range:
    channels = value.shape[-1]
    return np.full(channels, -128, np.int64), np.full(channels, 127, np.int64)


def _of_constant(value: Value) -> Range:
    assert value.data is not None
    if value.data.size == 0:
        return _full(value)
    rows = value.data.reshape(-1, value.shape[-1]).astype(np.int64)
    return rows.min(axis=0), rows.max(axis=0)


def _outputs(requant: Requantization, least: Data, most: Data) -> Range | None:
    """Outputs of the smallest and largest accumulators; requantisation is monotone. None when a left shift may wrap."""
    channels = least.size
    multipliers = np.broadcast_to(requant.multiplier, channels).tolist()
    shifts = np.broadcast_to(requant.shift, channels).tolist()
    bounds = []
    for accumulators in (least, most):
        row = []
        for accumulator, multiplier, shift in zip(accumulators.tolist(), multipliers, shifts, strict=True):
            if abs(accumulator) << max(shift, 0) >= 1 << 31:
                return None
            q = requant.out_zero + multiply_by_quantized_multiplier(accumulator, multiplier, shift)
            row.append(min(max(q, requant.out_min), requant.out_max))
        bounds.append(np.array(row, np.int64))
    return bounds[0], bounds[1]


def _sums(weights: Data, low: Data, high: Data, bias: Data) -> tuple[Data, Data]:
    """Bounds of bias + sum(weights * x); `weights` is (channels, elements), x between low and high (elements,)."""
    a, b = weights * low, weights * high
    return bias + np.minimum(a, b).sum(axis=1), bias + np.maximum(a, b).sum(axis=1)


def _convolution(graph: Graph, node: Node, ranges: dict[int, Range]) -> Range | None:
    conv = operators()[node.op].describe(Site(node, graph))
    low, high = ranges[node.inputs[0]]
    low, high = np.minimum(low, conv.in_zero), np.maximum(high, conv.in_zero)  # padding reads the zero point
    if isinstance(conv, DepthwiseConv2D):
        weights = np.moveaxis(conv.weights, 2, 0).reshape(conv.weights.shape[2], -1).astype(np.int64)
        low, high = (np.repeat(bound, conv.multiplier)[:, None] for bound in (low, high))
        return _outputs(conv.requantization, *_sums(weights, low, high, conv.requantization.bias))
    if conv.groups != 1:
        return None
    weights = conv.weights.reshape(conv.weights.shape[0], -1).astype(np.int64)
    taps = conv.kernel[0] * conv.kernel[1]
    return _outputs(conv.requantization, *_sums(weights, np.tile(low, taps), np.tile(high, taps), conv.requantization.bias))


def _fully_connected(graph: Graph, node: Node, ranges: dict[int, Range]) -> Range | None:
    dense = operators()[node.op].describe(Site(node, graph))
    low, high = ranges[node.inputs[0]]
    if low.size != dense.weights.shape[1]:
        return None
    return _outputs(dense.requantization, *_sums(dense.weights.astype(np.int64), low, high, dense.requantization.bias))


def _table(graph: Graph, node: Node, ranges: dict[int, Range]) -> Range | None:
    table = operators()[node.op].describe(Site(node, graph))
    if not isinstance(table, Table):
        return None
    low, high = ranges[node.inputs[0]]
    slices = [table.results[a + 128 : b + 129] for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    return np.array([part.min() for part in slices], np.int64), np.array([part.max() for part in slices], np.int64)


def _pool(graph: Graph, node: Node, ranges: dict[int, Range]) -> Range | None:
    pool = operators()[node.op].describe(Site(node, graph))
    low, high = ranges[node.inputs[0]]
    return low.clip(pool.fields["out_min"], pool.fields["out_max"]), high.clip(pool.fields["out_min"], pool.fields["out_max"])


def _pad(graph: Graph, node: Node, ranges: dict[int, Range]) -> Range | None:
    pad = operators()[node.op].describe(Site(node, graph))
    low, high = ranges[node.inputs[0]]
    if pad.before[-1] or pad.after[-1]:
        return None
    return np.minimum(low, pad.value), np.maximum(high, pad.value)


def _add(graph: Graph, node: Node, ranges: dict[int, Range]) -> Range | None:
    add = operators()[node.op].describe(Site(node, graph))
    if not add.same_shape or node.inputs[1] not in ranges:
        return None
    numbers = {key: int(value) for key, value in add.fields.items()}

    def total(a: int, b: int) -> int:
        scaled_a = multiply_by_quantized_multiplier((a - numbers["zero_1"]) << 20, numbers["multiplier_1"], numbers["shift_1"])
        scaled_b = multiply_by_quantized_multiplier((b - numbers["zero_2"]) << 20, numbers["multiplier_2"], numbers["shift_2"])
        raw = multiply_by_quantized_multiplier(scaled_a + scaled_b, numbers["out_multiplier"], numbers["out_shift"])
        return min(max(raw + numbers["out_zero"], numbers["out_min"]), numbers["out_max"])

    first, second = ranges[node.inputs[0]], ranges[node.inputs[1]]
    bounds = [np.array([total(a, b) for a, b in zip(*pair, strict=True)], np.int64) for pair in _paired(first, second)]
    return bounds[0], bounds[1]


def _mean(graph: Graph, node: Node, ranges: dict[int, Range]) -> Range | None:
    mean = operators()[node.op].describe(Site(node, graph))
    if len(mean.source.shape) - 1 in mean.reduction.axes:
        return None
    bounds = []
    for bound in ranges[node.inputs[0]]:
        sums = [(int(x) - mean.source.zero_point) * mean.reduction.count for x in bound]
        if max(map(abs, sums), default=0) << max(mean.shift, 0) >= 1 << 31:
            return None
        scaled = [mean.output.zero_point + multiply_by_quantized_multiplier(x, mean.multiplier, mean.shift) for x in sums]
        bounds.append(np.array(scaled, np.int64).clip(-128, 127))
    return bounds[0], bounds[1]


def _paired(first: Range, second: Range) -> list[tuple[list[int], list[int]]]:
    return [(first[i].tolist(), second[i].tolist()) for i in (0, 1)]


def _reshape(graph: Graph, node: Node, ranges: dict[int, Range]) -> Range | None:
    low, high = ranges[node.inputs[0]]
    width = graph.values[node.outputs[0]].shape[-1]
    if low.size == 0 or width % low.size:
        return None
    return np.tile(low, width // low.size), np.tile(high, width // low.size)


RULES: dict[str, Callable[[Graph, Node, dict[int, Range]], Range | None]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _fully_connected,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "PAD": _pad,
    "PADV2": _pad,
    "ADD": _add,
    "MEAN": _mean,
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _reshape),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "LOGISTIC", "TANH", "HARD_SWISH", "QUANTIZE"), _table),
}
