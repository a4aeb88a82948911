"""How closely the output of a sliding window may follow its input in memory, when nobody else needs the input.

A kernel that walks over output pixels in order has, after some pixel, no more use for the beginning of its input. The output
may be written there. Example: a 1x1 convolution from 64 to 64 channels that copies a pixel before it writes one works in
place; a 3x3 depthwise one needs its output to start a row and two pixels below its input.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from edgepack.compile.call import Overlap

NEVER = 1 << 60


@dataclass(frozen=True)
class Walk:
    """A window over rows and columns of an input, batch 1, channels last; sizes in pixels and bytes.

    `step` pixels are read completely before any of them is written (their patches are copied); 0 means that a kernel still
    reads a pixel's window while it writes that pixel.
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


def _first_read(walk: Walk, pixel: int) -> int:
    """Byte offset of the first input element inside the window of an output pixel; NEVER if all of it is padding."""
    top = pixel // walk.out_w * walk.stride[0] - walk.pad_top
    left = pixel % walk.out_w * walk.stride[1] - walk.pad_left
    row = next((y for k in range(walk.kernel[0]) if 0 <= (y := top + k * walk.dilation[0]) < walk.in_h), None)
    column = next((x for k in range(walk.kernel[1]) if 0 <= (x := left + k * walk.dilation[1]) < walk.in_w), None)
    if row is None or column is None:
        return NEVER
    return (row * walk.in_w + column) * walk.in_bytes


@functools.cache
def distance(walk: Walk) -> int:
    """Bytes the output must start below the input, so that no write reaches what is still to be read; negative: above."""
    pixels = walk.out_h * walk.out_w
    reads = [_first_read(walk, pixel) for pixel in range(pixels)]
    for pixel in reversed(range(pixels - 1)):
        reads[pixel] = min(reads[pixel], reads[pixel + 1])
    worst = -walk.in_h * walk.in_w * walk.in_bytes
    for first in range(0, pixels, max(walk.step, 1)):
        end = first + walk.step if walk.step else first
        if end < pixels:
            worst = max(worst, min(first + max(walk.step, 1), pixels) * walk.out_bytes - reads[end])
    return worst


def chase(walk: Walk, source: int, output: int) -> tuple[Overlap, ...]:
    """The overlap a kernel declares for its input and output values."""
    return (Overlap(source, output, distance(walk)),)
