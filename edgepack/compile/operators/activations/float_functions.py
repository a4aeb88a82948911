"""The float functions of one element that are computed at compile time, where they stand between DEQUANTIZE and QUANTIZE.

The pass tabulate_floats finds such chains, and float_table.py tabulates them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgepack.compile.graph import Data

TABLE = "FLOAT_TABLE"
"""The operator that replaces the chain's QUANTIZE; its option `functions` names the float operators in their order."""


def _through_double(function: Callable[[Data], Data]) -> Callable[[Data], Data]:
    """A float32 function as a good math library rounds it."""
    return lambda x: np.asarray(function(x.astype(np.float64))).astype(np.float32)


FUNCTIONS: dict[str, Callable[[Data], Data]] = {
    "NEG": lambda x: -x,
    "ABS": np.abs,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
    "ROUND": np.rint,
    "SIGN": np.sign,
    "SQUARE": lambda x: x * x,
    "SQRT": np.sqrt,
    "RSQRT": lambda x: np.float32(1) / np.sqrt(x),
    "EXP": _through_double(np.exp),
    "LOG": _through_double(np.log),
    "SIN": _through_double(np.sin),
    "COS": _through_double(np.cos),
    "ELU": _through_double(lambda x: np.where(x < 0, np.expm1(x), x)),
    "RELU": lambda x: np.maximum(x, np.float32(0)),
    "RELU6": lambda x: np.clip(x, np.float32(0), np.float32(6)),
    "RELU_N1_TO_1": lambda x: np.clip(x, np.float32(-1), np.float32(1)),
}
