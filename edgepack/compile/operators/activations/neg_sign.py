"""NEG and SIGN: int8, tables.

Reference: LiteRT's neg.cc, for one scale and zero point; tflite-runtime's sign.cc, which takes the sign of the stored number.
"""

from __future__ import annotations

from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.lookup_table import TABLE_KERNEL, Table, describe_table
from edgepack.compile.operators.site import CONVERT_AGAIN, Site


def describe_neg(site: Site) -> Table:
    """Check a NEG and tabulate it."""
    source, output = site.input(0), site.output()
    same = (source.scale, source.zero_point) == (output.scale, output.zero_point)
    site.require(same, "changes the scale or zero point", CONVERT_AGAIN)
    return describe_table(site, lambda x, source, output: 2 * source.zero_point - x)


def describe_sign(site: Site) -> Table:
    """Check a SIGN and tabulate it."""
    return describe_table(site, lambda x, source, output: (x > 0) - (x < 0))


NEG = Operator("NEG", describe_neg, (TABLE_KERNEL,))
SIGN = Operator("SIGN", describe_sign, (TABLE_KERNEL,))
