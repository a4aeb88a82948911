"""DEPTHWISE_CONV_2D 3x3 with the DSP extension, in assembly: kernels/depthwise_conv_2d/ep_depthwise_3x3.h."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edgepack.compile.call import Array, Call, Field, Overlap
from edgepack.compile.operators.depthwise_conv_2d.generic import DepthwiseConv2D
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.exact import SCALE, exact_constants
from edgepack.compile.operators.shared.one_sided import SHIFT, fit, fits
from edgepack.compile.operators.shared.staircase import Channel

FACTOR_BITS = (0, 2, 4, 5, 6)  # accumulators are scaled by 256, and by a factor of the weights, which stay within 16 bits
STEEP_SHIFT = 2  # after the multiplication, for channels that are too steep for SHIFT
HEAD = 8 * 36 + 4  # EP_DEPTHWISE_LINES_HEAD
KERNELS = {  # by stride and number of a channel's constants
    ((1, 1), 2): "ep_depthwise_3x3",
    ((1, 1), 3): "ep_depthwise_3x3_mixed",
    ((1, 1), 4): "ep_depthwise_3x3_exact",
    ((2, 2), 2): "ep_depthwise_3x3_stride2",
    ((2, 2), 3): "ep_depthwise_3x3_stride2_mixed",
    ((2, 2), 4): "ep_depthwise_3x3_stride2_exact",
}
LINE, FETCH = 35.0, 25.0  # instructions to begin a line of a channel, and to fetch a pair of lines


@dataclass(frozen=True)
class Axis:
    """One axis of the image: input and output extent, padding before, bytes from one position to the next."""

    in_size: int
    out_size: int
    pad: int
    in_step: int
    out_step: int


@lru_cache(maxsize=4)
def constants(conv: DepthwiseConv2D) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]] | None:
    """A factor for each channel's weights, and each channel's constants; None where the kernels cannot do this.

    Bias and multiplier for one-sided requantisation, with a shift where those differ; with offset and shift for exact
    requantisation. Factors are the same for all channels where they can be.
    """
    found = {1 << bits: fits(conv.requantization, SCALE + bits) for bits in FACTOR_BITS}
    for factor, channels in found.items():
        good = tuple(channel for channel in channels if channel is not None)
        if len(good) == len(channels):
            return (factor,) * len(good), good
    chosen = [
        next(((factor, channels[place]) for factor, channels in found.items() if channels[place] is not None), None)
        for place in range(conv.in_shape[3])
    ]
    mixed = [one for one in chosen if one is not None]
    if len(mixed) == len(chosen):
        return tuple(factor for factor, _ in mixed), tuple(channel for _, channel in mixed if channel is not None)
    every = conv.requantization.channels()
    shifted = [_shifted(one, channel) for one, channel in zip(chosen, every, strict=True)]
    either = [one for one in shifted if one is not None]
    if len(either) == len(chosen):
        return tuple(factor for factor, _ in either), tuple(channel for _, channel in either)
    exact = tuple(one for one in map(exact_constants, every) if one is not None)
    return ((1,) * len(exact), exact) if len(exact) == len(chosen) else None


def _shifted(found: tuple[int, tuple[int, int] | None] | None, channel: Channel) -> tuple[int, tuple[int, int, int]] | None:
    """What was found with SHIFT, and its shift; else a factor and constants of a steep channel."""
    if found is not None and found[1] is not None:
        return found[0], (*found[1], SHIFT)
    steep = ((bits, fit(channel, SCALE + bits, STEEP_SHIFT)) for bits in FACTOR_BITS)
    return next(((1 << bits, (*pair, STEEP_SHIFT)) for bits, pair in steep if pair is not None), None)


def kernel_for(conv: DepthwiseConv2D) -> str | None:
    """The kernel that takes this kernel size, stride, number of channels and quantization, if there is one."""
    shape = (conv.dtype, conv.in_shape[0], conv.multiplier, conv.kernel, conv.dilation)
    fits_struct = conv.in_shape[3] >= 4 and conv.out_shape[2] * conv.in_shape[3] < 1 << 16
    if shape != ("int8", 1, 1, (3, 3), (1, 1)) or not fits_struct:
        return None
    chosen = constants(conv)
    form = (conv.stride, len(chosen[1][0])) if chosen else None
    return KERNELS.get(form) if form else None


@dataclass(frozen=True)
class Way:
    """How the image is walked: `lines` follow one another on the first axis and run along the second."""

    lines: Axis
    along: Axis
    by_rows: bool


def ways(conv: DepthwiseConv2D) -> tuple[Way, Way]:
    """Walking row by row, and column by column."""
    _, in_h, in_w, channels = conv.in_shape
    _, out_h, out_w, _ = conv.out_shape
    rows = Axis(in_h, out_h, conv.padding.top, in_w * channels, out_w * channels)
    columns = Axis(in_w, out_w, conv.padding.left, channels, channels)
    return Way(rows, columns, True), Way(columns, rows, False)


def instructions(conv: DepthwiseConv2D, way: Way) -> float:
    """What walking the image that way costs."""
    stride, lines, along = conv.stride[0], way.lines.out_size, way.along
    fetches = (lines + 1) // 2 + 1 if stride == 1 else lines + 1
    return conv.in_shape[3] * (
        fetches * (4.0 * along.in_size + FETCH / 4) + lines * (LINE + along.out_size * (11.0 + stride)) + 60.0
    )


def best_way(conv: DepthwiseConv2D) -> Way:
    """The cheaper of both."""
    return min(ways(conv), key=lambda way: instructions(conv, way))


def cost(conv: DepthwiseConv2D) -> float:
    """Instructions, measured on the Cortex-M4."""
    return instructions(conv, best_way(conv))


def fields(conv: DepthwiseConv2D) -> dict[str, Field]:
    """The members of struct ep_depthwise_lines."""
    way, chosen = best_way(conv), constants(conv)
    assert chosen is not None
    lines, along = way.lines, way.along
    factors, channels = chosen
    same = len(set(factors)) == 1
    positions = (along.out_size - 1) * conv.stride[0] + 3
    return {
        "channels": conv.in_shape[3],
        "in_lines": lines.in_size,
        "in_length": min(along.in_size, positions - along.pad),
        "in_line": lines.in_step,
        "in_step": along.in_step,
        "out_lines": lines.out_size,
        "out_length": along.out_size,
        "out_line": lines.out_step,
        "out_step": along.out_step,
        "pad_line": lines.pad,
        "pad_step": along.pad,
        "positions": positions,
        "in_zero": conv.in_zero,
        "factor": factors[0] if same else 0,
        "factors": None if same else Array(np.array(factors, np.int8), "factors of weights"),
        "weights": Array(np.ascontiguousarray(conv.weights.transpose((2, 0, 1) if way.by_rows else (2, 1, 0))), "weights"),
        **_constant_fields(channels, 2 * conv.requantization.out_zero + 1),
    }


def _constant_fields(channels: tuple[tuple[int, ...], ...], half: int) -> dict[str, Field]:
    """Biases and multipliers, shifts where channels have them, and for exact requantisation offsets.

    Shifts lie in the low bytes of the biases where those are free; offsets are left out where they follow from the shifts.
    """
    exact = [channel[2:] for channel in channels if len(channel) == 4]
    derived = all(shift > 0 and offset == 64 + half * (1 << (shift - 1)) for offset, shift in exact)
    free = derived and not any(channel[0] & 255 for channel in channels)
    shifts = [channel[-1] for channel in channels if len(channel) > 2]
    added = shifts if exact and free else [0] * len(channels)
    pairs = [(channel[0] + shift, channel[1]) for channel, shift in zip(channels, added, strict=True)]
    return {
        "constants": Array(np.array(pairs, np.int64).astype(np.uint32).view(np.int32), "bias, multiplier"),
        "shifts": Array(np.array(shifts, np.int8), "shifts") if shifts and added[0] == 0 else None,
        "offsets": None if derived else Array(np.array([offset for offset, _ in exact], np.int32), "offsets"),
        "half": half if exact else 0,
    }


def _call(conv: DepthwiseConv2D) -> Call:
    kernel = kernel_for(conv)
    assert kernel is not None
    in_place = conv.in_shape == conv.out_shape and conv.stride == (1, 1) and conv.in_shape[3] % 4 == 0
    return Call(
        kernel=kernel,
        header=f"{kernel}.h",
        fields={"lines": fields(conv)},
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=HEAD + 32 * ((best_way(conv).along.out_size - 1) * conv.stride[0] + 4),
        overlaps=(Overlap(conv.input, conv.output, 0, exactly=True),) if in_place else (),
    )


KERNEL = Kernel("ep_depthwise_3x3", _call, frozenset({"dsp"}), lambda conv: kernel_for(conv) is not None, cost)
