"""Patches: an image as copies from a base, small differences to it, copies of what came before, and literals.

c/ota_patch.c decodes them. Each block of the image begins with empty statistics, so that a device that was cut off goes on in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgepack.pack.deliveries.image import matches
from edgepack.pack.deliveries.image.range_coder import Encoder, chances

BLOCK = 1 << 16
"""Bytes of the image in a block."""
LITERAL, EARLIER, COPY, DIFFER = range(4)
_COPY, _EARLIER, _MOVE = 6, 5, 10  # bytes from which a copy, a copy of earlier bytes, another place in the base is worth it
_WINDOW, _NEAR, _MOST = (
    16,
    6,
    16,
)  # bytes; their mean distance, up to which they are written as differences; the most that one counts


@dataclass(frozen=True)
class Operation:
    """`count` bytes; `place` is the base's first byte of a copy or of differences, or the distance to earlier bytes."""

    kind: int
    count: int
    place: int = 0


@dataclass
class _Models:
    operation: list[list[int]] = field(default_factory=lambda: [chances(4) for _ in range(4)])
    length: list[list[int]] = field(default_factory=lambda: [chances(32) for _ in range(4)])
    distance: list[int] = field(default_factory=lambda: chances(32))
    seek: list[int] = field(default_factory=lambda: chances(4))
    far: list[int] = field(default_factory=lambda: chances(32))
    literal: list[int] = field(default_factory=lambda: chances(256))
    same: list[int] = field(default_factory=lambda: chances(4))
    difference: list[int] = field(default_factory=lambda: chances(256))


class _Parser:
    """Chooses the operations, greedily."""

    def __init__(self, image: bytes, base: bytes) -> None:
        self._image, self._base = image, base
        self._there = matches.in_base(image, base)
        self._before = matches.earlier(image)
        self._block, self._near_at, self._near = (0, 0), -1 << 40, np.zeros(0, np.bool_)

    def operations(self, start: int, end: int) -> Iterator[Operation]:
        """Those of one block."""
        position, shift = start, 0
        self._block, self._near_at = (start, end), -1 << 40
        pending: Operation | None = None
        while position < end:
            found = self._longest(position, end, shift)
            if found.kind == COPY:
                shift = found.place - position
            if (
                pending is not None
                and pending.kind == found.kind in (LITERAL, DIFFER)
                and self._goes_on(pending, position, shift)
            ):
                pending = Operation(pending.kind, pending.count + found.count, pending.place)
            else:
                if pending is not None:
                    yield pending
                pending = found
            position += found.count
        if pending is not None:
            yield pending

    def _goes_on(self, pending: Operation, position: int, shift: int) -> bool:
        return pending.kind == LITERAL or pending.place + pending.count == position + shift

    def _longest(self, position: int, end: int, shift: int) -> Operation:
        image, base, most = self._image, self._base, end - position
        place = position + shift
        near = self._is_near(position, shift)
        here = matches.common(image, position, base, place, most) if 0 <= place < len(base) else 0
        if here >= (_MOVE * 2 if near else _COPY):
            return Operation(COPY, here, place)
        there = int(self._there[position])
        if there >= 0:
            moved = matches.common(image, position, base, there, most)
            if moved >= _MOVE + here + (_MOVE if near else 0):
                return Operation(COPY, moved, there)
        before = int(self._before[position])
        if before >= 0:
            again = matches.common(image, position, image, before, most)
            if again >= _EARLIER + (_MOVE if near else 0):
                return Operation(EARLIER, again, position - before)
        if near:
            return Operation(DIFFER, 1, place)
        return Operation(COPY, here, place) if here >= 4 else Operation(LITERAL, 1)

    def _is_near(self, position: int, shift: int) -> bool:
        """Whether the bytes from here on are like the base's, at the same place but for `shift`."""
        if self._near_at != shift:
            self._near_at, self._near = shift, _near(self._image, self._base, shift, *self._block)
        return bool(self._near[position - self._block[0]])


def _near(image: bytes, base: bytes, shift: int, start: int, end: int) -> NDArray[np.bool_]:
    first, last = max(start, -shift), min(end, len(base) - shift)
    near = np.zeros(end - start, np.bool_)
    if last - first >= _WINDOW:
        new = np.frombuffer(image, np.int8)[first:last].astype(np.int64)
        old = np.frombuffer(base, np.int8)[first + shift : last + shift].astype(np.int64)
        apart = np.minimum(np.abs((new - old + 128) % 256 - 128), _MOST)
        sums = np.concatenate([[0], np.cumsum(apart)])
        starts = np.arange(last - first)
        ends = np.minimum(starts + _WINDOW, last - first)
        near[first - start : last - start] = sums[ends] - sums[starts] <= _NEAR * (ends - starts)
    return near


def encode_patch(image: bytes, base: bytes = b"") -> bytes:
    """The patch that makes `image` of `base`; without a base `image` compressed."""
    parser, blocks = _Parser(image, base), []
    for start in range(0, len(image), BLOCK):
        end = min(start + BLOCK, len(image))
        block = _encode_block(image, base, start, parser.operations(start, end))
        blocks += [len(block).to_bytes(4, "little"), block]
    return b"".join(blocks)


def _encode_block(image: bytes, base: bytes, position: int, operations: Iterator[Operation]) -> bytes:
    coder, models, before, shift = Encoder(), _Models(), LITERAL, 0
    for operation in operations:
        kind, count = operation.kind, operation.count
        coder.tree(models.operation[before], kind, 2)
        if kind in (COPY, DIFFER):
            change = operation.place - position - shift
            coder.bit(models.seek, kind, int(change != 0))
            if change:
                coder.plain_bits(int(change < 0), 1)
                coder.number(models.far, abs(change))
            shift += change
        elif kind == EARLIER:
            coder.number(models.distance, operation.place)
        coder.number(models.length[kind], count)
        if kind == LITERAL:
            for byte in image[position : position + count]:
                coder.tree(models.literal, byte, 8)
        elif kind == DIFFER:
            _encode_differences(coder, models, image[position : position + count], base[operation.place :][:count])
        position, before = position + count, kind
    return coder.finish()


def _encode_differences(coder: Encoder, models: _Models, new: bytes, old: bytes) -> None:
    history = 0
    for one, other in zip(new, old, strict=True):
        change = (one - other) & 0xFF
        coder.bit(models.same, history, int(change != 0))
        history = (history << 1 | int(change != 0)) & 3
        if change:
            coder.tree(models.difference, change, 8)
