"""What the codes share: the header, how a tensor's channels lie, and bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.flatbuffer.model import Array, Quantization
from edgepack.ground.errors import ModelError

OPERATOR = "TFLM_DECODE"
"""The name of the custom operator."""

HEADER = 16
"""Bytes before the tables of a code: its type, version 1, two of no use, then twelve that are the code's own."""

LUT, HUFFMAN, PRUNE = 0, 1, 2
"""The types of code."""

VERSION = 1
"""Of the format, in the header, and of each code in byte 4."""

TYPES = ("int8", "int16", "int32", "int64", "float32", "bool")
"""What the interpreter decodes to; Huffman's code the first two only."""


@dataclass(frozen=True)
class Layout:
    """How TensorFlow Lite Micro takes the channels of a decoded tensor, from the tensor's quantization alone.

    channels: As many as there are scales, 1 for none.
    last: The last dimension counts them, else the first.
    zero_points: One a channel.
    """

    channels: int = 1
    last: bool = False
    zero_points: tuple[int, ...] = (0,)

    @classmethod
    def of(cls, quantization: Quantization | None, rank: int) -> Layout | None:
        """The layout of a tensor; None for channels along a dimension between, which only Huffman's code can have."""
        if quantization is None:
            return cls()
        if not quantization.per_channel:
            return cls(zero_points=quantization.zero_points)
        if quantization.axis not in (0, rank - 1):
            return None
        return cls(len(quantization.scales), quantization.axis == rank - 1, quantization.zero_points)

    def rows(self, flat: Array) -> Array:
        """The elements of a tensor as (channels, elements of each)."""
        return flat.reshape(-1, self.channels).T if self.last else flat.reshape(self.channels, -1)

    def flat(self, rows: Array) -> Array:
        """The elements in the tensor's order again."""
        return rows.T.reshape(-1) if self.last else rows.reshape(-1)


@dataclass(frozen=True)
class Coded:
    """A tensor in a code: `how` in words, its bytes, and header with tables."""

    how: str
    encoded: bytes
    ancillary: bytes

    @property
    def size(self) -> int:
        """Bytes of both, each filled up to the sixteen that a buffer of a .tflite starts at."""
        return sum(-(-len(part) // 16) * 16 for part in (self.encoded, self.ancillary))


def header(kind: int, *own: int) -> bytes:
    """Sixteen bytes: the type of code, and from byte 4 on what the code says of itself."""
    return bytes((kind, VERSION, 0, 0, *own)).ljust(HEADER, b"\0")


def patterns(values: Array) -> Array:
    """The elements in order as unsigned integers, so that equal means the same bits."""
    flat = np.ascontiguousarray(values).reshape(-1)
    return flat.view(np.dtype(f"<u{flat.dtype.itemsize}"))


def misfit(code: str) -> ModelError:
    """The error of a coded tensor whose bytes end too soon, or point outside."""
    return ModelError("EP-206", f"a {code} of {OPERATOR} does not fit its tensor", "give the .tflite from before it was coded")
