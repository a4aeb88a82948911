"""Remove channels whose value is the same for every input, and fold what they contribute into the next layer's bias.

Training leaves such channels behind ReLUs: nothing an input does can lift them above zero. A constant c contributes
w * (c - zero point) for each weight w that meets it, which is part of the bias when every position meets the same
weights: always where c is the zero point (it contributes nothing), else where the convolution has no padding. Bit for
bit the same, with less weight and work. Channels travel through operators that treat each on its own (depthwise
convolution, pooling, activations, padding, addition), so they are removed only where every reader agrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgepack.compile.graph import Data, Graph, Node, Value
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.kernel import Range
from edgepack.compile.operators.site import Site
from edgepack.compile.operators.table import OPERATORS
from edgepack.compile.passes.channel_ranges import channel_ranges
from edgepack.flatbuffer.traits import traits_of

WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
"""What `_slice` can take channels from; each has its own layout of weights, which only this pass rewrites."""

Masks = dict[int, Data]
"""For each value, which channels (last axis) are to be removed: bool arrays."""


def fold_constant_channels(graph: Graph, together: int = 1) -> Graph:
    """Remove every constant channel that its readers can do without.

    Where kernels take so many channels `together`, less than that of them would cost as much: whole numbers of them stay.
    """
    ranges, checked = channel_ranges(graph)
    masks = _candidates(graph, ranges)
    if any(mask.any() for mask in masks.values()):
        _settle(graph, ranges, masks, checked, together)
    removed = {value: mask for value, mask in masks.items() if mask.any()}
    return _rewrite(graph, ranges, removed) if removed else graph


def _candidates(graph: Graph, ranges: Mapping[int, Range]) -> Masks:
    fixed = {*graph.outputs, *graph.aliases, *graph.aliases.values(), *(state.value for state in graph.states)}
    producers = {value: OPERATORS.get(node.op) for node in graph.nodes for value in node.outputs}
    able = {value for value, operator in producers.items() if operator is not None and operator.ranges is not None}
    return {value: (low == high) & (value not in fixed and value in able) for value, (low, high) in ranges.items()}


def _settle(graph: Graph, ranges: Mapping[int, Range], masks: Masks, checked: Mapping[int, Any], together: int) -> None:
    """Take back removals that a reader or writer cannot follow, until all agree; masks only shrink, so this ends.

    An operator that has not been `checked` follows none.
    """
    absorbable = {
        node.index: _absorbable(conv, ranges) for node in graph.nodes if isinstance(conv := checked.get(node.index), Conv2D)
    }
    before = -1
    while (now := sum(int(mask.sum()) for mask in masks.values())) != before:
        before = now
        for node in graph.nodes:
            if node.index in checked:
                _agree(graph, node, masks, absorbable)
            else:
                _keep_all(node, masks)
        for mask in masks.values():
            _trim(mask, together)


def _agree(graph: Graph, node: Node, masks: Masks, absorbable: Mapping[int, Data]) -> None:
    """Shrink the masks around one checked operator to what it can follow."""
    readable = [value for value in node.inputs if value in masks and graph.values[value].data is None]
    output = node.outputs[0] if len(node.outputs) == 1 and node.outputs[0] in masks else None
    if node.index in absorbable and output is not None and readable == [node.inputs[0]]:
        masks[node.inputs[0]] &= absorbable[node.index]
        masks[output] &= _one_group(graph, node)
    elif node.op == "FULLY_CONNECTED" and output is not None and readable == [node.inputs[0]]:
        outputs, inputs = graph.values[node.inputs[1]].shape
        masks[node.inputs[0]] &= masks[node.inputs[0]].size == inputs and masks[output].size == outputs
    elif traits_of(node.op).same_bytes and output is not None and node.inputs[0] in masks:
        _agree_reshape(masks, node.inputs[0], output)
    elif output is not None and _channels_apart(graph, node, masks):
        operands = [value for value in node.inputs if value in readable] or [node.inputs[0]]
        common = np.logical_and.reduce([masks[value] for value in (*operands, output)])
        for value in (*operands, output):
            masks[value] = common.copy()
    else:
        _keep_all(node, masks)


def _keep_all(node: Node, masks: Masks) -> None:
    """Remove no channel of what an operator reads or writes."""
    for value in (*node.inputs, *node.outputs):
        if value in masks:
            masks[value][:] = False


def _agree_reshape(masks: Masks, source: int, output: int) -> None:
    channels, width = masks[source].size, masks[output].size
    if channels == 0 or width % channels:
        masks[source][:] = False
        masks[output][:] = False
        return
    common = masks[source] & masks[output].reshape(-1, channels).all(axis=0)
    masks[source] = common.copy()
    masks[output] = np.tile(common, width // channels)


def _one_group(graph: Graph, node: Node) -> bool:
    return graph.values[node.inputs[0]].shape[-1] == graph.values[node.inputs[1]].shape[-1]


def _channels_apart(graph: Graph, node: Node, masks: Masks) -> bool:
    """Whether output channel k depends on channel k of the inputs alone, and on nothing else per channel."""
    operator = OPERATORS.get(node.op)
    if operator is None or operator.channels_apart is None or node.inputs[0] not in masks:
        return False
    source, output = graph.values[node.inputs[0]], graph.values[node.outputs[0]]
    return source.data is None and source.shape[-1:] == output.shape[-1:] and operator.channels_apart(Site(node, graph))


def _absorbable(conv: Conv2D, ranges: Mapping[int, Range]) -> Data:
    """Input channels whose constant a convolution can take into its bias."""
    low, _ = ranges[conv.input]
    if conv.groups != 1 or conv.dtype != "int8":
        return np.zeros(low.size, bool)
    return np.asarray((low == conv.in_zero) | _meets_no_padding(conv))


def _meets_no_padding(conv: Conv2D) -> bool:
    before = (conv.padding.top, conv.padding.left)
    for axis in (0, 1):
        last = (conv.out_shape[axis + 1] - 1) * conv.stride[axis] - before[axis] + (conv.kernel[axis] - 1) * conv.dilation[axis]
        if before[axis] > 0 or last >= conv.in_shape[axis + 1]:
            return False
    return True


def _trim(mask: Data, together: int) -> None:
    """Keep at least one channel, and a multiple of `together` where there was one."""
    granule = together if mask.size % together == 0 else 1
    kept = mask.size - int(mask.sum())
    wanted = max(-(-kept // granule) * granule, granule if mask.size else 0)
    spare = np.flatnonzero(mask)[: wanted - kept]
    mask[spare] = False


def _rewrite(graph: Graph, ranges: Mapping[int, Range], removed: Masks) -> Graph:
    """The graph without those channels. Returns it unchanged if a folded bias leaves 32 bits."""
    result = graph
    for value, mask in removed.items():
        old = graph.values[value]
        result = result.with_values(replace(old, shape=(*old.shape[:-1], old.shape[-1] - int(mask.sum()))))
    nodes = []
    for node in graph.nodes:
        if node.op not in WEIGHTED or not {*node.inputs[:1], *node.outputs[:1]} & set(removed):
            nodes.append(node)
            continue
        parts = _slice(graph, node, ranges, removed)
        if parts is None:
            return graph
        filters, bias = (replace(part, id=result.new_id() + offset) for offset, part in enumerate(parts))
        result = result.with_values(filters, bias)
        nodes.append(replace(node, inputs=(node.inputs[0], filters.id, bias.id)))
    return result.with_nodes(nodes)


def _slice(graph: Graph, node: Node, ranges: Mapping[int, Range], removed: Masks) -> tuple[Value, Value] | None:
    """Weights without the removed channels, and the bias with what the removed inputs contribute."""
    source, filters = graph.values[node.inputs[0]], graph.values[node.inputs[1]]
    assert filters.data is not None
    out_channels = graph.values[node.outputs[0]].shape[-1]
    keep_out = ~removed.get(node.outputs[0], np.zeros(out_channels, bool))
    drop_in = removed.get(source.id, np.zeros(source.shape[-1], bool))
    given = graph.values[node.inputs[2]] if len(node.inputs) > 2 and node.inputs[2] >= 0 else None
    bias = np.zeros(out_channels, np.int64) if given is None else np.asarray(given.data, np.int64).reshape(-1)
    if node.op == "DEPTHWISE_CONV_2D":
        weights = filters.data[..., keep_out]
    else:
        weights = filters.data
        if drop_in.any():
            offsets = ranges[source.id][0][drop_in] - source.zero_point
            bias = bias + (weights[..., drop_in].astype(np.int64) * offsets).reshape(out_channels, -1).sum(axis=1)
        weights = weights[keep_out][..., ~drop_in]
    bias = bias[keep_out]
    if np.abs(bias).max(initial=0) >= 1 << 31:
        return None
    scales = _kept(filters.scales, keep_out)
    zeros = _kept(filters.zero_points, keep_out)
    new_filters = replace(filters, shape=weights.shape, data=np.ascontiguousarray(weights), scales=scales, zero_points=zeros)
    template = given or Value(0, f"{filters.name}/folded_bias", (out_channels,), "int32")
    new_bias = replace(
        template,
        shape=(int(keep_out.sum()),),
        data=bias.astype(np.int32),
        scales=_kept(template.scales, keep_out),
        zero_points=_kept(template.zero_points, keep_out),
    )
    return new_filters, new_bias


def _kept(numbers: tuple, keep: Data) -> tuple:  # type: ignore[type-arg]
    """The entries for kept channels; a single entry is for all of them."""
    return tuple(number for number, kept in zip(numbers, keep, strict=True) if kept) if len(numbers) == keep.size > 1 else numbers
