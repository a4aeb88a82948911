"""A coded tensor decoded on the host, as the interpreter does it."""

from __future__ import annotations

import numpy as np

from edgepack.flatbuffer.decode import huffman, lut, prune
from edgepack.flatbuffer.decode.layout import HEADER, HUFFMAN, LUT, PRUNE, VERSION, Layout, misfit
from edgepack.flatbuffer.model import Array, Tensor


def is_known(ancillary: bytes) -> bool:
    """Whether these are header and tables of a code that `read_coded` reads: applications may bring decoders of their own."""
    if len(ancillary) < HEADER or ancillary[1] != VERSION:
        return False
    return ancillary[0] in (LUT, HUFFMAN, PRUNE) and ancillary[4] == VERSION


def read_coded(encoded: bytes, ancillary: bytes, output: Tensor) -> Array:
    """The content that the operator gives `output` for known `ancillary`, in its shape.

    Raises:
        ModelError: EP-206 for bytes that do not fit the tensor.
    """
    dtype = np.dtype(output.dtype).newbyteorder("<")
    if ancillary[0] == HUFFMAN:
        return huffman.decode(encoded, ancillary, output.elements, dtype).reshape(output.shape)
    layout = Layout.of(output.quantization, len(output.shape))
    if layout is None:
        raise misfit("code with channels along an inner dimension")
    decode = lut.decode if ancillary[0] == LUT else prune.decode
    return decode(encoded, ancillary, output.elements, dtype, layout).reshape(output.shape)
