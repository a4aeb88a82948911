"""Frame: the biases and multipliers of channels, each pair in as many bits as they differ by (frame of reference).

A channel is one of a few entries, which hold a bias and a multiplier; what its own are more than that follows, without the zeros
that all of these differences end in. Channels of one multiplier, or of some that differ by powers of two, are told apart by the
entry alone; multipliers of any kind lose the bits that they have in common.

Layout: eight bytes: the number of entries, the bits that say which; zeros and bits of differences of biases, and of multipliers;
the least of the bytes between channels, and their bits. Then the entries, four bytes each number, and the numbers of channels,
groups and bytes, from the lowest bit on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

NAME, TITLE = "frame", "in the bits that they differ by"
HEAD, ENTRY = 8, 8
MOST_ENTRIES = 255
PER_CHANNEL = {True: 130.0, False: 190.0}
"""Instructions, by whether the core has Thumb-2: estimated; benchmarks/coding/run.py counts what decoding takes in all."""

_KINDS: tuple[Callable[[Numbers, Numbers], Numbers], ...] = (
    lambda bias, multiplier: np.zeros_like(bias),
    lambda bias, multiplier: multiplier,
    lambda bias, multiplier: bias & 255,
    lambda bias, multiplier: multiplier << 8 | bias & 255,
)
"""What channels of one entry may have in common; the low byte of a bias is a shift in some forms."""

Bits = list[tuple[int, int]]
"""Numbers and how many bits each takes."""


@dataclass(frozen=True, eq=False)
class Frame:
    """How channels are told apart.

    `entries` are biases and multipliers (entries, 2), `which` each channel's entry, `differences` what its own numbers are more
    (channels, 2), with their common zeros and their bits; `least` and `byte_bits` are of the bytes between channels.
    """

    entries: Numbers
    which: Numbers
    differences: Numbers
    zeros: tuple[int, int]
    bits: tuple[int, int]
    least: int
    byte_bits: int

    @property
    def which_bits(self) -> int:
        """Bits that say which entry."""
        return max(len(self.entries) - 1, 0).bit_length()

    @property
    def channel_bits(self) -> int:
        """Bits a channel."""
        return self.which_bits + sum(self.bits)

    @property
    def size(self) -> float:
        """Bytes of the head, the entries and the channels."""
        return HEAD + ENTRY * len(self.entries) + self.which.size * self.channel_bits / 8

    def head(self) -> Bits:
        """Head and entries."""
        head = (
            len(self.entries),
            self.which_bits,
            self.zeros[0],
            self.bits[0],
            self.zeros[1],
            self.bits[1],
            self.least,
            self.byte_bits,
        )
        return [*((number, 8) for number in head), *((number & 0xFFFFFFFF, 32) for number in self.entries.reshape(-1).tolist())]

    def channel(self, place: int) -> Bits:
        """One channel."""
        bias, multiplier = (int(self.differences[place, k]) >> self.zeros[k] for k in range(2))
        return [(int(self.which[place]), self.which_bits), (bias, self.bits[0]), (multiplier, self.bits[1])]

    def bytes(self, values: npt.NDArray[np.uint8]) -> Bits:
        """Bytes that lie between channels."""
        return [((value - self.least) & 255, self.byte_bits) for value in values.tolist()]


def frame_of(bias: Numbers, multiplier: Numbers, others: npt.NDArray[np.uint8]) -> Frame:
    """The frame of these channels that takes the fewest bytes, and of the bytes that lie between them."""
    signed = others.view(np.int8).astype(np.int64)
    least = int(signed.min()) if signed.size else 0
    byte_bits = int(signed.max() - least).bit_length() if signed.size else 0
    found = []
    for kind in _KINDS:
        distinct, which = np.unique(kind(bias, multiplier), return_inverse=True)
        if distinct.size <= MOST_ENTRIES:
            found.append(_framed(np.stack([bias, multiplier], axis=1), which.reshape(-1), distinct.size, least & 255, byte_bits))
    return min(found, key=lambda frame: frame.size)


def _framed(channels: Numbers, which: Numbers, entries: int, least: int, byte_bits: int) -> Frame:
    """The frame of channels (n, 2) that are known to be of these entries."""
    lowest = np.full((entries, 2), 1 << 31, np.int64)
    np.minimum.at(lowest, which, channels)
    differences = channels - lowest[which]
    widest = [int(value) for value in np.bitwise_or.reduce(differences, axis=0)] if len(channels) else [0, 0]
    zeros = [(value & -value).bit_length() - 1 if value else 0 for value in widest]
    bits = [value.bit_length() - zero for value, zero in zip(widest, zeros, strict=True)]
    return Frame(lowest, which, differences, (zeros[0], zeros[1]), (bits[0], bits[1]), least, byte_bits)


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
        self._head = [self.bits(8) for _ in range(HEAD)]
        self._entries = [(self.bits(32), self.bits(32)) for _ in range(self._head[0])]

    def bits(self, count: int) -> int:
        """The next number of so many bits."""
        found = self._number >> self._at & ((1 << count) - 1)
        self._at += count
        return found

    def channel(self) -> tuple[int, int]:
        """The next bias and multiplier, without sign."""
        _, which, *both, _, _ = self._head
        bias, multiplier = self._entries[self.bits(which)]
        bias += self.bits(both[1]) << both[0]
        multiplier += self.bits(both[3]) << both[2]
        return bias & 0xFFFFFFFF, multiplier & 0xFFFFFFFF

    def byte(self) -> int:
        """The next byte between channels."""
        return (self._head[6] + self.bits(self._head[7])) & 255


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
    return len(code) - HEAD - ENTRY * code[0]


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
    """Groups of four channels: marks, then the channels, or the words of a wide one as they are."""
    channels = [group.channels for group in groups if not group.words] or [np.zeros((0, 2), np.int64)]
    both = np.concatenate(channels)
    frame = frame_of(both[:, 0], both[:, 1], np.zeros(0, np.uint8))
    bits, place = frame.head(), 0
    for group in groups:
        bits.append((group.marks, mark_bits))
        bits += [(word & 0xFFFFFFFF, 32) for word in group.words]
        for _ in () if group.words else range(4):
            bits += frame.channel(place)
            place += 1
    return written(bits)
