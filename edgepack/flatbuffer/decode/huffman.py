"""Huffman's code, most frequent values in the fewest bits, with decoding tables that follow one another like a tree's levels.

Header: byte 4 the version of this code, 1; byte 5 bit 0: table entries of 32 bits, else 16; bits 7-4: bits that the first table
is looked up with, less 1. An entry that ends a symbol has its top bit set, below it (four bits) how many of the bits just read
were the symbol's, and the value. Any other has how many bits to read next, less 1, and how far from this entry the next table
begins. Codes are read as big-endian words of 32 bits (decode_state_huffman.h).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgepack.flatbuffer.decode.layout import HEADER, HUFFMAN, Coded, header, misfit, patterns
from edgepack.flatbuffer.model import Array

_MOST_BITS = 15  # of a table's index: how many of them a symbol took has to fit four bits
_SMALL, _LARGE = 11, 27  # bits for a value or a distance in entries of 16 and 32 bits
_TYPES = ("int8", "int16")
_WINDOW = 16  # bits that `decode` looks at together


@dataclass(frozen=True)
class _Code:
    """A symbol's bits: the number, how many, and how many more a decoder reads to know it."""

    bits: int
    length: int
    beyond: int


def encode(values: Array) -> Coded | None:
    """The code with the smallest tables; None for a type without a decoder."""
    if values.dtype.name not in _TYPES:
        return None
    symbols, inverse, counts = np.unique(patterns(values), return_inverse=True, return_counts=True)
    tree = _tree(symbols.tolist(), counts.tolist())
    entries, codes, first = _tables(tree)
    wide = values.dtype.itemsize > 1 or any(value >> _SMALL for _, _, value in entries)
    dtype, place = ("<u4", _LARGE) if wide else ("<u2", _SMALL)
    table = np.array([(end << 4 | count) << place | value for end, count, value in entries], dtype)
    ancillary = header(HUFFMAN, 1, (first - 1) << 4 | wide) + table.tobytes()
    encoded = _bits([codes[symbol] for symbol in symbols.tolist()], inverse.reshape(-1))
    return Coded("Huffman", encoded, ancillary)


def _tree(symbols: list[int], counts: list[int]) -> Any:
    """Pairs of pairs and symbols. Equal counts are taken in order, so that the same values give the same tree."""
    heap: list[tuple[int, int, Any]] = [
        (count, place, symbol) for place, (symbol, count) in enumerate(zip(symbols, counts, strict=True))
    ]
    heapq.heapify(heap)
    place = len(heap)
    while len(heap) > 1:
        (few, _, left), (more, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (few + more, place, (left, right)))
        place += 1
    return heap[0][2]


