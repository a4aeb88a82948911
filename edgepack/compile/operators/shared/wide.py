"""Weights of 9 bits, as a uint8 model's are less their zero point. Until they are packed they are int16."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data


def is_wide(problem: Any) -> bool:
    """Whether an operator's weights take 9 bits."""
    return isinstance(weights := getattr(problem, "weights", None), np.ndarray) and weights.dtype == np.int16


def stored(weights: Data) -> tuple[Data, int]:
    """Weights that span at most 256 numbers, zero among them, as bytes, and the byte that stands for zero."""
    if weights.dtype == np.int8:
        return weights, 0
    zero = -128 - int(weights.min(initial=0))
    return (weights + zero).astype(np.int8), zero


def wide_call(plain: Call, weights: Data) -> Call:
    """A portable kernel's call as the call of its twin for such weights, which have one scale."""
    name = f"{plain.kernel}_wide"
    data, zero = stored(weights)
    fields = {key: value for key, value in plain.fields.items() if key != "per_channel"}
    return replace(
        plain, kernel=name, header=f"{name}.h", fields={**fields, "weight_zero": zero, "weights": Array(data, "weights")}
    )
