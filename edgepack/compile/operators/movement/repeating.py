"""REVERSE_V2, BROADCAST_TO, TILE, FILL: elements of the input in reverse, or several times.

References: reference/reverse.h, broadcast_to.h, tile.cc and fill.cc.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.graph import Value
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


def _operands(site: Site) -> tuple[Value, Value, list[int]]:
    """Input, output, and the constant second input as integers."""
    source, output = site.input(0), site.output()
    require_movable(site, source, output)
    return source, output, site.integers(1).reshape(-1).tolist()


def describe_reverse(site: Site) -> Move:
    """Check a REVERSE_V2."""
    source, output, given = _operands(site)
    rank = len(source.shape)
    site.require(all(-rank <= axis < rank for axis in given), f"reverses axes {given}", CONVERT_AGAIN)
    site.require_shape(output, source.shape)
    reversed_axes = {axis % rank for axis in given}
    axes: list[Axis | Table] = []
    for axis, (extent, step) in enumerate(zip(source.shape, element_steps(source.shape), strict=True)):
        if axis in reversed_axes:
            require_small_table(site, extent)
            axes.append(Table(np.arange(extent)[::-1] * step))
        else:
            axes.append(Axis(extent, step))
    return Move(source, output, tuple(axes))


def describe_broadcast_to(site: Site) -> Move:
    """Check a BROADCAST_TO."""
    source, output, shape = _operands(site)
    missing = len(shape) - len(source.shape)
    whole = (1,) * missing + source.shape
    good = missing >= 0 and all(a == b or a == 1 for a, b in zip(whole, shape, strict=True))
    site.require(good, f"makes {shape} of {list(source.shape)}", CONVERT_AGAIN)
    site.require_shape(output, shape)
    steps = element_steps(whole)
    axes = [Axis(to, 0 if extent == 1 else step) for extent, to, step in zip(whole, shape, steps, strict=True)]
    return Move(source, output, tuple(axes))


def describe_fill(site: Site) -> Move:
    """Check a FILL with a computed value."""
    source, output = site.input(1), site.output()
    require_movable(site, source, output)
    site.require(source.elements == 1, f"fills with {source.elements} elements", CONVERT_AGAIN, source)
    site.require_shape(output, site.integers(0).reshape(-1).tolist())
    return Move(source, output, (Axis(output.elements, 0),))


def describe_tile(site: Site) -> Move:
    """Check a TILE."""
    source, output, times = _operands(site)
    good = len(times) == len(source.shape) and min(times, default=1) > 0
    site.require(good, f"repeats {list(source.shape)} {times} times", CONVERT_AGAIN)
    site.require_shape(output, [extent * count for extent, count in zip(source.shape, times, strict=True)])
    axes: list[Axis | Table] = []
    for extent, count, step in zip(source.shape, times, element_steps(source.shape), strict=True):
        axes += [Axis(count, 0), Axis(extent, step)]
    return Move(source, output, tuple(axes))


_KERNEL: Kernel[Move] = Kernel("ep_copy_indexed", lower_move, applies=tables_fit, cost=lambda move: 4.0 * move.output.elements)
REVERSE_V2 = Operator("REVERSE_V2", describe_reverse, (_KERNEL,))
BROADCAST_TO = Operator("BROADCAST_TO", describe_broadcast_to, (_KERNEL,))
TILE = Operator("TILE", describe_tile, (_KERNEL,))
FILL = Operator("FILL", describe_fill, (_KERNEL,))
