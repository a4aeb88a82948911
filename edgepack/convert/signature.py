"""Names for what goes in and out of a .tflite: those of the Keras model, in its order."""

from __future__ import annotations

from collections.abc import Sequence

from edgepack.flatbuffer.rewrite.integer_elu import integer_elu
from edgepack.flatbuffer.rewrite.objects import pack, schema, unpack


def sign(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """A .tflite whose inputs and outputs bear the given names and that has the signature `serving_default`.

    Converting a frozen graph gives outputs the names Identity, Identity_1, … and no signature. ELU becomes an integer operator on
    the way, as the file is open.
    """
    model, classes = unpack(content), schema()
    integer_elu(model)
    graph = model.subgraphs[0]

    def entries(indices: Sequence[int], names: Sequence[str]) -> list[object]:
        found = []
        for index, name in zip(indices, names, strict=True):
            graph.tensors[index].name = name.encode()
            entry = classes.TensorMapT()
            entry.name, entry.tensorIndex = name.encode(), int(index)
            found.append(entry)
        return found

    signature = classes.SignatureDefT()
    signature.inputs = entries(graph.inputs, inputs)
    signature.outputs = entries(graph.outputs, outputs)
    signature.signatureKey = b"serving_default"
    signature.subgraphIndex = 0
    model.signatureDefs = [signature]
    return pack(model)
