"""Decode at compile time what a file stores for TensorFlow Lite Micro to decode when it runs."""

from __future__ import annotations

from dataclasses import replace

from edgepack.compile.graph import BYTES, Data, Graph, Node, Value
from edgepack.flatbuffer import Quantization
from edgepack.flatbuffer.decode import OPERATOR, read_coded

_MOST = 1 << 26  # elements of a tensor: some codes say much in a few bytes


def decode_weights(graph: Graph) -> Graph:
    """Every TFLM_DECODE of constants replaced by what it gives.

    Raises:
        ModelError: EP-204, EP-206 for a code that is not known, or does not fit its tensor.
    """
    kept, decoded = [], {}
    for node in graph.nodes:
        found = _decoded(graph, node)
        if found is None:
            kept.append(node)
        else:
            decoded.update(found)
    return graph.with_values(*decoded.values()).with_nodes(kept) if decoded else graph


def _decoded(graph: Graph, node: Node) -> dict[int, Value] | None:
    """What a decoding operator writes, None for any other and for one whose inputs are not constant."""
    if node.custom_code != OPERATOR or len(node.inputs) != 2 * len(node.outputs):
        return None
    coded = [_bytes(graph, value) for value in node.inputs]
    outputs = [graph.values[value] for value in node.outputs]
    if None in coded or any(output.dtype not in BYTES or output.elements > _MOST for output in outputs):
        return None
    found = {}
    for place, output in enumerate(outputs):
        quantization = Quantization(output.scales, output.zero_points, output.axis) if output.scales else None
        data: Data = read_coded(coded[2 * place] or b"", coded[2 * place + 1] or b"", output.shape, output.dtype, quantization)
        found[output.id] = replace(output, data=data)
    return found


def _bytes(graph: Graph, value: int) -> bytes | None:
    data = graph.values[value].data if value >= 0 else None
    return None if data is None else data.tobytes()
