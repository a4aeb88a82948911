"""L2_NORMALIZATION: int8 over the last axis, as embeddings end.

Reference: reference/integer_ops/l2normalization.h, and reference/l2normalization.h for what was uint8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgepack.compile.call import Call, in_place
from edgepack.compile.operators.kernel import FROM_UINT8, Kernel, Operator
from edgepack.compile.operators.site import CONVERT_AGAIN, Site

LARGEST_DEPTH = 1 << 15  # squares of that many 9-bit differences fit 31 bits


@dataclass(frozen=True)
class L2Normalization:
    """A checked normalization of `rows` rows of `depth` elements."""

    input: int
    output: int
    rows: int
    depth: int
    zero: int
    early: int
    """Bits of the output's scale that are multiplied with, not shifted in after."""


def describe(site: Site) -> L2Normalization:
    """Check an L2_NORMALIZATION."""
    source, output = site.input(0), site.output()
    site.require_types(("int8", "int8"))
    site.require_quantized(source, output)
    site.require_shape(output, source.shape)
    good = output.zero_point == 0 and math.isclose(output.scale, 1 / 128, rel_tol=1e-5)
    message = f"has output scale {output.scale} and zero point {output.zero_point}"
    site.require(good, message, "TensorFlow Lite fixes them at 1/128 and 0; convert the model again.", output)
    activation = site.option("fused_activation_function", "NONE")
    site.require(activation == "NONE", f"with fused activation {activation}", "Apply it in a layer of its own.")
    depth = source.shape[-1] if source.shape else 1
    site.require(0 < depth < LARGEST_DEPTH, f"is over {depth} elements", CONVERT_AGAIN)
    early = 7 if site.option(FROM_UINT8) else 0
    return L2Normalization(source.id, output.id, source.elements // depth, depth, source.zero_point, early)


def _lower(op: L2Normalization) -> Call:
    return Call(
        kernel="ep_l2_normalization",
        header="ep_l2_normalization.h",
        fields={"rows": op.rows, "depth": op.depth, "zero": op.zero, "early": op.early},
        inputs=(op.input,),
        outputs=(op.output,),
        overlaps=in_place((op.input,), op.output),
    )


L2_NORMALIZATION = Operator(
    "L2_NORMALIZATION", describe, (Kernel("ep_l2_normalization", _lower, cost=lambda op: 30.0 * op.rows * op.depth),)
)
