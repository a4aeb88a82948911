"""The weights of a .tflite, changed in the file itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.rewrite.objects import pack, unpack
from edgepack.flatbuffer.traits import traits_of

Weights = NDArray[np.int8]


def rewritten(data: bytes, change: Callable[[Weights], Weights]) -> bytes:
    """The file with what `change` makes of each tensor of int8 weights; as many values, in any shape."""
    model, objects = read_model(data), unpack(data)
    for graph, written in zip(model.subgraphs, objects.subgraphs, strict=True):
        for operator in graph.operators:
            place = traits_of(operator.name).weights
            tensor = graph.tensors[operator.inputs[place]] if place >= 0 else None
            if tensor is not None and tensor.data is not None and tensor.dtype == "int8":
                stored = change(np.asarray(tensor.data))
                objects.buffers[written.tensors[tensor.index].buffer].data = np.frombuffer(stored.tobytes(), np.uint8)
    return pack(objects)
