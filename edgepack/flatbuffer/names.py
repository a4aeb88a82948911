"""Keras layer names, found in the names the converter gives to tensors.

A name is a list of graph nodes joined by ";", for all the nodes fused into the operator, such as
"model/activation/Relu;model/conv2d/BiasAdd;model/conv2d/Conv2D1". A node is the path "model/layer/op", with deeper paths for
nested models and for the parts of an op, and digits appended where the converter needed a unique name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain

from edgepack.flatbuffer.model import Model, Operator, Subgraph

_CALL_SCOPE = re.compile(r"^((Stateful)?PartitionedCall|Identity)(_\d+)?(:\d+)?(_int8|_int16)?$")
_MADE_BY_CONVERTER = re.compile(r"^(arith|tfl|std|mhlo|stablehlo)\.|_intermediate\d*$|^Const\d*$")
_WRAPPER = re.compile(r"^(quant_|prune_low_magnitude_|cluster_)+")
_OP_PART = re.compile(
    r"^[A-Z0-9]|^(separable_conv2d|conv2d_transpose|depthwise|batchnorm|strided_slice|stack|moments|split|resize)(_\d+)?$"
)

_RANKS = (
    re.compile(r"/BiasAdd"),
    re.compile(r"/(Conv[123]D|conv2d_transpose|convolution|depthwise|separable_conv2d|MatMul|Tensordot|einsum)"),
    re.compile(r"^(?!.*(/FusedBatchNorm|/batchnorm|/Relu|/Sigmoid|/Tanh|/Softmax|FakeQuant))"),
    re.compile(r"^(?!.*FakeQuant)"),
)
"""Which node names the layer best: the one with the weights rather than the activation or normalisation fused into it.
The bias comes first because an identical constant of another layer may lend its name to a kernel."""


MAX_INPUTS = 32


def keras_layer(tensor_name: str) -> str:
    """The Keras layer a converted tensor's name comes from; the name itself when it tells no layer.

    >>> keras_layer("model/re_lu/Relu;model/quant_stem/BiasAdd;model/quant_stem/Conv2D1")
    'stem'
    >>> keras_layer("serving_default_input_1:0")
    'input_1'
    """
    return known_layer(tensor_name) or tensor_name.split(";")[0].split(":")[0]


def known_layer(tensor_name: str) -> str:
    """The Keras layer a converted tensor's name comes from; empty when it tells none.

    >>> known_layer("StatefulPartitionedCall_1:0")
    ''
    """
    nodes = tensor_name.split(";")
    for rank in _RANKS:
        for node in nodes:
            if rank.search(node):
                layer = _layer_of_node(node)
                if layer:
                    return layer
    return next(filter(None, map(_layer_of_node, nodes)), "")


def operator_layer(graph: Subgraph, operator: Operator, results: Mapping[int, str] | None = None) -> str:
    """The Keras layer an operator comes from.

    Looked for in its outputs' names, in `results` (see `result_names`), in its constants' names, then in the names of what
    it reads from other operators; failing all, the name of its first output.
    """
    results = results or {}
    outputs = [graph.tensors[index] for index in operator.outputs]
    inputs = [graph.tensors[index] for index in operator.inputs[:MAX_INPUTS] if index >= 0]
    candidates = chain(
        (known_layer(tensor.name) for tensor in outputs),
        (_WRAPPER.sub("", results.get(index, "")) for index in operator.outputs),
        (known_layer(tensor.name) for tensor in inputs if tensor.data is not None),
        (known_layer(tensor.name) for tensor in inputs if tensor.data is None and tensor.index not in graph.inputs),
    )
    return next(filter(None, candidates), keras_layer(outputs[0].name) if outputs else "")


def result_names(model: Model, number: int = 0) -> dict[int, str]:
    """Names that the signatures give to the outputs of subgraph `number`: Keras names an output after its layer."""
    return {
        index: name
        for signature in model.signatures
        if signature.subgraph == number
        for name, index in signature.outputs
        if not re.fullmatch(r"output_\d+", name)
    }


def _layer_of_node(node: str) -> str:
    parts = [part for part in node.split("/") if part and not _CALL_SCOPE.match(part)]
    if not parts:
        return ""
    if len(parts) == 1:
        name = re.sub(r":\d+(_int8|_int16)?$|(?<=\d)_int8$|_int16$", "", parts[0])
        return "" if _MADE_BY_CONVERTER.search(name) else _WRAPPER.sub("", name.removeprefix("serving_default_"))
    path = parts[1:-1] if len(parts) > 2 else parts[:1]
    while len(path) > 1 and _OP_PART.match(path[-1]):
        path = path[:-1]
    return "/".join(_WRAPPER.sub("", part) for part in path)
