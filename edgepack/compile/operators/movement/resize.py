"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR, int8, with align_corners or half_pixel_centers.

Reference: reference/resize_nearest_neighbor.h (float32 positions) and resize_bilinear.h (positions in 1/1024 pixels).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Call
from edgepack.compile.graph import Data, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.movement.copying import (
    Axis,
    Move,
    Table,
    element_steps,
    lower_move,
    require_movable,
    require_small_table,
    tables_fit,
)
from edgepack.compile.operators.site import CONVERT_AGAIN, Site
from edgepack.compile.quantize import round_half_away

ONE = 1 << 10  # a pixel


def sizes(site: Site) -> tuple[Value, Value]:
    """The input and output of a resize, whose shapes and options are checked."""
    source, size, output = site.input(0), site.constant(1), site.output()
    site.require(len(source.shape) == 4, "is not over 4 dimensions", "Reshape the input to [1, height, width, channels].")
    site.require(source.elements > 0, "has an empty input", CONVERT_AGAIN, source)
    extents = site.integers(1).reshape(-1).tolist()
    site.require(len(extents) == 2 and min(extents) > 0, "has a size that is not two extents", CONVERT_AGAIN, size)
    height, width = extents
    site.require_shape(output, (source.shape[0], height, width, source.shape[3]))
    both = bool(site.option("align_corners", False)) and bool(site.option("half_pixel_centers", False))
    site.require(not both, "with both align_corners and half_pixel_centers", "Use one of them.")
    require_small_table(site, height, width, *source.shape[1:3])
    return source, output


def _nearest(site: Site, in_size: int, out_size: int) -> Data:
    """The input position of each output position, computed in float32."""
    corners, centers = bool(site.option("align_corners", False)), bool(site.option("half_pixel_centers", False))
    one = np.float32(1)
    if corners and out_size > 1:
        scale = one * np.float32(in_size - 1) / np.float32(out_size - 1)
    else:
        scale = one * np.float32(in_size) / np.float32(out_size)
    offset = np.float32(0.5 if centers else 0.0)
    positions = []
    for index in range(out_size):
        real = float((np.float32(index) + offset) * scale)
        positions.append(min(round_half_away(real) if corners else math.floor(real), in_size - 1))
    return np.array(positions)


def describe_nearest(site: Site) -> Move:
    """Check a RESIZE_NEAREST_NEIGHBOR and tabulate which pixel each output pixel takes."""
    source, output = sizes(site)
    require_movable(site, source, output)
    batch, row, column, _ = element_steps(source.shape)
    rows = _nearest(site, source.shape[1], output.shape[1]) * row
    columns = _nearest(site, source.shape[2], output.shape[2]) * column
    axes = (Axis(source.shape[0], batch), Table(rows), Table(columns), Axis(source.shape[3], 1))
    return Move(source, output, axes)


@dataclass(frozen=True, eq=False)
class Bilinear:
    """A checked interpolation: pixels advance by `step` 1/1024 input pixels from `first`, in rows and columns."""

    source: Value
    output: Value
    first: tuple[int, int]
    step: tuple[int, int]


def describe_bilinear(site: Site) -> Bilinear:
    """Check a RESIZE_BILINEAR and compute its steps."""
    source, output = sizes(site)
    site.require_types(("int8", "int32", "int8"))
    corners, centers = bool(site.option("align_corners", False)), bool(site.option("half_pixel_centers", False))
    firsts, steps = [], []
    for in_size, out_size in zip(source.shape[1:3], output.shape[1:3], strict=True):
        if corners and out_size > 1:
            step = (ONE * (in_size - 1) + (out_size - 1) // 2) // (out_size - 1)
        else:
            step = (ONE * in_size + out_size // 2) // out_size
        first = step // 2 - ONE // 2 if centers else 0
        inside = (first + step * (out_size - 1)) // ONE < in_size
        site.require(inside, "reads outside of its input, by the reference's rounding", "Resize to a smaller size.")
        firsts.append(first)
        steps.append(step)
    return Bilinear(source, output, (firsts[0], firsts[1]), (steps[0], steps[1]))


def _lower_bilinear(resize: Bilinear) -> Call:
    batches, in_h, in_w, channels = resize.source.shape
    return Call(
        kernel="ep_resize_bilinear",
        header="ep_resize_bilinear.h",
        fields={
            "batches": batches,
            "in_h": in_h,
            "in_w": in_w,
            "channels": channels,
            "out_h": resize.output.shape[1],
            "out_w": resize.output.shape[2],
            "first_y": resize.first[0],
            "first_x": resize.first[1],
            "step_y": resize.step[0],
            "step_x": resize.step[1],
        },
        inputs=(resize.source.id,),
        outputs=(resize.output.id,),
    )


RESIZE_NEAREST_NEIGHBOR = Operator(
    "RESIZE_NEAREST_NEIGHBOR",
    describe_nearest,
    (Kernel("ep_copy_strided", lower_move, applies=tables_fit, cost=lambda move: 2.0 * move.output.elements),),
)
RESIZE_BILINEAR = Operator(
    "RESIZE_BILINEAR",
    describe_bilinear,
    (Kernel("ep_resize_bilinear", _lower_bilinear, cost=lambda resize: 15.0 * resize.output.elements),),
)
