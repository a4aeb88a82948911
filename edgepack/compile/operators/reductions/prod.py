"""REDUCE_PROD: int8, over any axes.

Reference: reference/reduce.h, QuantizedReduceProd, with the scaling of reduce.cc (GetQuantProdScaling).
"""

from __future__ import annotations

from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.reductions.max_min_sum import Reduce, checked, reduce_kernel
from edgepack.compile.operators.shared.int16 import reduced
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import quantize_multiplier


def describe(site: Site) -> Reduce:
    """Check a REDUCE_PROD: each of n factors is scaled by the input's scale and the n-th root of the output's."""
    source, output, over = checked(site)
    multiplier, shift = quantize_multiplier(source.scale / output.scale ** (1.0 / over.count))
    site.require(-31 <= shift <= 7, "has an output scale out of range", CHECK_RANGES, output)
    return Reduce(
        source,
        output,
        over,
        {
            "shape": over.fields,
            "outputs": over.outputs,
            "zero": source.zero_point,
            "out_zero": output.zero_point,
            "multiplier": reduced(multiplier),
            "shift": shift,
        },
    )


REDUCE_PROD = Operator("REDUCE_PROD", describe, (reduce_kernel("ep_reduce_prod"),))
