"""How sums become outputs: the constants of a layer's channels, and the struct members that kernels take them as."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from edgepack.compile.call import Array, Field
from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.staircase import Channel
from edgepack.compile.quantize import SHORT_SHIFTS

CONSTANT = (1 << 30, -7)
"""Multiplier and shift of a channel that no input changes: 2^-8, which every kernel can take."""


@dataclass(frozen=True, eq=False)
class Requantization:
    """How accumulators become outputs: constants per output channel, the clamp, and what is provable about them.

    `bias` has the input's zero point folded in (bias - zero_point * sum of weights). `least` and `most` bound each channel's
    accumulators over every possible input, padding included. `constant` are the channels whose output no input changes: their
    constants give it for filters of zeros, which whoever holds the weights puts in their place (`without`).
    """

    bias: Data
    multiplier: Data
    shift: Data
    out_zero: int
    out_min: int
    out_max: int
    least: Data
    most: Data
    constant: Data
    wide: bool = False
    """Whether the reference accumulates in 64 bits: int16 activations, unless the bias has 32."""
    whole: Requantization | None = None
    """What this is a part of, """
    start: int = 0
    """from this channel on."""
    grid: Data = field(default_factory=lambda: np.ones(1, np.int64))
    """What divides all weights of a channel: its accumulators lie so far apart."""

    @property
    def largest(self) -> int:
        """The absolute value of no accumulator is larger."""
        return int(max(-self.least.min(), self.most.max()))

    def channels(self) -> tuple[Channel, ...]:
        """The constants of each channel, for int8."""
        return _channels(self)

    def part(self, first: int, end: int) -> Requantization:
        """Those of the channels first … end - 1; one multiplier for all of them stays one."""
        count = self.bias.size
        arrays = ("bias", "multiplier", "shift", "least", "most", "constant", "grid")
        kept: dict[str, Any] = {name: getattr(self, name) for name in arrays}
        cut = {name: each[first:end] if each.size == count else each for name, each in kept.items()}
        return replace(self, **cut, whole=self.whole or self, start=self.start + first)

    def without(self, weights: Data, axis: int = 0) -> Data:
        """The weights with zeros for the constant channels."""
        if not self.constant.any():
            return weights
        kept = ~self.constant.reshape([-1 if each == axis % weights.ndim else 1 for each in range(weights.ndim)])
        return np.multiply(weights, kept, dtype=weights.dtype)

    @property
    def short(self) -> bool:
        """Whether the short exact requantisation applies: |accumulator| < 2^30, shifted to the left if it is."""
        left = np.maximum(self.shift, 0).astype(np.int64)
        return bool((np.maximum(-self.least, self.most) << left).max() < 1 << 30)


@lru_cache(maxsize=64)
def _channels(requant: Requantization) -> tuple[Channel, ...]:
    numbers = np.broadcast_arrays(requant.bias, requant.multiplier, requant.shift, requant.least, requant.most, requant.grid)
    rows = zip(*(each.tolist() for each in numbers), strict=True)
    return tuple(
        Channel(bias, multiplier, shift, requant.out_zero, requant.out_min, requant.out_max, least, most, grid)
        for bias, multiplier, shift, least, most, grid in rows
    )


def settled(requant: Requantization) -> Requantization:
    """The same outputs, with constants for the constant channels that every kernel can take, whatever theirs are.

    Converters give a filter of zeros a bias of up to +-2^30, and whatever scale goes with it.
    """
    channels = requant.channels()
    constant = np.array([channel.constant for channel in channels], bool)
    if not constant.any():
        return requant
    outputs = np.array([channel.output(channel.least) for channel in channels], np.int64)
    multiplier, shift = requant.multiplier, requant.shift
    if multiplier.size == constant.size or constant.all():
        multiplier, shift = (
            np.where(constant, chosen, given).astype(given.dtype)
            for chosen, given in zip(CONSTANT, (multiplier, shift), strict=True)
        )
        constants = (outputs - requant.out_zero) << 8
    else:  # one multiplier for all of them stays as it is
        constants = np.array([_nearest(channel) if channel.constant else 0 for channel in channels], np.int64)
    bias, least, most = (np.where(constant, constants, given) for given in (requant.bias, requant.least, requant.most))
    return replace(requant, bias=bias, multiplier=multiplier, shift=shift, least=least, most=most, constant=constant)


def _nearest(channel: Channel) -> int:
    """The accumulator nearest to zero that gives a constant channel's output."""
    output, sign = channel.output(channel.least), 1 if channel.least >= 0 else -1
    return sign * bisect_left(range(abs(channel.least)), True, key=lambda size: channel.output(sign * size) == output)


def bias32(requantization: Requantization) -> Data:
    """The folded bias as the 32-bit accumulator sees it (modulo 2^32)."""
    return requantization.bias.astype(np.int64).astype(np.uint32).view(np.int32)


def requantization_fields(requant: Requantization) -> dict[str, Field]:
    """Struct members for the general requantisation: `shift` is TFLite's, positive to the left."""
    return {
        "out_zero": requant.out_zero,
        "out_min": requant.out_min,
        "out_max": requant.out_max,
        "bias": Array(bias32(requant), "bias"),
        "multiplier": Array(requant.multiplier, "multiplier"),
        "shift": Array(requant.shift, "shift"),
    }


def short_fields(requant: Requantization) -> dict[str, Field]:
    """Struct members for the short requantisation: `right` is a right shift, `any` has a bit for each four channels
    (modulo 32) of which one is not short."""
    fields = requantization_fields(requant)
    del fields["shift"]
    shifts = np.broadcast_to(requant.shift, requant.bias.size).tolist()
    unusual = {place // 4 % 32 for place, shift in enumerate(shifts) if -shift not in SHORT_SHIFTS}
    blocks = np.uint32(sum(1 << block for block in unusual)).view(np.int32)
    return {**fields, "right": Array(-requant.shift, "right shift"), "any": int(blocks)}
