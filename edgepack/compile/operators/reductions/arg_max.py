"""ARG_MAX and ARG_MIN of int8 or int32 along one axis, giving int32 or int64 positions: the first of equal elements.

Reference: reference/arg_min_max.h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgepack.compile.call import Call
from edgepack.compile.graph import BYTES, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.site import CONVERT_AGAIN, Site


@dataclass(frozen=True, eq=False)
class ArgMax:
    """A checked search over `extent` elements, `inner` apart; `outer` blocks of them."""

    source: Value
    output: Value
    outer: int
    extent: int
    inner: int
    largest: bool


def describe(site: Site) -> ArgMax:
    """Check an ARG_MAX or ARG_MIN."""
    source, axis_value, output = site.input(0), site.constant(1), site.output()
    known = source.dtype in ("int8", "int32") and output.dtype in ("int32", "int64")
    site.require(known, f"with types {source.dtype}, {output.dtype}", "It is compiled from int8 or int32 to int32 or int64.")
    rank, axes = len(source.shape), site.integers(1)
    axis = int(axes.reshape(-1)[0]) if axes.size == 1 else rank
    site.require(-rank <= axis < rank, "has an axis out of range", CONVERT_AGAIN, axis_value)
    axis %= rank
    site.require_shape(output, (*source.shape[:axis], *source.shape[axis + 1 :]))
    site.require(source.shape[axis] > 0, "is over no elements", CONVERT_AGAIN)
    return ArgMax(
        source,
        output,
        outer=math.prod(source.shape[:axis]),
        extent=source.shape[axis],
        inner=math.prod(source.shape[axis + 1 :]),
        largest=site.node.op == "ARG_MAX",
    )


def _portable(search: ArgMax) -> Call:
    name = "ep_arg_max" if search.source.dtype == "int8" else "ep_arg_max_int32"
    return Call(
        kernel=name,
        header=f"{name}.h",
        fields={
            "outer": search.outer,
            "extent": search.extent,
            "inner": search.inner,
            "sign": 1 if search.largest else -1,
            "bytes": BYTES[search.output.dtype],
        },
        inputs=(search.source.id,),
        outputs=(search.output.id,),
    )


_KERNEL: Kernel[ArgMax] = Kernel("ep_arg_max", _portable, cost=lambda search: 6.0 * search.source.elements)
ARG_MAX = Operator("ARG_MAX", describe, (_KERNEL,))
ARG_MIN = Operator("ARG_MIN", describe, (_KERNEL,))
