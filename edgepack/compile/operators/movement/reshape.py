"""RESHAPE, SQUEEZE, EXPAND_DIMS: the same bytes under another shape.

The pass drop_reshapes lets the result share its input's memory; what is left here must lie somewhere else (a model's
output that is also its input, say) and becomes a copy.
"""

from __future__ import annotations

from edgepack.compile.call import Call, in_place
from edgepack.compile.operators.registry import CONVERT_AGAIN, Kernel, Operator, Site, register


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


for _name in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "COPY"):
    register(Operator(_name, describe, (Kernel("ep_copy", _copy, cost=lambda site: site.output().bytes),)))
