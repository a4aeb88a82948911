"""A .tflite whose open shapes are filled in: for interpreters that take the shapes of the file as they are."""

from __future__ import annotations

import struct

import tflite

from edgepack.flatbuffer.model import Model

_SHAPE = 4  # offset of Tensor.shape in its vtable, the first field of the table


def fix_shapes(data: bytes, model: Model) -> bytes:
    """The file `data` with the shapes of `model`, which was read from it; the same bytes when nothing was open.

    TensorFlow Lite Micro computes no shapes: behind a reshape that depends on the batch it would believe the 1 that the
    converter writes for what it does not know. Only dimensions are overwritten, so the file keeps its size and layout.
    """
    content = bytearray(data)
    root = tflite.Model.GetRootAsModel(content, 0)
    for number, graph in enumerate(model.subgraphs):
        table = root.Subgraphs(number)
        for tensor in graph.tensors:
            entry = table.Tensors(tensor.index)
            if -1 not in tensor.shape_signature or entry.ShapeLength() != len(tensor.shape):
                continue
            start = entry._tab.Vector(entry._tab.Offset(_SHAPE)) if tensor.shape else 0
            if tensor.shape:
                struct.pack_into(f"<{len(tensor.shape)}i", content, start, *tensor.shape)
    return bytes(content)
