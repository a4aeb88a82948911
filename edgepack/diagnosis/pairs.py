"""Which operator of a quantized .tflite computes what which operator of the float .tflite computes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from edgepack.flatbuffer import Model, Operator, Subgraph, operator_layer, result_names
from edgepack.flatbuffer.traits import traits_of


@dataclass(frozen=True)
class Pair:
    """One operator in both files, by its place in each one's first subgraph."""

    layer: str
    name: str
    quantized: Operator
    original: Operator


def pair_operators(quantized: Model, original: Model) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """The operators that stand for the same Keras layer in both, in the quantized file's order, and the layers without partner.

    The same are operators of one kind with outputs of one shape that come from one Keras layer; a layer used twice is taken in
    order. The converter fuses alike in both, but for what quantization itself keeps apart.
    """
    partners = defaultdict(list)
    for key, operator in _keyed(original):
        partners[key].append(operator)
    pairs, alone = [], []
    for key, operator in _keyed(quantized):
        layer, name, _ = key
        if partners[key]:
            pairs.append(Pair(layer, name, operator, partners[key].pop(0)))
        else:
            alone.append(layer)
    return tuple(pairs), tuple(dict.fromkeys(alone))


def _keyed(model: Model) -> list[tuple[tuple[str, str, tuple[int, ...]], Operator]]:
    graph, names = model.subgraphs[0], result_names(model)
    return [
        ((operator_layer(graph, operator, names), operator.name, graph.tensors[operator.outputs[0]].shape), operator)
        for operator in graph.operators
        if not traits_of(operator.name).keeps_values and operator.outputs and _real_valued(graph, operator)
    ]


def _real_valued(graph: Subgraph, operator: Operator) -> bool:
    return graph.tensors[operator.outputs[0]].dtype in ("int8", "int16", "uint8", "float32", "float16")
