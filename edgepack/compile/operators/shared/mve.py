"""What the kernels for the vector extension share: the struct members of kernels/shared/ep_mve.h and ep_strip_mve.h."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from edgepack.compile.call import Array, Field
from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.convolution import Padding
from edgepack.compile.operators.shared.one_sided import fit, fits
from edgepack.compile.operators.shared.requantize import Requantization, bias32
from edgepack.compile.operators.shared.scaled import exact_fit
from edgepack.compile.operators.shared.staircase import Channel

LANES = 16
SCALES = (8, 6, 4)  # bits by which sums are scaled for the one-sided requantisations, finest biases first
SHIFTED_SCALES = (
    8,
    9,
    10,
    11,
    12,
    7,
    6,
    5,
    4,
)  # where channels have shifts of their own: the steepest channel may need a large one
EXACT_SCALES = (8, 9, 10, 7, 6, 5, 4, 11, 12)  # the same for the exact requantisation with a scale
SHIFTED, ONE_SIDED, SCALED, EXACT, CLAMPED, GENERAL = range(6)  # EP_MVE_ONE_SIDED and so on
NARROWED = 2  # EP_MVE_NARROWED
SHIFTS = (8, 7, 6, 5, 4, 3, 2, 1, 0)  # right shifts after it; the first is that of most channels
STRIP = 4096  # bytes; a longer strip would cost more memory than it saves time


def exact(requantization: Requantization, in_registers: bool = False) -> bool:
    """Whether the vectors can requantise these sums; not in the general form where they are `in_registers`: it reads memory."""
    found = _constants(requantization)
    return found is not None and not (in_registers and found[0] == GENERAL)


def _lanes(values: Data) -> Data:
    """One number a channel as [block of 16 channels][4][4], vector r holding channels r, r + 4, r + 8 and r + 12."""
    padded = np.pad(values.astype(np.int32), (0, -values.size % LANES), "edge")
    return padded.reshape(-1, 4, 4).transpose(0, 2, 1)


def _lane_bytes(values: Data) -> Data:
    """One int8 a channel as [block of 16 channels][1][4] words, in the order of `_lanes`."""
    return _words(_lanes(values))


def _half_bytes(values: Data) -> Data:
    """One int8 a channel as [block of 16 channels][1][4] words: eight even channels, then eight odd ones, as vectors narrow."""
    return _words(np.pad(values, (0, -values.size % LANES)).reshape(-1, 8, 2).transpose(0, 2, 1))


def _words(blocks: Data) -> Data:
    """Bytes [block][...], sixteen in each, as [block][1][4] words."""
    return np.ascontiguousarray(blocks.reshape(-1, 1, LANES).astype(np.int8)).view("<i4")


def _all(found: Iterable[tuple[int, ...] | None]) -> Data | None:
    """The constants of all channels, one row each kind; None if a channel has none."""
    rows = []
    for each in found:
        if each is None:
            return None
        rows.append(each)
    return np.array(rows, np.int64).T


def _one_sided(requantization: Requantization) -> tuple[int, int, list[Data]] | None:
    for bits in SCALES:
        found = _all(fits(requantization, bits))
        if found is not None:
            return ONE_SIDED, 1 << bits, [_lanes(part) for part in found]
    return None


def _shifted(requantization: Requantization) -> tuple[int, int, list[Data]] | None:
    def channel_fit(channel: Channel, bits: int) -> tuple[int, ...] | None:
        found = ((shift, fit(channel, bits, NARROWED + shift)) for shift in SHIFTS)
        return next(((*constants, -shift) for shift, constants in found if constants is not None), None)

    for bits in SHIFTED_SCALES:
        found = _all(channel_fit(channel, bits) for channel in requantization.channels())
        if found is not None:
            return SHIFTED, 1 << bits, [_lanes(found[0]), _half_bytes(found[2]), _lanes(found[1])]
    return None


def _scaled(requantization: Requantization) -> tuple[int, int, list[Data]] | None:
    for bits in EXACT_SCALES:
        found = _all(exact_fit(channel, bits) for channel in requantization.channels())
        if found is not None:
            return SCALED, 1 << bits, [_lanes(found[0]), _lane_bytes(found[2]), _half_bytes(found[3]), _lanes(found[1])]
    return None


def _exact(requantization: Requantization) -> tuple[int, int, list[Data]] | None:
    if requantization.largest >= 1 << 31 or any(not -31 <= int(shift) <= -1 for shift in requantization.shift):
        return None
    bias, multiplier = _lanes(bias32(requantization)), _lanes(requantization.multiplier)
    clamps = (requantization.out_min, requantization.out_max) != (-128, 127)
    return CLAMPED if clamps else EXACT, 1, [bias, _lane_bytes(requantization.shift), multiplier]


def _general(requantization: Requantization) -> tuple[int, int, list[Data]] | None:
    shift = requantization.shift
    if requantization.largest >= 1 << 31 or any(not -31 <= int(each) <= 30 for each in shift):
        return None
    right, left = _lane_bytes(np.minimum(shift, 0)), _lane_bytes(np.maximum(shift, 0))
    return GENERAL, 1, [_lanes(bias32(requantization)), right, left, _lanes(requantization.multiplier)]


@lru_cache(maxsize=8)
def _constants(requantization: Requantization) -> tuple[int, int, Data] | None:
    """Form and scale of struct ep_mve_outputs, and its constants [block of 16 channels][vector][4]: the cheapest form's."""
    for form in (_one_sided, _shifted, _exact, _scaled, _general):
        found = form(requantization)
        if found is not None:
            return found[0], found[1], np.concatenate(found[2], axis=1)
    return None


