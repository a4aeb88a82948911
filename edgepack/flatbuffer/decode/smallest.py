"""The code that makes a tensor smallest."""

from __future__ import annotations

from edgepack.flatbuffer.decode import huffman, lut, prune
from edgepack.flatbuffer.decode.layout import Coded, Layout
from edgepack.flatbuffer.model import Tensor


def smallest(tensor: Tensor) -> Coded | None:
    """A constant in the code that takes the fewest bytes, of equals the one decoded fastest; None when no code has its type."""
    values = tensor.data
    if values is None or values.size == 0 or tensor.sparse or values.dtype.name != tensor.dtype:
        return None
    layout = Layout.of(tensor.quantization, values.ndim)
    by_channel = () if layout is None else (lut.encode(values, layout), prune.encode(values, layout))
    found = [coded for coded in (*by_channel, huffman.encode(values)) if coded is not None]
    return min(found, key=lambda coded: coded.size, default=None)