class _Widths:
    """For every inner node the bits of its table's index with which it and the tables behind it are smallest."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int]] = {}

    def __call__(self, node: Any) -> tuple[int, int]:
        """Entries of this table and those behind it, and the bits. Of equal sizes the wider, which takes fewer steps."""
        if id(node) not in self._known:
            sizes = []
            level = [node]
            for bits in range(1, _MOST_BITS + 1):
                level = [child for one in level if isinstance(one, tuple) for child in one]
                inner = [one for one in level if isinstance(one, tuple)]
                sizes.append((2**bits + sum(self(one)[0] for one in inner), -bits))
                if not inner:
                    break
            entries, bits = min(sizes)
            self._known[id(node)] = entries, -bits
        return self._known[id(node)]


def _tables(tree: Any) -> tuple[list[tuple[int, int, int]], dict[int, _Code], int]:
    """Entries as (ends a symbol, count, value or distance), the symbols' codes, and the bits of the first table's index.

    A single symbol takes no bits: its entries end with none of the bits read.
    """
    if not isinstance(tree, tuple):
        return [(1, 0, tree)] * 2, {tree: _Code(0, 0, 1)}, 1
    widths = _Widths()
    entries: list[tuple[int, int, int]] = [(0, 0, 0)] * 2 ** widths(tree)[1]
    codes: dict[int, _Code] = {}
    pending = [(tree, 0, 0, 0)]  # table of a node, where it begins, the bits that lead there, how many
    for node, start, path, length in pending:
        bits = widths(node)[1]
        for index in range(2**bits):
            found, used = _follow(node, index, bits)
            at = start + index
            if isinstance(found, tuple):
                entries[at] = 0, widths(found)[1] - 1, len(entries) - at
                pending.append((found, len(entries), path << bits | index, length + bits))
                entries += [(0, 0, 0)] * 2 ** widths(found)[1]
            else:
                entries[at] = 1, used, found
                codes[found] = _Code(path << used | index >> (bits - used), length + used, bits - used)
    return entries, codes, widths(tree)[1]


def _follow(node: Any, index: int, bits: int) -> tuple[Any, int]:
    """Where the bits of an index lead from a node, and how many were needed."""
    for used in range(bits):
        if not isinstance(node, tuple):
            return node, used
        node = node[index >> (bits - 1 - used) & 1]
    return node, bits


def _bits(codes: list[_Code], places: Array) -> bytes:
    """The codes of the elements one after another, with as many whole words as a decoder reads."""
    lengths = np.array([code.length for code in codes])[places]
    numbers = np.array([code.bits for code in codes], np.uint64)[places]
    ends = np.cumsum(lengths)
    read = int((ends + np.array([code.beyond for code in codes])[places]).max())
    bits = np.zeros(max(1, -(-read // 32)) * 32, np.uint8)
    starts = ends - lengths
    for place in range(int(lengths.max())):
        has = lengths > place
        shifts = (lengths[has] - 1 - place).astype(np.uint64)
        bits[starts[has] + place] = (numbers[has] >> shifts & np.uint64(1)).astype(np.uint8)
    return np.packbits(bits).tobytes()


def decode(encoded: bytes, ancillary: bytes, elements: int, dtype: np.dtype[np.generic]) -> Array:
    """The elements in order. Raises ModelError EP-206 when there are too few bits, or a table points outside."""
    wide = bool(ancillary[5] & 1)
    kind = "<u4" if wide else "<u2"
    table = np.frombuffer(ancillary, kind, (len(ancillary) - HEADER) // np.dtype(kind).itemsize, HEADER).tolist()
    words = np.frombuffer(encoded, ">u4", len(encoded) // 4).tolist()
    symbols = _Reader(table, _LARGE if wide else _SMALL, (ancillary[5] >> 4) + 1, [*words, 0]).symbols(elements)
    result = np.full(elements, symbols[-1] if symbols else 0, np.uint64)
    result[: len(symbols)] = symbols
    return result.astype(f"<u{dtype.itemsize}").view(dtype)


@dataclass(frozen=True)
class _Reader:
    """Tables with `place` bits below an entry's count, the first of `first` bits, and the words with one more behind them."""

    table: list[int]
    place: int
    first: int
    words: list[int]

    def symbols(self, count: int) -> list[int]:
        """So many symbols, or fewer when the last of them takes no bits: it is all that follows."""
        found: list[int] = []
        known: dict[int, tuple[int, int]] = {}  # by the next bits: a symbol that they tell, and how many of them are its own
        at, end = 0, 32 * (len(self.words) - 1)
        while len(found) < count:
            two = self.words[at >> 5] << 32 | self.words[(at >> 5) + 1] if at < end else 0
            window = two >> 64 - _WINDOW - (at & 31) & (1 << _WINDOW) - 1
            if window in known and at + _WINDOW <= end:
                symbol, used = known[window]
            else:
                symbol, used, read = self._symbol(at, end)
                if read <= _WINDOW:
                    known[window] = symbol, used
            found.append(symbol)
            if used == 0:
                break
            at += used
        return found

    def _symbol(self, begin: int, end: int) -> tuple[int, int, int]:
        """The symbol that begins with bit `begin`, its bits, and those that were read to know it."""
        at, start, count = begin, 0, self.first
        while True:
            if at + count > end:
                raise misfit("Huffman code")
            two = self.words[at >> 5] << 32 | self.words[(at >> 5) + 1]
            entry = start + (two >> 64 - (at & 31) - count & (1 << count) - 1)
            if entry >= len(self.table):
                raise misfit("Huffman code")
            used, value = self.table[entry] >> self.place & 15, self.table[entry] & (1 << self.place) - 1
            if self.table[entry] >> self.place + 4:
                return value, at + min(used, count) - begin, at + count - begin
            at, start, count = at + count, entry + value, used + 1
