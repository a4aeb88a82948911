"""The float functions of one element that are computed at compile time, where they stand between DEQUANTIZE and QUANTIZE.

Functions of two are among them where one is a constant number.

The pass tabulate_floats finds such chains, and float_table.py tabulates them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgepack.compile.graph import Data

TABLE = "FLOAT_TABLE"
"""The operator that replaces the chain's QUANTIZE; its option `functions` holds the float operators in their order."""


@dataclass(frozen=True)
class Function:
    """A float operator, and the constant that a function of two takes as its first or second operand."""

    name: str
    constant: float | None = None
    constant_first: bool = False

    def __call__(self, x: Data) -> Data:
        """The results, in float32."""
        if self.constant is None:
            return FUNCTIONS[self.name](x).astype(np.float32)
        constant = np.full_like(x, self.constant)
        operands = (constant, x) if self.constant_first else (x, constant)
        return OF_TWO[self.name](*operands).astype(np.float32)


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


def _floor_mod(x: Data, y: Data) -> Data:
    left = np.fmod(x, y)
    return np.where((left != 0) & ((left < 0) != (y < 0)), left + y, left)


OF_TWO: dict[str, Callable[[Data, Data], Data]] = {
    "POW": lambda x, y: np.power(x.astype(np.float64), y),
    "FLOOR_DIV": lambda x, y: np.floor(x.astype(np.float64) / y),
    "FLOOR_MOD": _floor_mod,
}