def outputs_fields(requantization: Requantization) -> dict[str, Field]:
    """The members of struct ep_mve_outputs; multipliers are one a channel."""
    found = _constants(requantization)
    assert found is not None
    return _fields(requantization, *found)


def biased_fields(requantization: Requantization) -> tuple[Data, dict[str, Field]] | None:
    """Biases, and the members of struct ep_mve_outputs for sums that start from them; None where the exact form does not do."""
    found = _exact(requantization)
    if found is None:
        return None
    form, scale, (_, *rest) = found
    return bias32(requantization), _fields(requantization, form, scale, np.concatenate(rest, axis=1))


def _fields(requantization: Requantization, form: int, scale: int, constants: Data) -> dict[str, Field]:
    others = constants[0].size - 2 * LANES  # words between the biases and the multipliers of a block
    return {
        "channels": requantization.bias.size,
        "form": form,
        "scale": scale,
        "words": constants[0].size,
        "out_zero": requantization.out_zero,
        "out_min": requantization.out_min,
        "out_max": requantization.out_max,
        "constants": Array(
            np.ascontiguousarray(constants).reshape(-1),
            "biases, multipliers ...",
            channels=LANES if others >= 0 else 1,
            words=max(others, 0),
        ),
    }


def strip_fields(
    in_shape: tuple[int, ...], out_w: int, kernel: tuple[int, int], stride_w: int, dilation_h: int, padding: Padding, in_zero: int
) -> dict[str, Field]:
    """The members of struct ep_strip_mve."""
    columns = strip_columns(out_w, kernel, stride_w)
    return {
        "in_h": in_shape[1],
        "in_w": in_shape[2],
        "in_c": in_shape[3],
        "kernel_h": kernel[0],
        "dilation_h": dilation_h,
        "columns": columns,
        "pad_left": padding.left,
        "inside": max(min(columns - padding.left, in_shape[2]), 0),
        "in_zero": in_zero,
    }


def strip_columns(out_w: int, kernel: tuple[int, int], stride_w: int) -> int:
    """Columns of input under a row of outputs, padding included."""
    return (out_w - 1) * stride_w + kernel[1]


def strip_bytes(in_c: int, out_w: int, kernel: tuple[int, int], stride_w: int) -> int:
    """Bytes of such a strip."""
    return strip_columns(out_w, kernel, stride_w) * kernel[0] * in_c
