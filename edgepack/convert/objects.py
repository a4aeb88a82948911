"""A .tflite as TensorFlow's mutable objects, and back, with every buffer where kernels can read it in place."""

from __future__ import annotations

from typing import Any

# The schema demands it of every buffer ("force_align: 16"); kernels read weights in place, and an unaligned one faults on
# some microcontrollers. The generated Python writer does not heed it.
_ALIGNMENT = 16


def unpack(content: bytes) -> Any:
    """The file as a `ModelT` of TFLite's schema."""
    from tensorflow.lite.tools import flatbuffer_utils

    return flatbuffer_utils.convert_bytearray_to_object(bytearray(content))


def pack(model: Any) -> bytes:
    """The file of a `ModelT`, whose buffers are left as objects that only this can write."""
    from tensorflow.lite.tools import flatbuffer_utils

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
