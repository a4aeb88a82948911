"""Which channels of a model belong together: dependency groups (Fang et al. 2023, DepGraph, arXiv:2301.12900).

Every tensor's last axis is labelled with the groups of its channels. A convolution or dense layer makes new groups, an addition
unites its operands' groups, a concatenation puts them side by side, a flattening repeats them. A group can be removed as a whole
wherever it occurs, without changing what the remaining channels compute, if nothing pins it.
"""

from __future__ import annotations

from typing import Any

from edgepack.compress.structured.channel_groups import ChannelMap, Walk, width
from edgepack.compress.structured.channel_rules import flow


def map_channels(model: Any) -> ChannelMap:
    """The dependency groups of a flat functional `model`, channels last.

    Inputs and outputs of the model are pinned, and what goes through layers that mix channels or are not known.
    """
    walk = Walk()
    nodes = [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]
    for node in nodes:
        outputs = _listed(node.outputs)
        if node.is_input:
            for tensor in outputs:
                groups = walk.fresh(width(tensor))
                walk.pin([groups], "", "")
                walk.tensors[id(tensor)] = groups
            continue
        given = [walk.tensors[id(tensor)] for tensor in node.keras_inputs]
        for tensor, groups in zip(outputs, flow(walk, node, given, outputs), strict=True):
            walk.tensors[id(tensor)] = groups
    for tensor in model.outputs:
        walk.pin([walk.tensors[id(tensor)]], "", "")
    return walk.finish()


def _listed(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]
