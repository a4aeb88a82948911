"""SLICE and STRIDED_SLICE, with constant positions, masks and negative strides.

Reference: slice.cc, and strided_slice_logic.h for the masks and the clamping of positions.
"""

from __future__ import annotations

from edgepack.compile.graph import Value
from edgepack.compile.operators.copying import Axis, Move, element_steps, lower_move, require_movable
from edgepack.compile.operators.registry import CONVERT_AGAIN, Kernel, Operator, Site, register

MAX_RANK = 5


def _numbers(site: Site, index: int, count: int) -> tuple[int, ...]:
    constant = site.constant(index)
    assert constant.data is not None
    site.require(
        constant.dtype in ("int32", "int64") and constant.data.size == count,
        "has positions of another rank",
        CONVERT_AGAIN,
        constant,
    )
    return tuple(int(number) for number in constant.data.reshape(-1))


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
    """Check a STRIDED_SLICE."""
    source, output = site.input(0), site.output()
    require_movable(site, source, output)
    _require_rank(site, source)
    rank = len(source.shape)
    begins, ends, strides = (_numbers(site, index, rank) for index in (1, 2, 3))
    masks = {name: int(site.option(name, 0)) for name in ("begin_mask", "end_mask", "shrink_axis_mask")}
    for name in ("ellipsis_mask", "new_axis_mask", "offset"):
        site.require(not site.option(name, 0), f"with {name}", "Slice every axis by itself, and reshape for new axes.")
    site.require(0 not in strides, "has a stride of 0", CONVERT_AGAIN)
    axes, shape, start = [], [], 0
    for axis, (extent, step) in enumerate(zip(source.shape, element_steps(source.shape), strict=True)):
        bits = {name: mask >> axis & 1 for name, mask in masks.items()}
        stride = strides[axis]
        if bits["shrink_axis_mask"]:
            site.require(stride > 0 and -extent <= begins[axis] < extent, "takes a position outside of its input", CONVERT_AGAIN)
            start += (begins[axis] % extent) * step
            continue
        first, last, stride = slice(
            None if bits["begin_mask"] else begins[axis], None if bits["end_mask"] else ends[axis], stride
        ).indices(extent)
        count = len(range(first, last, stride))
        site.require(count > 0, "gives an empty tensor", "Slice a range that holds elements.")
        axes.append(Axis(count, stride * step))
        shape.append(count)
        start += first * step
    site.require_shape(output, shape)
    return Move(source, output, tuple(axes), start)


def _cost(move: Move) -> float:
    return 4.0 * move.output.elements


register(Operator("SLICE", describe_slice, (Kernel("ep_copy_strided", lower_move, cost=_cost),)))
register(Operator("STRIDED_SLICE", describe_strided_slice, (Kernel("ep_copy_strided", lower_move, cost=_cost),)))
