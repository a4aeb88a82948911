"""Indices of 1 to 7 bits into a table of values: one for the tensor, or one for each channel.

Header: byte 4 the version of this code, 1; byte 5 the bits of an index, and above them the channels' dimension, 15 for none;
byte 6 the elements from one channel's table to the next. The interpreter takes the number of channels from the tensor's scales
and ignores the dimension (decode_state_lut.cc): where a tensor with several scales has one table, the step of 0 keeps it there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgepack.flatbuffer.decode.layout import HEADER, LUT, TYPES, Coded, Layout, header, misfit, patterns
from edgepack.flatbuffer.model import Array

_MOST = 128  # values of a table, and the largest step
_ONE_TABLE = 15


def encode(values: Array, layout: Layout) -> Coded | None:
    """The smaller of one table and tables by channel; None when neither has room for the values, or the type has no decoder."""
    if values.dtype.name not in TYPES:
        return None
    return min(_forms(patterns(values), layout, values.ndim), key=lambda coded: coded.size, default=None)


def _forms(flat: Array, layout: Layout, rank: int) -> Iterator[Coded]:
    table, indices = np.unique(flat, return_inverse=True)
    if table.size <= _MOST:
        step = table.size if layout.channels == 1 else 0
        yield _coded("one table", [table], indices.reshape(-1), _ONE_TABLE, step)
    if layout.channels > 1:
        found = [np.unique(row, return_inverse=True) for row in layout.rows(flat)]
        tables, rows = [table for table, _ in found], np.stack([indices.reshape(-1) for _, indices in found])
        step = max(table.size for table in tables)
        if step <= _MOST:
            yield _coded("a table a channel", tables, layout.flat(rows), rank - 1 if layout.last else 0, step)


def _coded(which: str, tables: list[Array], indices: Array, dimension: int, step: int) -> Coded:
    longest = max(table.size for table in tables)
    width = max(1, int(longest - 1).bit_length())
    stored = b"".join(np.pad(table, (0, longest - table.size)).tobytes() for table in tables)
    bits = np.unpackbits(indices.astype(np.uint8)[:, None], axis=1)[:, 8 - width :]
    ancillary = header(LUT, 1, dimension << 4 | width, step) + stored
    return Coded(f"LUT, {width} {'bits' if width > 1 else 'bit'}, {which}", np.packbits(bits).tobytes(), ancillary)


def decode(encoded: bytes, ancillary: bytes, elements: int, dtype: np.dtype[np.generic], layout: Layout) -> Array:
    """The elements in order. Raises ModelError EP-206 when there are too few bytes."""
    width, step = ancillary[5] & 7, ancillary[6]
    if width == 0 or elements * width > 8 * len(encoded):
        raise misfit("lookup table")
    bits = np.unpackbits(np.frombuffer(encoded, np.uint8), count=elements * width).reshape(elements, width)
    indices = bits @ (1 << np.arange(width)[::-1])
    places = layout.flat(layout.rows(indices) + step * np.arange(layout.channels)[:, None])
    usable = (len(ancillary) - HEADER) // dtype.itemsize
    table = np.frombuffer(ancillary, dtype, usable, HEADER)
    if elements and int(places.max()) >= usable:
        raise misfit("lookup table")
    return table[places]
