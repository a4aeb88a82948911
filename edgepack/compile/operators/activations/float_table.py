"""FLOAT_TABLE, which the pass tabulate_floats makes: float functions of one int8 element, one after the other, as a table.

References: reference/dequantize.h, the operators' float kernels, reference/quantize.h.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.operators.activations.float_functions import TABLE
from edgepack.compile.operators.activations.logistic_tanh_exp import dequantized
from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.lookup_table import TABLE_KERNEL, Table, describe_table
from edgepack.compile.operators.site import Site

INT32 = 1 << 32


def describe(site: Site) -> Table:
    """Tabulate the float operators between a DEQUANTIZE and its QUANTIZE."""
    source, output = site.input(0), site.output()
    site.require_quantized(source, output)
    with np.errstate(all="ignore"):
        real = np.array([dequantized(x, source) for x in range(-128, 128)], np.float32)
        for function in site.option("functions", ()):
            real = function(real)
        scaled = real / np.float32(output.scale)
    whole = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
    # What does not fit 32 bits becomes the smallest integer, as the reference's x86 build converts it.
    fits = np.isfinite(whole) & (np.abs(whole.astype(np.float64)) < INT32 // 2)
    integers = np.where(fits, whole.astype(np.float64), -INT32 // 2)
    results = [((int(n) + output.zero_point + INT32 // 2) % INT32) - INT32 // 2 for n in integers]
    return describe_table(site, lambda x, source, output: results[x + 128])


FLOAT_TABLE = Operator(TABLE, describe, (TABLE_KERNEL,))
