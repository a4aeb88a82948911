"""Names for what goes in and out of a .tflite: those of the Keras model, in its order."""

from __future__ import annotations

from collections.abc import Sequence

from edgepack.convert.objects import pack, unpack


def sign(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """A .tflite whose inputs and outputs bear the given names and that has the signature `serving_default`.

    Converting a frozen graph gives outputs the names Identity, Identity_1, … and no signature.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    model = unpack(content)
    graph = model.subgraphs[0]

    def entries(indices: Sequence[int], names: Sequence[str]) -> list[object]:
        found = []
        for index, name in zip(indices, names, strict=True):
            graph.tensors[index].name = name.encode()
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = name.encode(), int(index)
            found.append(entry)
        return found

    signature = schema.SignatureDefT()
    signature.inputs = entries(graph.inputs, inputs)
    signature.outputs = entries(graph.outputs, outputs)
    signature.signatureKey = b"serving_default"
    signature.subgraphIndex = 0
    model.signatureDefs = [signature]
    return pack(model)
