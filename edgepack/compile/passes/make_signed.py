"""Compute in int8 what the file computes in uint8, as TensorFlow 1 wrote it: each byte and each zero point less 128.

Real values stay as they are, so an operator's int8 kernels give uint8's bits where both references round alike; where they
do not, the operator has a form "from_uint8". The model's own inputs and outputs stay uint8, behind a flip of the sign bit.
Filters lose their zero point; where the difference leaves int8 they become int16 constants.

A model that only converts or moves uint8 at its edges stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from edgepack.compile.graph import Graph, Node, Value
from edgepack.compile.operators.kernel import FROM_UINT8
from edgepack.compile.operators.table import OPERATORS
from edgepack.flatbuffer.traits import traits_of

OFFSET = 128


def make_signed(graph: Graph) -> Graph:
    """The graph with int8 in place of uint8, around every operator that has kernels for it."""
    chosen = {node.index for node in graph.nodes if _taken(graph, node)}
    if not any(node.index in chosen and not _moves(node) for node in graph.nodes):
        return graph
    graph = _signed_filters(graph, chosen)
    edges = _edges(graph, chosen)
    signed = {value: graph.new_id() + place for place, value in enumerate(sorted(edges))}
    changed = [_signed(graph.values[value], id=signed.get(value, value)) for value in _touched(graph, chosen)]
    rewritten = _rewired(graph, chosen, signed)
    return graph.with_values(*changed).with_nodes(rewritten)


def _taken(graph: Graph, node: Node) -> bool:
    """Whether it computes with uint8 and can do so in int8."""
    operator = OPERATORS.get(node.op)
    return (
        operator is not None and FROM_UINT8 in operator.forms and any(_is_uint8(graph.values[index]) for index in _operands(node))
    )


def _operands(node: Node) -> Iterable[int]:
    return (index for index in (*node.inputs, *node.outputs) if index >= 0)


def _is_uint8(value: Value) -> bool:
    return value.dtype == "uint8" and len(value.scales) == 1


def _moves(node: Node) -> bool:
    """Whether uint8 needs no kernel of its own: the element is converted or moved as it stands."""
    return OPERATORS[node.op].moves_uint8


def _signed_filters(graph: Graph, chosen: Iterable[int]) -> Graph:
    """Each operator's filters less their zero point, int8 where they fit; a tensor of its own, whoever else reads them."""
    made: dict[int, int] = {}
    nodes = []
    for node in graph.nodes:
        place = traits_of(node.op).weights
        weighted = node.index in chosen and 0 <= place < len(node.inputs) and node.inputs[place] >= 0
        filters = graph.values[node.inputs[place]] if weighted else None
        if filters is not None and filters.data is not None and _is_uint8(filters) and 0 <= filters.zero_point <= 255:
            if filters.id not in made:
                made[filters.id] = graph.new_id()
                graph = graph.with_values(_less_zero(filters, made[filters.id]))
            inputs = (*node.inputs[:place], made[filters.id], *node.inputs[place + 1 :])
            node = replace(node, inputs=inputs)
        nodes.append(node)
    return graph.with_nodes(nodes)


def _less_zero(filters: Value, id: int) -> Value:
    assert filters.data is not None
    weights = filters.data.astype(np.int16) - filters.zero_point
    dtype = "int8" if weights.min(initial=0) >= -128 and weights.max(initial=0) <= 127 else "int16"
    return replace(filters, id=id, dtype=dtype, data=weights.astype(dtype), zero_points=(0,))


def _touched(graph: Graph, chosen: Iterable[int]) -> list[int]:
    """The uint8 values of the chosen operators."""
    found = {index for node in graph.nodes if node.index in chosen for index in _operands(node)}
    return sorted(index for index in found if _is_uint8(graph.values[index]))


def _edges(graph: Graph, chosen: Iterable[int]) -> set[int]:
    """Those of them that are also wanted as they are: by the caller, or by an operator that is not chosen."""
    others = {index for node in graph.nodes if node.index not in chosen for index in _operands(node)}
    kept = {*graph.inputs, *graph.outputs, *(state.value for state in graph.states), *others}
    return kept & set(_touched(graph, chosen))


def _signed(value: Value, id: int) -> Value:
    data = None if value.data is None else np.subtract(value.data, OFFSET, dtype=np.int16).astype(np.int8).reshape(value.shape)
    return replace(value, id=id, dtype="int8", data=data, zero_points=tuple(zero - OFFSET for zero in value.zero_points))


def _rewired(graph: Graph, chosen: Iterable[int], signed: Mapping[int, int]) -> list[Node]:
    """The operators with the signed values at their edges, and a QUANTIZE between the two sides of each edge."""
    given = {value for value in signed if graph.producer(value) is None and graph.values[value].data is None}
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.index not in chosen:
            nodes.append(node)
            nodes += [_flip(node, value, signed[value]) for value in node.outputs if value in signed]
            continue
        for value in dict.fromkeys(node.inputs):
            if value in given:  # before its first reader
                nodes.append(_flip(node, value, signed[value]))
                given.remove(value)
        inputs, outputs = (tuple(signed.get(index, index) for index in side) for side in (node.inputs, node.outputs))
        nodes.append(replace(node, inputs=inputs, outputs=outputs, options={**node.options, FROM_UINT8: True}))
        nodes += [_flip(node, signed[value], value) for value in node.outputs if value in signed]
    return nodes


def _flip(node: Node, source: int, output: int) -> Node:
    """The conversion beside an operator, as a part of it."""
    return Node(node.index, "QUANTIZE", (source,), (output,))
