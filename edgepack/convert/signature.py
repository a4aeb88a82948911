"""Names for what goes in and out of a .tflite: those of the Keras model, in its order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# The schema demands it of every buffer ("force_align: 16"); kernels read weights in place, and an unaligned one faults on
# some microcontrollers. The generated Python writer does not heed it.
_ALIGNMENT = 16


def sign(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """A .tflite whose inputs and outputs bear the given names and that has the signature `serving_default`.

    Converting a frozen graph gives outputs the names Identity, Identity_1, … and no signature.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
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
    model.buffers = [_AlignedBuffer(buffer) for buffer in model.buffers]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


class _AlignedBuffer:
    """A buffer of the file that writes its content at a multiple of 16 bytes."""

    def __init__(self, buffer: Any) -> None:
        self._data = b"" if buffer.data is None else bytes(buffer.data)

    def Pack(self, builder: Any) -> int:
        """Write the buffer; returns its offset."""
        from tensorflow.lite.python import schema_py_generated as schema

        vector = None
        if self._data:
            builder.StartVector(1, len(self._data), _ALIGNMENT)
            builder.head -= len(self._data)
            builder.Bytes[builder.head : builder.head + len(self._data)] = self._data
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        offset: int = schema.BufferEnd(builder)
        return offset
