"""FLOAT_TABLE (made by passes/tabulate_floats.py) and EXP: functions of one int8 element computed in float32, as a table.

References: reference/dequantize.h, the operators' float kernels, reference/quantize.h; exp.cc tabulates int8 by itself.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.activations.logistic import dequantized, lookup_result
from edgepack.compile.operators.registry import Operator, Site, register
from edgepack.compile.operators.shared.table import TABLE_KERNEL, Table, describe_table, table_operator
from edgepack.compile.passes.tabulate_floats import FUNCTIONS, TABLE

INT32 = 1 << 32


def describe(site: Site) -> Table:
    """Tabulate the float operators between a DEQUANTIZE and its QUANTIZE."""
    source, output = site.input(0), site.output()
    site.require_quantized(source, output)
    names = site.option("functions", ())
    with np.errstate(all="ignore"):
        real = np.array([dequantized(x, source) for x in range(-128, 128)], np.float32)
        for name in names:
            real = FUNCTIONS[name](real).astype(np.float32)
        scaled = real / np.float32(output.scale)
    whole = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
    # What does not fit 32 bits becomes the smallest integer, as the reference's x86 build converts it.
    fits = np.isfinite(whole) & (np.abs(whole.astype(np.float64)) < INT32 // 2)
    integers = np.where(fits, whole.astype(np.float64), -INT32 // 2)
    results = [((int(n) + output.zero_point + INT32 // 2) % INT32) - INT32 // 2 for n in integers]
    return describe_table(site, lambda x, source, output: results[x + 128])


def _exp(x: int, source: Value, output: Value) -> int:
    with np.errstate(over="ignore"):
        exponential = np.float32(np.exp(np.float64(dequantized(x, source))))
    return lookup_result(float(min(exponential, np.float32(output.scale) * np.float32(1 << 20))), output)


register(Operator(TABLE, describe, (TABLE_KERNEL,)))
register(table_operator("EXP", _exp))
