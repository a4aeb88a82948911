"""Which code each array takes: bytes against instructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.coding import Code, entropy_bytes
from edgepack.coding.frame import NAME, PER_CHANNEL, encode_tables
from edgepack.coding.gaps import Gaps
from edgepack.compile.call import Array
from edgepack.compile.coded import sizes
from edgepack.compile.coded.contents import BYTES, SPARSE, STREAM, Content, Key, content_of
from edgepack.compile.coded.streams import encode_between
from edgepack.compile.lowered import CodedArray

UNPACK_SPARSE = "ep_unpack_sparse"
SMALLEST = 130  # bytes of an array that is looked at


@dataclass(frozen=True, eq=False)
class Coded:
    """An array and the code chosen for it: its bytes as it is, and in flash with all that comes with it, and the instructions to
    decode it.

    `code` is None for biases and multipliers alone; `framed`: the numbers between weights are coded too.
    """

    content: Content
    code: Code | None
    plain: int
    bytes: int
    cost: float
    framed: bool = False

    @property
    def decoders(self) -> frozenset[str]:
        """The functions that bring it back."""
        if self.code is None:
            return frozenset({"ep_channels"})
        stream = "ep_unpack_framed" if self.framed else "ep_unpack_stream"
        unpack = {STREAM: stream, SPARSE: sparse_unpacker(self.code)}.get(self.content.form, "ep_unpack")
        return frozenset({self.code.kernel, unpack})

    @property
    def table(self) -> int:
        """Bytes of memory that the decoder needs."""
        return self.code.table if self.code else 0

    @property
    def summary(self) -> CodedArray:
        """What others say of it."""
        array, values = self.content.array, self.content.values
        name, count = (self.code.name, values.size) if self.code else (NAME, array.data.size)
        bound = entropy_bytes(values) if self.code else float(self.bytes - sizes.EACH_TABLE)
        return CodedArray(array.comment, count, self.plain, self.bytes, bound, name, self.cost, self.framed)

    @property
    def saved(self) -> int:
        """Bytes of flash."""
        return self.plain - self.bytes


def sparse_unpacker(code: Code) -> str:
    """The function that brings filters back as distances and weights: one that knows the zeros between, or looks for them."""
    return "ep_unpack_gaps" if code.name == Gaps.name else UNPACK_SPARSE


def options_of(
    array: Array, codes: Sequence[Code], thumb2: bool, worth: float, frame: bool = False, plain: int = 0
) -> list[Coded]:
    """The codes that make an array smaller, fewest bytes first.

    `frame`: biases and multipliers may be coded too. `plain` are the bytes that the array takes as it is, where several layers
    share a part of it.
    """
    content = content_of(array)
    plain = plain or int(array.data.nbytes)
    if content is None or array.data.nbytes < SMALLEST:
        return []
    found, most = [], (1 - worth) * plain
    if content.table is not None and frame:
        cost = content.table.blocks * (content.table.channels + content.table.words) * PER_CHANNEL[thumb2]
        found.append(Coded(content, None, plain, len(encode_tables([content.table])) + sizes.EACH_TABLE, cost))
    for framed in _framings(content, frame):
        between = _between(content, framed) + sizes.EACH
        in_frame = content.channels * PER_CHANNEL[thumb2] if framed else 0.0
        for code in codes if content.table is None else ():
            size = code.size(content.values) if code.least(content.values) < most - between else None
            if size is not None:
                cost = code.cost(content.values, thumb2) + _unpacking(content, code)
                found.append(Coded(content, code, plain, size + between, cost + in_frame, framed))
    return sorted((one for one in found if one.bytes < most), key=lambda one: one.bytes)


def _framings(content: Content, frame: bool) -> tuple[bool, ...]:
    """Whether the numbers between weights may be as they are, and coded."""
    if content.form == SPARSE:
        return (True,) if frame else ()
    return (False, True) if content.constants is not None and frame else (False,)


def _unpacking(content: Content, code: Code) -> float:
    """Instructions that bring decoded values where a kernel reads them, measured on the Cortex-M4."""
    if content.form == SPARSE and code.name == Gaps.name:
        return 20.0 * float(np.count_nonzero(content.values))
    if content.form == SPARSE:
        return 3.0 * content.values.size + 34.0 * float(np.count_nonzero(content.values))
    return 0.0 if content.form == BYTES else 1.5 * content.values.size


def _between(content: Content, frame: bool) -> int:
    """Bytes of the numbers between weights, as they are or coded."""
    if content.constants is None:
        return 0
    return len(encode_between(content.form, content.constants)) if frame else int(content.constants.nbytes)


def best_codes(
    options: Mapping[Key, Sequence[Coded]],
    readers: Mapping[Key, frozenset[str]],
    grows: Mapping[str, int],
    most: float,
    rate: float = 0.0,
) -> dict[Key, Coded]:
    """Of each array the code to take, so that the program becomes as small as can be in no more than `most` instructions.

    Decoders are left out that save less than they take, one after the other, and so are kernels that would grow by more.

    Args:
        options: The codes of each array.
        readers: The kernels that read it.
        grows: What kernels grow by, where they do.
        rate: Bytes that may be lost for each instruction saved.
    """
    left = frozenset(grows).union(*(one.decoders for found in options.values() for one in found))

    def taken(parts: frozenset[str]) -> dict[Key, Coded]:
        """With these decoders and growing kernels."""
        allowed = {key: found for key, found in options.items() if readers[key] & frozenset(grows) <= parts}
        return within(
            {key: _faster([one for one in found if one.decoders <= parts], rate) for key, found in allowed.items()}, most
        )

    def used(found: Mapping[Key, Coded]) -> frozenset[str]:
        """What of `left` these need."""
        return frozenset().union(*(one.decoders | readers[key] & frozenset(grows) for key, one in found.items()))

    def gained(found: Mapping[Key, Coded]) -> float:
        """Bytes by which the program becomes smaller, less what the instructions are worth."""
        added = sizes.code_bytes(used(found)) + sum(grows[kernel] for kernel in used(found) & frozenset(grows))
        return sum(one.saved - rate * one.cost for one in found.values()) - added

    best = taken(left)
    while True:
        others = {part: taken(left - {part}) for part in sorted(used(best))}
        without = max(others, key=lambda part: gained(others[part]), default="")
        if not without or gained(others[without]) <= gained(best):
            return best
        left, best = left - {without}, others[without]


def _faster(found: Sequence[Coded], rate: float) -> list[Coded]:
    """Codes, fewest bytes first, without those that others are both smaller and faster than, or faster and hardly larger."""
    kept = [one for place, one in enumerate(found) if all(one.cost < before.cost for before in found[:place])]
    best = min(kept, key=lambda one: one.bytes + rate * one.cost, default=None)
    return kept[kept.index(best) :] if best else []


def within(options: Mapping[Key, list[Coded]], most: float) -> dict[Key, Coded]:
    """Of each array the code to take, so that all together take no more than `most` instructions."""
    options = {key: found for key, found in options.items() if found}
    places = dict.fromkeys(options, 0)

    def now(key: Key) -> tuple[float, float]:
        """Bytes and instructions of an array as it stands."""
        one = options[key][places[key]] if places[key] < len(options[key]) else None
        return (one.bytes, one.cost) if one else (float(options[key][0].plain), 0.0)

    while sum(now(key)[1] for key in places) > most:  # summed anew: differences of floats leave a rest above zero
        best, best_price = next(iter(places)), float("inf")
        for key, place in places.items():
            if place < len(options[key]):
                before = now(key)
                places[key] += 1
                after = now(key)
                places[key] -= 1
                price = (after[0] - before[0]) / max(before[1] - after[1], 1e-9)
                if price < best_price:
                    best, best_price = key, price
        places[best] += 1
    return {key: options[key][place] for key, place in places.items() if place < len(options[key])}
