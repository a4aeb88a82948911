"""NEG: int8, a table.

Reference: LiteRT's neg.cc, which takes the stored numbers' negatives modulo 256: right for a zero point of 0 alone.
"""

from __future__ import annotations

from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.lookup_table import TABLE_KERNEL, Table, describe_table
from edgepack.compile.operators.shared.straight_line import LINE_KERNEL
from edgepack.compile.operators.site import Site

HINT = (
    "No reference kernel computes that: subtract from zero, or multiply by -1. "
    "Converters leave NEG in float32 between DEQUANTIZE and QUANTIZE, which is compiled."
)


def describe(site: Site) -> Table:
    """Check a NEG and tabulate it."""
    source, output = site.input(0), site.output()
    site.require_quantized(source, output)
    good = source.scale == output.scale and source.zero_point == output.zero_point == 0
    site.require(good, "has a zero point or changes the scale", HINT)
    return describe_table(site, lambda x, source, output: -x if x > -128 else x)


NEG = Operator("NEG", describe, (TABLE_KERNEL, LINE_KERNEL))
