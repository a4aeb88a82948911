"""Frame: the biases and multipliers of channels, each pair in as many bits as they differ by (frame of reference).

A number is a few bits above others at its end. What is at the ends of a channel's two numbers is one of a few entries; of what is
above, the channel has what it is more than the least of all channels. Biases that all end in zeros lose these; channels of one
multiplier, or of some that differ by powers of two, are told apart by the entry alone; and where a few channels need a last bit
that the others have not, a bit in each says so.

Layout, from the lowest bit on: six bits each for the number of entries less 1, the bits that say which, the bits at the end of a
bias and those above them, the same of a multiplier, and the bits of the bytes between channels; eight bits of the least of these
bytes. Then the least upper part of a bias and of a multiplier, each in what is left of 32 bits, and the entries, both ends each.
Numbers of channels, groups and bytes follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

NAME, TITLE = "frame", "in the bits that they differ by"
FIELDS, FIELD, LEAST = 7, 6, 8
HEAD = FIELDS * FIELD + LEAST  # bits
WORD = 32
MOST_ENTRIES = 1 << FIELD
PER_CHANNEL = {True: 250.0, False: 550.0}
"""Instructions, by whether the core has Thumb-2: counted on Cortex-M4 and M0+ with what a one-sided bias adds."""

Bits = list[tuple[int, int]]
"""Numbers and how many bits each takes."""


@dataclass(frozen=True, eq=False)
class Frame:
    """How channels are told apart.

    `entries` are ends of biases and multipliers (entries, 2), of `ends` bits, `which` each channel's entry; `upper` is what is
    above them, more than `lowest` (channels, 2), in so many `bits`; `least` and `byte_bits` are of the bytes between channels.
    """

    entries: Numbers
    which: Numbers
    ends: tuple[int, int]
    lowest: tuple[int, int]
    upper: Numbers
    bits: tuple[int, int]
    least: int
    byte_bits: int

    @property
    def which_bits(self) -> int:
        """Bits that say which entry."""
        return (len(self.entries) - 1).bit_length()

    def head(self) -> Bits:
        """Head, least upper parts and entries."""
        (bias, multiplier), bits = self.ends, self.bits
        head = (len(self.entries) - 1, self.which_bits, bias, bits[0], multiplier, bits[1], self.byte_bits)
        above = [(number & ((1 << WORD - end) - 1), WORD - end) for number, end in zip(self.lowest, self.ends, strict=True)]
        entries = [end for entry in self.entries.tolist() for end in zip(entry, self.ends, strict=True)]
        return [*((number, FIELD) for number in head), (self.least, LEAST), *above, *entries]

    def channel(self, place: int) -> Bits:
        """One channel."""
        bias, multiplier = self.upper[place].tolist()
        return [(int(self.which[place]), self.which_bits), (bias, self.bits[0]), (multiplier, self.bits[1])]

    def bytes(self, values: npt.NDArray[np.uint8]) -> Bits:
        """Bytes that lie between channels."""
        return [((value - self.least) & 255, self.byte_bits) for value in values.tolist()]


def frame_of(bias: Numbers, multiplier: Numbers, others: npt.NDArray[np.uint8]) -> Frame:
    """The frame of these channels that takes the fewest bits, and of the bytes that lie between them."""
    signed = others.view(np.int8).astype(np.int64)
    least = int(signed.min()) if signed.size else 0
    byte_bits = int(signed.max() - least).bit_length() if signed.size else 0
    both = np.stack([bias, multiplier], axis=1) if bias.size else np.zeros((1, 2), np.int64)
    ends = _best_ends(both)
    entries, which = np.unique(both & ((1 << np.array(ends)) - 1), axis=0, return_inverse=True)
    above = both >> np.array(ends)
    lowest = above.min(axis=0)
    upper = above - lowest
    bits = [int(most).bit_length() for most in upper.max(axis=0)]
    return Frame(
        entries, which.reshape(-1), ends, (int(lowest[0]), int(lowest[1])), upper, (bits[0], bits[1]), least & 255, byte_bits
    )


def _best_ends(both: Numbers) -> tuple[int, int]:
    """So many bits at the end of biases and of multipliers that a frame of these (channels, 2) takes the fewest bits."""
    biases, multipliers = ([_kinds(both[:, which], end) for end in range(WORD + 1)] for which in range(2))
    above = np.add.outer([each.above for each in biases], [each.above for each in multipliers])
    counts = np.maximum.outer([each.count for each in biases], [each.count for each in multipliers])  # of entries, or more
    ends = np.add.outer(np.arange(WORD + 1), np.arange(WORD + 1))
    sizes = len(both) * (above + np.frexp(counts - 1)[1]) + (counts - 1) * ends  # bits of channels and entries, or more
    best, least = (0, 0), float("inf")
    for place in np.argsort(sizes, axis=None, kind="stable").tolist():
        bias, multiplier = divmod(place, WORD + 1)
        if sizes[bias, multiplier] > least:
            break
        if counts[bias, multiplier] <= MOST_ENTRIES:
            count = np.unique(biases[bias].names * MOST_ENTRIES + multipliers[multiplier].names).size
            size = len(both) * (int(above[bias, multiplier]) + (count - 1).bit_length()) + (count - 1) * (bias + multiplier)
            if count <= MOST_ENTRIES and (size, bias, multiplier) < (least, *best):
                best, least = (bias, multiplier), size
    return best


@dataclass(frozen=True, eq=False)
class _Kinds:
    """The different ends of numbers: which each number has, how many there are, and the bits above them."""

    names: Numbers
    count: int
    above: int


def _kinds(numbers: Numbers, end: int) -> _Kinds:
    """With ends of so many bits."""
    different, names = np.unique(numbers & ((1 << end) - 1), return_inverse=True)
    above = numbers >> end
    return _Kinds(names.reshape(-1), different.size, int(above.max() - above.min()).bit_length())


def written(bits: Bits) -> bytes:
    """The numbers one after the other, from the lowest bit on."""
    row, at = bytearray(), 0
    kept = 0
    for value, count in bits:
        kept |= value << at
        at += count
        while at >= 8:
            row.append(kept & 255)
            kept >>= 8
            at -= 8
    return bytes(row) + (bytes([kept]) if at else b"")


class Reader:
    """What the C reads, number by number; for tests and for unpacking on a host."""

    def __init__(self, code: bytes) -> None:
        self._number, self._at = int.from_bytes(code, "little"), 0
        entries, self._which, *self._both, self._byte_bits = [self.bits(FIELD) for _ in range(FIELDS)]
        self._least = self.bits(LEAST)
        ends = self._both[0], self._both[2]
        self._lowest = [self.bits(WORD - end) for end in ends]
        self._entries = [[self.bits(end) for end in ends] for _ in range(entries + 1)]
        self.begin = self._at
        """Bits before the channels."""

    def bits(self, count: int) -> int:
        """The next number of so many bits."""
        found = self._number >> self._at & ((1 << count) - 1)
        self._at += count
        return found

    def channel(self) -> tuple[int, int]:
        """The next bias and multiplier, without sign."""
        entry = self._entries[self.bits(self._which)]
        sizes = zip(self._lowest, self._both[::2], self._both[1::2], entry, strict=True)
        bias, multiplier = (((lowest + self.bits(bits) << end) + low) & 0xFFFFFFFF for lowest, end, bits, low in sizes)
        return bias, multiplier

    def byte(self) -> int:
        """The next byte between channels."""
        return (self._least + self.bits(self._byte_bits)) & 255


@dataclass(frozen=True, eq=False)
class Table:
    """Numbers (int32) in blocks: `channels` biases, `words` of bytes, and `channels` multipliers."""

    numbers: npt.NDArray[np.int32]
    channels: int
    words: int

    @property
    def blocks(self) -> int:
        """How many."""
        return self.numbers.size // (2 * self.channels + self.words)

    def parts(self) -> tuple[Numbers, Numbers, npt.NDArray[np.uint8]]:
        """Biases and multipliers (blocks, channels), and bytes (blocks, 4 * words)."""
        rows = self.numbers.reshape(self.blocks, -1)
        between = np.ascontiguousarray(rows[:, self.channels : self.channels + self.words]).view(np.uint8)
        biases, multipliers = rows[:, : self.channels], rows[:, self.channels + self.words :]
        return biases.astype(np.int64), multipliers.astype(np.int64), between


def encode_tables(tables: Sequence[Table]) -> bytes:
    """Tables in one code, as they are decoded one after the other."""
    parts = [table.parts() for table in tables]
    bias, multiplier, others = (np.concatenate([each[k].reshape(-1) for each in parts]) for k in range(3))
    frame = frame_of(bias.astype(np.int64), multiplier.astype(np.int64), others.astype(np.uint8))
    bits, place = frame.head(), 0
    for biases, _, between in parts:
        for row in between:
            for _ in range(biases.shape[1]):
                bits += frame.channel(place)
                place += 1
            bits += frame.bytes(row)
    return written(bits)


def own_bytes(code: bytes) -> int:
    """What the numbers' own bits take in a code, without its head and entries: the bound of this code for them."""
    return len(code) - -(-Reader(code).begin // 8)


def decode_table(code: bytes, channels: int, words: int, blocks: int) -> npt.NDArray[np.int32]:
    """The numbers of one table."""
    reader, rows = Reader(code), []
    for _ in range(blocks):
        pairs = [reader.channel() for _ in range(channels)]
        between = np.array([reader.byte() for _ in range(4 * words)], np.uint8).view(np.uint32).tolist()
        rows += [bias for bias, _ in pairs] + between + [multiplier for _, multiplier in pairs]
    return np.array(rows, np.uint32).view(np.int32)


@dataclass(frozen=True, eq=False)
class Group:
    """A group of a stream: its channels' biases and multipliers (4, 2), its marks, and its words where it is wide."""

    channels: Numbers
    marks: int
    words: tuple[int, ...] = ()


def encode_groups(groups: Sequence[Group], mark_bits: int = 3) -> bytes:
    """Groups of four channels: a bit that says whether marks follow that are not those before; then the channels, or the words of
    a wide one as they are. Before the first marks, and after such with the lowest bit, are zeros."""
    channels = [group.channels for group in groups if not group.words] or [np.zeros((0, 2), np.int64)]
    both = np.concatenate(channels)
    frame = frame_of(both[:, 0], both[:, 1], np.zeros(0, np.uint8))
    bits, place, marks = frame.head(), 0, 0
    for group in groups:
        bits += [(0, 1)] if group.marks == marks else [(1, 1), (group.marks, mark_bits)]
        marks = 0 if group.marks & 1 else group.marks
        bits += [(word & 0xFFFFFFFF, 32) for word in group.words]
        for _ in () if group.words else range(4):
            bits += frame.channel(place)
            place += 1
    return written(bits)
