"""A .tflite as mutable objects, and back: for edits that add, drop or rename tensors and operators.

The objects are those of the schema's generated Python code (`ModelT`, `TensorT`, …) in ai-edge-litert, whose schema is the
newest that edgepack installs: a field that the code does not know would be lost. Writing packs the whole file anew, so
nothing keeps its place; the same objects give the same bytes.
"""

from __future__ import annotations

import struct
from typing import Any

import flatbuffers

from edgepack.flatbuffer.binary import damaged
from edgepack.ground.errors import ModelError

_IDENTIFIER = b"TFL3"
# The schema demands it of every buffer ("force_align: 16"); kernels read weights in place, and an unaligned one faults on
# some microcontrollers. The generated Python writer does not heed it.
_ALIGNMENT = 16
# Room for tables beside the buffers' content. A builder that runs out doubles its memory, which for large models is the peak.
_STRUCTURE = 1 << 16


def schema() -> Any:
    """The module of the schema's generated classes and enumerations.

    The first call takes 0.2 s and 47 MB, and imports neither TensorFlow nor an interpreter.
    """
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def unpack(content: bytes) -> Any:
    """The file as a `ModelT`; it has to be one that `read_model` accepts, as the generated code checks next to nothing.

    Arrays are read-only views of `content`: put others in their place.

    Raises:
        ModelError: EP-202 for damage in a part that `read_model` does not look at; EP-204 for a file whose buffers lie outside
            the flatbuffer, as those beyond 2 GB do.
    """
    classes = schema()
    try:
        model = classes.ModelT.InitFromObj(classes.Model.GetRootAs(content, 0))
    except (struct.error, ValueError, TypeError) as error:
        raise damaged(str(error)) from error
    if any(buffer.offset > 1 for buffer in model.buffers or ()):
        raise ModelError("EP-204", "the model's weights lie behind its flatbuffer", "it cannot be written anew")
    return model


def pack(model: Any) -> bytes:
    """The file of a `ModelT`, with every buffer's content where kernels can read it in place."""
    plain = model.buffers or []
    total = sum(len(buffer.data) + _ALIGNMENT for buffer in plain if buffer.data is not None)
    builder = flatbuffers.Builder(min(total + total // 8 + _STRUCTURE, flatbuffers.Builder.MAX_BUFFER_SIZE))
    model.buffers = [_AlignedBuffer(buffer.data) for buffer in plain]
    try:
        builder.Finish(model.Pack(builder), _IDENTIFIER)
    finally:
        model.buffers = plain
    return bytes(memoryview(builder.Bytes)[builder.Head() :])


class _AlignedBuffer:
    """Stands in for a `BufferT` and writes its content (uint8) at a multiple of 16 bytes."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def Pack(self, builder: Any) -> int:
        """Write the buffer; returns its offset."""
        classes = schema()
        size = 0 if self._data is None else len(self._data)
        if size:
            builder.StartVector(1, size, _ALIGNMENT)
            builder.head -= size
            builder.Bytes[builder.head : builder.head + size] = memoryview(self._data)
            content = builder.EndVector()
        classes.BufferStart(builder)
        if size:
            classes.BufferAddData(builder, content)
        offset: int = classes.BufferEnd(builder)
        return offset
