"""How one channel's accumulators become outputs: a staircase, over the accumulators that can occur and no others."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.quantize import multiply_by_quantized_multiplier

WORD = 1 << 31
_ENDS = 32  # steps at each end that are compared
_ROUNDED = 1e-9  # more than what is lost of a slope in floats
LONG = 23  # right shifts beyond it leave 64 bits; few steps can then be reached


class Channel(NamedTuple):
    """One channel's constants as TFLite has them, and the smallest and largest accumulator that can occur.

    `bias` has the input's zero point folded in; accumulators include it.
    """

    bias: int
    multiplier: int
    shift: int
    out_zero: int
    out_min: int
    out_max: int
    least: int
    most: int
    grid: int = 1
    """Accumulators that occur differ by multiples of this: what divides all weights."""

    @property
    def wraps(self) -> bool:
        """Whether the reference's 32-bit numbers may overflow, so that larger accumulators need not give larger outputs."""
        left = max(self.shift, 0)
        return self.least << left < -WORD or self.most << left >= WORD

    def output(self, accumulator: int) -> int:
        """TFLite's MultiplyByQuantizedMultiplier, zero point and clamp."""
        high = multiply_by_quantized_multiplier(accumulator, self.multiplier, self.shift)
        return min(max(self.out_zero + high, self.out_min), self.out_max)

    def occurring(self, accumulators: Data) -> Data:
        """The smallest accumulators that can occur from these on."""
        return np.asarray(accumulators + (self.bias - accumulators) % self.grid)

    @property
    def clamps(self) -> bool:
        """Whether the clamp does more than saturate to int8."""
        lowest, highest = self.output(self.least), self.output(self.most)
        return lowest == self.out_min > -128 or highest == self.out_max < 127

    @property
    def constant(self) -> bool:
        """Whether the output is the same for every input."""
        return not self.wraps and self.output(self.least) == self.output(self.most)


@lru_cache(maxsize=1 << 16)
def steps(channel: Channel) -> tuple[int, Data]:
    """The lowest output that occurs, and the smallest accumulators that give the next ones, up to the highest (int64).

    For channels that do not wrap. TFLite doubles, multiplies and rounds halves up to bit 31, then shifts right and rounds halves
    away from zero.
    """
    lowest, highest = channel.output(channel.least), channel.output(channel.most)
    rises = range(lowest + 1 - channel.out_zero, highest + 1 - channel.out_zero)
    right, multiplier = max(-channel.shift, 0), channel.multiplier << max(channel.shift, 0)
    high = reached(np.array(rises, dtype=np.int64 if right <= LONG else object), right)
    return lowest, (-(((1 << 30) - high * WORD) // multiplier)).astype(np.int64) if len(rises) else np.zeros(0, np.int64)


def slopes(outputs: Data, accumulators: Data, grid: int) -> tuple[float, float]:
    """No staircase has its steps at these accumulators, or up to `grid` before them, whose slope is not between two numbers.

    That is what two steps far apart say of each other: there is a slope for all of them only where there is one for any two.

    Args:
        outputs: What the steps reach (steps,), rising.
        accumulators: The first that reaches each (steps,).
    """
    rise, run = (np.subtract.outer(each[-_ENDS:], each[:_ENDS]) for each in (outputs, accumulators))
    rise, run = rise[rise > 0], run[rise > 0]
    far = run > grid
    least, most = (rise / (run + grid)).max(initial=0.0), (rise[far] / (run[far] - grid)).min(initial=np.inf)
    return float(least) * (1 - _ROUNDED), float(most) * (1 + _ROUNDED)


def reached(risen: Data, right: int) -> Data:
    """What the doubling multiplication must reach, before the shift right, for outputs of so many steps above the zero point."""
    return risen * (1 << right) - ((1 << right) >> 1) + (risen <= 0) * (right > 0)
