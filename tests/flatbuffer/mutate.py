"""Mutations of .tflite files for fuzzing, reproducible from a seed."""

from __future__ import annotations

import struct

import numpy as np

WORDS = (0, 1, 2, 3, 4, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
FLOATS = (0.0, -0.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e-45, 3.4e38)


class Mutator:
    """Mutates one file; most changes go to its structure, the bytes that are not weights."""

    def __init__(self, data: bytes, seed: int) -> None:
        self.data = data
        self.random = np.random.default_rng(seed)
        self.structure = self._structure()

    def _structure(self) -> np.ndarray:
        """Offsets of the four-byte words that look like offsets, counts or small numbers."""
        words = np.frombuffer(self.data[: len(self.data) // 4 * 4], "<u4")
        small = (words < len(self.data)) | (words > 2**32 - len(self.data))
        return np.flatnonzero(small) * 4

    def next(self) -> bytes:
        """The next mutated file."""
        data = bytearray(self.data)
        for _ in range(int(self.random.geometric(0.7))):
            getattr(self, "_" + str(self.random.choice(KINDS, p=WEIGHTS)))(data)
            if not data:
                break
        return bytes(data)

    def _place(self, data: bytearray, width: int) -> int:
        anywhere = self.random.random() < 0.3
        place = int(self.random.integers(len(data)) if anywhere else self.random.choice(self.structure))
        return max(0, min(place, len(data) - width))

    def _flip(self, data: bytearray) -> None:
        data[self._place(data, 1)] ^= 1 << int(self.random.integers(8))

    def _byte(self, data: bytearray) -> None:
        data[self._place(data, 1)] = int(self.random.integers(256))

    def _word(self, data: bytearray) -> None:
        if len(data) >= 4:
            struct.pack_into("<I", data, self._place(data, 4), WORDS[int(self.random.integers(len(WORDS)))])

    def _half(self, data: bytearray) -> None:
        if len(data) >= 2:
            struct.pack_into("<H", data, self._place(data, 2), WORDS[int(self.random.integers(13))])

    def _nudge(self, data: bytearray) -> None:
        """Move an offset, or change a number, a little."""
        if len(data) >= 4:
            place = self._place(data, 4)
            value = struct.unpack_from("<I", data, place)[0] + int(self.random.integers(-4, 5))
            struct.pack_into("<I", data, place, value % 2**32)

    def _aim(self, data: bytearray) -> None:
        """Make a word an offset to some other place of the file."""
        if len(data) >= 4:
            place = self._place(data, 4)
            struct.pack_into("<I", data, place, (int(self.random.integers(len(data))) - place) % 2**32)

    def _real(self, data: bytearray) -> None:
        if len(data) >= 4:
            struct.pack_into("<f", data, self._place(data, 4), FLOATS[int(self.random.integers(len(FLOATS)))])

    def _cut(self, data: bytearray) -> None:
        del data[int(self.random.integers(len(data))) :]

    def _remove(self, data: bytearray) -> None:
        start = self._place(data, 1)
        del data[start : start + int(self.random.integers(1, 33))]

    def _insert(self, data: bytearray) -> None:
        start = self._place(data, 1)
        data[start:start] = self.random.bytes(int(self.random.integers(1, 33)))

    def _copy(self, data: bytearray) -> None:
        """Copy a block over another, so that tables are doubled and overlap."""
        length = int(self.random.integers(1, 65))
        source, target = self._place(data, 1), self._place(data, 1)
        block = bytes(data[source : source + length])
        data[target : target + len(block)] = block


KINDS = ("flip", "byte", "word", "half", "nudge", "aim", "real", "cut", "remove", "insert", "copy")
WEIGHTS = (0.2, 0.14, 0.16, 0.1, 0.1, 0.1, 0.1, 0.02, 0.01, 0.01, 0.06)
