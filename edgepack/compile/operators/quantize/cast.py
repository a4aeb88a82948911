"""CAST between bool, int8, int16, int32, int64 and float32: the stored numbers, whatever their scales.

Reference: cast.cc. A float out of an integer's range converts as on x86.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call, in_place
from edgepack.compile.graph import BYTES, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.numbers import NUMBERS
from edgepack.compile.operators.site import Site


@dataclass(frozen=True, eq=False)
class Cast:
    """A checked conversion."""

    source: Value
    output: Value


def describe(site: Site) -> Cast:
    """Check a CAST."""
    source, output = site.input(0), site.output()
    known = source.dtype in NUMBERS and output.dtype in NUMBERS
    site.require(known, f"from {source.dtype} to {output.dtype}", f"It is compiled for {', '.join(NUMBERS)}.")
    site.require_shape(output, source.shape)
    return Cast(source, output)


def _lower(cast: Cast) -> Call:
    same = BYTES[cast.source.dtype] == BYTES[cast.output.dtype]
    return Call(
        kernel="ep_cast",
        header="ep_cast.h",
        fields={
            "size": cast.output.elements,
            "from": NUMBERS[cast.source.dtype],
            "to": NUMBERS[cast.output.dtype],
            "boolean": int(cast.output.dtype == "bool"),
        },
        inputs=(cast.source.id,),
        outputs=(cast.output.id,),
        overlaps=in_place((cast.source.id,), cast.output.id) if same else (),
    )


CAST = Operator("CAST", describe, (Kernel("ep_cast", _lower, cost=lambda cast: 15.0 * cast.output.elements),))
