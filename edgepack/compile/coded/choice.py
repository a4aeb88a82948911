"""Which code each array takes: bytes against instructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgepack.coding import Code, entropy_bytes
from edgepack.compile.call import Array
from edgepack.compile.coded.contents import BYTES, Content, Key, content_of
from edgepack.compile.lowered import CodedArray

EACH = 100  # bytes of structs and calls that a coded array adds


@dataclass(frozen=True, eq=False)
class Coded:
    """An array and the code chosen for it: its bytes in flash, with all that comes with it, and the instructions to decode it."""

    content: Content
    code: Code
    bytes: int
    cost: float

    @property
    def summary(self) -> CodedArray:
        """What others say of it."""
        array, values = self.content.array, self.content.values
        return CodedArray(
            array.comment, values.size, int(array.data.nbytes), self.bytes, entropy_bytes(values), self.code.name, self.cost
        )

    @property
    def saved(self) -> int:
        """Bytes of flash."""
        return int(self.content.array.data.nbytes) - self.bytes


def options_of(array: Array, codes: Sequence[Code], thumb2: bool, worth: float) -> list[Coded]:
    """The codes that make an array smaller, fewest bytes first, each of the others faster than those before."""
    content = content_of(array)
    if content is None or array.data.nbytes < 2 * EACH:
        return []
    between = 0 if content.constants is None else content.constants.nbytes
    found, most = [], (1 - worth) * array.data.nbytes - between - EACH
    for code in codes:
        size = code.size(content.values) if code.least(content.values) < most else None
        if size is not None and size < most:
            cost = code.cost(content.values, thumb2) + (1.5 * content.values.size if content.form != BYTES else 0.0)
            found.append(Coded(content, code, size + between + EACH, cost))
    found.sort(key=lambda one: one.bytes)
    return [one for place, one in enumerate(found) if all(one.cost < before.cost for before in found[:place])]


def within(options: Mapping[Key, list[Coded]], most: float) -> dict[Key, Coded]:
    """Of each array the code to take, so that all together take no more than `most` instructions."""
    places = dict.fromkeys(options, 0)

    def now(key: Key) -> tuple[float, float]:
        """Bytes and instructions of an array as it stands."""
        one = options[key][places[key]] if places[key] < len(options[key]) else None
        return (one.bytes, one.cost) if one else (float(options[key][0].content.array.data.nbytes), 0.0)

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
