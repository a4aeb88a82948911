"""A mask of one bit an element, and the values where it is 1; the others are the zero point.

Header: byte 4 the version of this code, 1. The values stand where tables do, in the tensor's order (decode_state_prune.cc).
"""

from __future__ import annotations

import numpy as np

from edgepack.flatbuffer.decode.layout import HEADER, PRUNE, TYPES, Coded, Layout, header, misfit, patterns
from edgepack.flatbuffer.model import Array


def encode(values: Array, layout: Layout) -> Coded | None:
    """The code; None for a type without a decoder: of int8 alone may zero points be other than 0."""
    name = values.dtype.name
    if name not in TYPES or (name != "int8" and any(layout.zero_points)):
        return None
    flat = patterns(values)
    kept = flat != patterns(_zeros(flat.size, values.dtype, layout))
    return Coded("pruned", np.packbits(kept).tobytes(), header(PRUNE, 1) + flat[kept].tobytes())


def decode(encoded: bytes, ancillary: bytes, elements: int, dtype: np.dtype[np.generic], layout: Layout) -> Array:
    """The elements in order. Raises ModelError EP-206 when there are too few bytes."""
    if elements > 8 * len(encoded):
        raise misfit("mask")
    kept = np.unpackbits(np.frombuffer(encoded, np.uint8), count=elements).astype(bool)
    values = np.frombuffer(ancillary, dtype, (len(ancillary) - HEADER) // dtype.itemsize, HEADER)
    wanted = int(kept.sum())
    if wanted > values.size:
        raise misfit("mask")
    result = _zeros(elements, dtype, layout)
    result[kept] = values[:wanted]
    return result


def _zeros(elements: int, dtype: np.dtype[np.generic], layout: Layout) -> Array:
    zero_points = np.array(layout.zero_points).astype(dtype)
    return layout.flat(np.repeat(zero_points[:, None], elements // layout.channels, axis=1))
