"""SQRT, LOG, GELU and ELU: int8, tables of functions computed in float32.

Reference: LiteRT's elementwise.cc for SQRT and LOG (tflite-runtime 2.14 has no int8 form of them), gelu.cc with reference/gelu.h,
TFLite Micro's elu.cc. All but SQRT tabulate the float function as PopulateLookupTable does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.activations.logistic_tanh_exp import dequantized, lookup_result
from edgepack.compile.operators.kernel import Operator, always
from edgepack.compile.operators.shared.lookup_table import TABLE_KERNEL, Table, describe_table, table_ranges
from edgepack.compile.operators.site import Site

Function = Callable[[np.float32], np.float32]


def _log(x: np.float32) -> np.float32:
    return np.float32(np.log(np.float64(x)))


def _elu(x: np.float32) -> np.float32:
    return np.float32(np.exp(np.float64(x))) - np.float32(1) if x < 0 else x


def _gelu(x: np.float32) -> np.float32:
    return np.float32(0.5) * x * np.float32(1 + math.erf(float(x * np.float32(math.sqrt(0.5)))))


def _gelu_approximate(x: np.float32) -> np.float32:
    cubic = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.float32(0.5) * x * (np.float32(1) + np.float32(np.tanh(np.float64(cubic))))


def _describe(site: Site, function: Function) -> Table:
    def result(x: int, source: Value, output: Value) -> int:
        with np.errstate(all="ignore"):
            return lookup_result(float(function(dequantized(x, source))), output)

    return describe_table(site, result)


def describe_sqrt(site: Site) -> Table:
    """Check a SQRT and tabulate it: LiteRT cuts the quotient off.

    It refuses to run on elements below zero; here they count as zero.
    """

    def result(x: int, source: Value, output: Value) -> int:
        real = dequantized(max(x, source.zero_point), source)
        return output.zero_point + int(np.sqrt(real) / np.float32(output.scale))

    return describe_table(site, result)


def describe_log(site: Site) -> Table:
    """Check a LOG and tabulate it; an element of zero or below gives the smallest output."""
    return _describe(site, _log)


def describe_elu(site: Site) -> Table:
    """Check an ELU and tabulate it."""
    return _describe(site, _elu)


def describe_gelu(site: Site) -> Table:
    """Check a GELU, exact or approximated by a tanh, and tabulate it."""
    return _describe(site, _gelu_approximate if site.option("approximate", False) else _gelu)


SQRT = Operator("SQRT", describe_sqrt, (TABLE_KERNEL,), ranges=table_ranges, channels_apart=always)
LOG = Operator("LOG", describe_log, (TABLE_KERNEL,), ranges=table_ranges, channels_apart=always)
ELU = Operator("ELU", describe_elu, (TABLE_KERNEL,), ranges=table_ranges, channels_apart=always)
GELU = Operator("GELU", describe_gelu, (TABLE_KERNEL,), ranges=table_ranges, channels_apart=always)
