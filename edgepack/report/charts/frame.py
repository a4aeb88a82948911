"""A drawing's frame, its scales and the ticks on its axes."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """The drawing's size and the margins around the plotting area."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float

    @property
    def x_end(self) -> float:
        """The plotting area's right edge."""
        return self.width - self.right

    @property
    def y_end(self) -> float:
        """The plotting area's lower edge."""
        return self.height - self.bottom


@dataclass(frozen=True)
class Scale:
    """A linear map of [low, high] to [start, end]."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The position of `value`, rounded to a tenth, kept inside the range."""
        part = (value - self.low) / (self.high - self.low)
        return round(self.start + min(1.0, max(0.0, part)) * (self.end - self.start), 1)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    position: float
    text: str


def nice_range(
    low: float, high: float, count: int, smallest_span: float = 0.0, base: float = 10
) -> tuple[float, float, tuple[float, ...]]:
    """Round bounds around [low, high] and the ticks in between, about `count` of them, at steps of 1, 2 or 5.

    With base 1024 steps are powers of two, for sizes in bytes.
    """
    if high - low < smallest_span:
        middle = (low + high) / 2
        low, high = (0.0, smallest_span) if low == 0 else (middle - smallest_span / 2, middle + smallest_span / 2)
    rough = max((high - low) / count, 1e-12)
    if base == 1024:
        step = 2.0 ** math.ceil(math.log2(rough) - 1e-9)
    else:
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return first * step, last * step, tuple(index * step for index in range(first, last + 1))
