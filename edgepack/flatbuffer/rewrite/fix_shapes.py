"""A .tflite whose open shapes are filled in: for interpreters that take the shapes of the file as they are."""

from __future__ import annotations

import struct

from edgepack.flatbuffer.binary import FlatFile
from edgepack.flatbuffer.model import Model


def fix_shapes(data: bytes, model: Model) -> bytes:
    """The file `data` with the shapes of `model`, which was read from it; the same bytes when nothing was open.

    TensorFlow Lite Micro computes no shapes: behind a reshape that depends on the batch it would believe the 1 that the
    converter writes for what it does not know. Only dimensions are overwritten, so the file keeps its size and layout.
    """
    file, content = FlatFile(data), bytearray(data)
    tables = file.table(file.u32(0), "Model").children("subgraphs")
    for graph, table in zip(model.subgraphs, tables, strict=True):
        for tensor, entry in zip(graph.tensors, table.children("tensors"), strict=True):
            at = entry.at("shape")
            if at is None or -1 not in tensor.shape_signature:
                continue
            start, count = file.vector(at, 4)
            if count == len(tensor.shape):
                struct.pack_into(f"<{count}i", content, start, *tensor.shape)
    return bytes(content)
