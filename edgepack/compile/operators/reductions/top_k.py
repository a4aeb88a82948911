"""TOPK_V2 over the last axis: the largest elements and their positions, of int8, int16, plain integers or float32.

Reference: topk_v2.cc. Of equal elements the first comes first.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call
from edgepack.compile.graph import BYTES, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.numbers import NUMBERS
from edgepack.compile.operators.site import CONVERT_AGAIN, Site


@dataclass(frozen=True, eq=False)
class TopK:
    """A checked search for the `k` largest of each row."""

    source: Value
    values: Value
    indices: Value
    k: int


def describe(site: Site) -> TopK:
    """Check a TOPK_V2."""
    source, count, values, indices = site.input(0), site.integers(1), site.output(0), site.output(1)
    good = source.dtype == values.dtype and source.dtype in NUMBERS and source.dtype != "bool" and indices.dtype == "int32"
    site.require(good, f"with types {source.dtype}, {values.dtype}, {indices.dtype}", "It finds int32 positions of numbers.")
    site.require(count.size == 1 and len(source.shape) > 0, "has no single number of elements to find", CONVERT_AGAIN)
    k = int(count.reshape(-1)[0])
    site.require(0 < k <= source.shape[-1], f"finds {k} of {source.shape[-1]} elements", CONVERT_AGAIN)
    for output in (values, indices):
        site.require_shape(output, (*source.shape[:-1], k))
    return TopK(source, values, indices, k)


def _lower(op: TopK) -> Call:
    extent = op.source.shape[-1]
    return Call(
        kernel="ep_top_k",
        header="ep_top_k.h",
        fields={
            "rows": op.source.elements // extent,
            "extent": extent,
            "k": op.k,
            "type": NUMBERS[op.source.dtype],
            "bytes": BYTES[op.source.dtype],
        },
        inputs=(op.source.id,),
        outputs=(op.values.id, op.indices.id),
    )


TOPK_V2 = Operator("TOPK_V2", describe, (Kernel("ep_top_k", _lower, cost=lambda op: 5.0 * op.source.elements * (op.k + 2)),))
