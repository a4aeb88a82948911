"""SLICE and STRIDED_SLICE, with constant positions, masks and negative strides.

Reference: slice.cc, and strided_slice_logic.h for the masks and the clamping of positions.
"""

from __future__ import annotations

from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.movement.copying import Axis, Move, element_steps, lower_move, require_movable
from edgepack.compile.operators.site import CONVERT_AGAIN, Site

MAX_RANK = 5


def _numbers(site: Site, index: int, count: int) -> tuple[int, ...]:
    numbers = site.integers(index)
    site.require(numbers.size == count, "has positions of another rank", CONVERT_AGAIN, site.input(index))
    return tuple(numbers.reshape(-1).tolist())


def _require_rank(site: Site, source: Value) -> None:
    site.require(1 <= len(source.shape) <= MAX_RANK, f"is over {len(source.shape)} dimensions", "Reshape the input to at most 5.")


def describe_slice(site: Site) -> Move:
    """Check a SLICE: begin, and size, where -1 is all that is left."""
    source, output = site.input(0), site.output()
    require_movable(site, source, output)
    _require_rank(site, source)
    rank = len(source.shape)
    begin, size = _numbers(site, 1, rank), _numbers(site, 2, rank)
    size = tuple(extent - b if s == -1 else s for extent, b, s in zip(source.shape, begin, size, strict=True))
    inside = all(b >= 0 and s > 0 and b + s <= extent for extent, b, s in zip(source.shape, begin, size, strict=True))
    site.require(inside, "is outside of its input", CONVERT_AGAIN)
    site.require_shape(output, size)
    steps = element_steps(source.shape)
    start = sum(b * step for b, step in zip(begin, steps, strict=True))
    return Move(source, output, tuple(Axis(s, step) for s, step in zip(size, steps, strict=True)), start)


def describe_strided_slice(site: Site) -> Move:
    """Check a STRIDED_SLICE: for each position given, a range, a single element, a new axis, or all axes left out (ellipsis)."""
    source, output = site.input(0), site.output()
    require_movable(site, source, output)
    _require_rank(site, source)
    count = site.constant(1).elements
    begins, ends, strides = (_numbers(site, index, count) for index in (1, 2, 3))
    site.require(0 not in strides, "has a stride of 0", CONVERT_AGAIN)
    site.require(not site.option("offset", False), "with ends relative to begins", "Use absolute ends.")
    names = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    masks = [int(site.option(name, 0)) & (1 << count) - 1 for name in names]  # the others stand for no position
    site.require(masks[2].bit_count() <= 1, "has two ellipses", CONVERT_AGAIN)
    rank, steps = len(source.shape), element_steps(source.shape)
    left_out = rank - sum(not (masks[2] | masks[3]) >> index & 1 for index in range(count))
    site.require(left_out >= 0, "has positions of another rank", CONVERT_AGAIN)
    misread = masks[2] and (masks[3] or not left_out)  # the reference takes such axes for others
    site.require(not misread, "with an ellipsis beside new axes, or for none", "Slice every axis by itself, and reshape.")
    ranges: list[slice | int | None] = []  # None: a new axis
    for index, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        open_begin, open_end, ellipsis, new_axis, shrink = (mask >> index & 1 for mask in masks)
        if ellipsis:
            ranges += [slice(None)] * left_out
        elif new_axis:
            ranges.append(None)
        elif shrink:
            site.require(stride > 0, "takes one position backwards", CONVERT_AGAIN)
            ranges.append(begin)
        else:
            ranges.append(slice(None if open_begin else begin, None if open_end else end, stride))
    if not masks[2]:
        ranges += [slice(None)] * left_out
    axes, shape, start, axis = [], [], 0, 0
    for each in ranges:
        if each is None:
            shape.append(1)
            continue
        extent, step, axis = source.shape[axis], steps[axis], axis + 1
        if isinstance(each, int):
            site.require(-extent <= each < extent, "takes a position outside of its input", CONVERT_AGAIN)
            start += each % extent * step
            continue
        taken = range(extent)[each]
        site.require(len(taken) > 0, "gives an empty tensor", "Slice a range that holds elements.")
        axes.append(Axis(len(taken), taken.step * step))
        shape.append(len(taken))
        start += taken.start * step
    site.require(len(shape) <= MAX_RANK, f"gives {len(shape)} dimensions", "At most 5 are compiled.")
    site.require_shape(output, shape)
    return Move(source, output, tuple(axes), start)


def _cost(move: Move) -> float:
    return 4.0 * move.output.elements


SLICE = Operator("SLICE", describe_slice, (Kernel("ep_copy_strided", lower_move, cost=_cost),))
STRIDED_SLICE = Operator("STRIDED_SLICE", describe_strided_slice, (Kernel("ep_copy_strided", lower_move, cost=_cost),))
