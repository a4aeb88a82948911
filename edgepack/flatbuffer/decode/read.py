"""A coded tensor decoded on the host, as the interpreter does it."""

from __future__ import annotations

import numpy as np

from edgepack.flatbuffer.decode import huffman, lut, prune
from edgepack.flatbuffer.decode.layout import HEADER, HUFFMAN, LUT, OPERATOR, PRUNE, VERSION, Layout
from edgepack.flatbuffer.model import Array, Quantization
from edgepack.ground.errors import ModelError


def read_coded(encoded: bytes, ancillary: bytes, shape: tuple[int, ...], dtype: str, quantization: Quantization | None) -> Array:
    """The values that the operator gives for `encoded` and `ancillary`; the result's shape, type and quantization are the output's.

    Raises:
        ModelError: EP-204 for a code that is not known here, EP-206 for bytes that do not fit the tensor.
    """
    kind = ancillary[0] if len(ancillary) >= HEADER else None
    layout = Layout.of(quantization, len(shape))
    element = np.dtype(dtype).newbyteorder("<")
    elements = int(np.prod(shape, dtype=np.int64))
    if kind not in (LUT, HUFFMAN, PRUNE) or ancillary[1] != VERSION or ancillary[4] != VERSION:
        raise ModelError("EP-204", f"a {OPERATOR} has a code that edgepack does not know", "give the .tflite from before it was coded")
    if kind == HUFFMAN:
        return huffman.decode(encoded, ancillary, elements, element).reshape(shape)
    if layout is None:
        raise ModelError("EP-206", f"a {OPERATOR} has channels along an inner dimension", "give the .tflite from before it was coded")
    by_channel = lut.decode if kind == LUT else prune.decode
    return by_channel(encoded, ancillary, elements, element, layout).reshape(shape)
