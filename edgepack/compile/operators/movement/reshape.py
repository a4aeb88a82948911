"""RESHAPE, SQUEEZE, EXPAND_DIMS: the same bytes under another shape.

The pass drop_reshapes lets the result share its input's memory; what is left here must lie somewhere else (a model's
output that is also its input, say) and becomes a copy.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Call, in_place
from edgepack.compile.operators.kernel import Kernel, Operator, Range, Ranges
from edgepack.compile.operators.site import CONVERT_AGAIN, Site


def describe(site: Site) -> Site:
    """Check that the result has as many elements as the input."""
    source, output = site.input(0), site.output()
    site.require(source.dtype == output.dtype, "changes the type of its elements", CONVERT_AGAIN)
    if source.elements != output.elements:
        raise site.error(
            "EP-705",
            f"makes {list(output.shape)} of {list(source.shape)}",
            CONVERT_AGAIN,
        )
    return site


def _ranges(site: Site, ranges: Ranges) -> Range | None:
    low, high = ranges[site.input(0).id]
    width = site.output().shape[-1]
    if low.size == 0 or width % low.size:
        return None
    return np.tile(low, width // low.size), np.tile(high, width // low.size)


def _copy(site: Site) -> Call:
    source, output = site.input(0), site.output()
    return Call(
        kernel="ep_copy",
        header="ep_copy.h",
        fields={"bytes": output.bytes},
        inputs=(source.id,),
        outputs=(output.id,),
        overlaps=in_place((source.id,), output.id),
    )


_KERNEL: Kernel[Site] = Kernel("ep_copy", _copy, cost=lambda site: site.output().bytes)
RESHAPE = Operator("RESHAPE", describe, (_KERNEL,), ranges=_ranges)
SQUEEZE = Operator("SQUEEZE", describe, (_KERNEL,), ranges=_ranges)
EXPAND_DIMS = Operator("EXPAND_DIMS", describe, (_KERNEL,), ranges=_ranges)
COPY = Operator("COPY", describe, (_KERNEL,))  # the compiler's own: passes leave it where a value must lie in two places
