"""How closely the output of a sliding window may follow its input in memory, when nobody else needs the input.

A kernel that walks over output pixels in order has, after some pixel, no more use for the beginning of its input. The output
may be written there. Example: a 1x1 convolution from 64 to 64 channels that copies a pixel before it writes one works in
place; a 3x3 depthwise one needs its output to start a row and two pixels below its input.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Overlap
from edgepack.compile.graph import Data

NEVER = 1 << 60
LARGEST = 1 << 20  # pixels; beyond, no microcontroller has the memory, and nothing is worth saving


@dataclass(frozen=True)
class Walk:
    """A window over rows and columns of an input, batch 1, channels last; sizes in pixels and bytes.

    `step` pixels are read completely before any of them is written (their patches are copied); 0 means that a kernel still
    reads a pixel's window while it writes that pixel. Not `copied`: any of the `step` pixels may be read while any is written.
    """

    in_h: int
    in_w: int
    in_bytes: int
    out_h: int
    out_w: int
    out_bytes: int
    stride: tuple[int, int]
    pad_top: int
    pad_left: int
    kernel: tuple[int, int]
    dilation: tuple[int, int]
    step: int
    copied: bool = True


def _first_inside(out: int, stride: int, pad: int, kernel: int, dilation: int, size: int) -> Data:
    """For each output position along one axis, the first input position inside its window; NEVER if all of it is padding."""
    start = np.arange(out, dtype=np.int64) * stride - pad
    skipped = np.maximum(-(start // dilation), 0)  # taps that lie before the input
    position = start + skipped * dilation
    return np.where((skipped < kernel) & (position < size), position, NEVER)


@functools.cache
def distance(walk: Walk) -> int:
    """Bytes the output must start below the input, so that no write reaches what is still to be read; negative: above."""
    pixels = walk.out_h * walk.out_w
    if pixels > LARGEST:
        return pixels * walk.out_bytes
    rows = _first_inside(walk.out_h, walk.stride[0], walk.pad_top, walk.kernel[0], walk.dilation[0], walk.in_h)
    columns = _first_inside(walk.out_w, walk.stride[1], walk.pad_left, walk.kernel[1], walk.dilation[1], walk.in_w)
    first = (rows[:, None] * walk.in_w + columns[None, :]) * walk.in_bytes
    nothing = (rows[:, None] == NEVER) | (columns[None, :] == NEVER)
    reads = np.where(nothing, NEVER, first).reshape(-1)
    still_needed = np.minimum.accumulate(reads[::-1])[::-1]  # the lowest byte that this pixel or a later one reads
    step = max(walk.step, 1)
    starts = np.arange(0, pixels, step)
    written = np.minimum(starts + step, pixels) * walk.out_bytes
    later = starts + (walk.step if walk.copied else 0)
    pending = later < pixels
    worst = np.max(written[pending] - still_needed[later[pending]], initial=-walk.in_h * walk.in_w * walk.in_bytes)
    return int(worst)


def chase(walk: Walk, source: int, output: int) -> tuple[Overlap, ...]:
    """The overlap a kernel declares for its input and output values."""
    return (Overlap(source, output, distance(walk)),)
