"""MIRROR_PAD: pad with the input mirrored at its border, the border repeated (SYMMETRIC) or not (REFLECT).

Reference: mirror_pad.cc.
"""

from __future__ import annotations

import numpy as np

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


def describe(site: Site) -> Move:
    """Check a MIRROR_PAD and tabulate the position each output position mirrors."""
    source, paddings, output = site.input(0), site.constant(1), site.output()
    require_movable(site, source, output)
    amounts = site.integers(1)
    site.require(amounts.shape == (len(source.shape), 2), "has paddings of the wrong shape", CONVERT_AGAIN, paddings)
    border = 1 if site.option("mode", "REFLECT") == "REFLECT" else 0
    axes: list[Axis | Table] = []
    shape = []
    for extent, step, (before, after) in zip(source.shape, element_steps(source.shape), amounts.tolist(), strict=True):
        good = 0 <= before <= extent - border and 0 <= after <= extent - border
        site.require(good, "pads by more than its input holds", "Use a smaller padding.", paddings)
        shape.append(before + extent + after)
        if before == after == 0:
            axes.append(Axis(extent, step))
            continue
        require_small_table(site, shape[-1])
        left = np.arange(before)[::-1] + border
        right = extent - 1 - border - np.arange(after)
        axes.append(Table(np.concatenate([left, np.arange(extent), right]) * step))
    site.require_shape(output, shape)
    return Move(source, output, tuple(axes))


MIRROR_PAD = Operator(
    "MIRROR_PAD",
    describe,
    (Kernel("ep_copy_indexed", lower_move, applies=tables_fit, cost=lambda move: 4.0 * move.output.elements),),
)
