"""hard_sigmoid within recurrent layers, whose activations cannot be put behind them.

Keras 3's is clip(x / 6 + 0.5, 0, 1), Keras 2's is clip(0.2 x + 0.5, 0, 1): with the weights of its gates times 5/6, a layer with
Keras 2's gives what Keras 3's did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_RATIO = 5.0 / 6.0
# What each gate of a cell, in the order of its columns, applies. An LSTM applies its activation to its state as well.
_GATES = {
    "LSTM": ("recurrent_activation", "recurrent_activation", "activation", "recurrent_activation"),
    "GRU": ("recurrent_activation", "recurrent_activation", "activation"),
    "SimpleRNN": ("activation",),
}
_KINDS = {
    **{f"{kind}{suffix}": kind for kind in _GATES for suffix in ("", "Cell")},
    **{f"ConvLSTM{size}D{suffix}": "LSTM" for size in (1, 2, 3) for suffix in ("", "Cell")},
    "ConvLSTM": "LSTM",
    "ConvLSTMCell": "LSTM",
}


def is_recurrent(class_name: str) -> bool:
    """Whether a layer or cell applies its activations in every step."""
    return class_name in _KINDS


def takes_hard_sigmoid(class_name: str, setting: str) -> bool:
    """Whether hard_sigmoid in this setting can be made up for in the weights."""
    kind = _KINDS.get(class_name)
    return kind is not None and setting in _GATES[kind] and not (kind == "LSTM" and setting == "activation")


def gate_factors(cell: Any) -> NDArray[np.float32] | None:
    """By what the last axis of a Keras 3 cell's weights is multiplied; None for no cell or other activations."""
    kind = _KINDS.get(type(cell).__name__)
    if kind is None or not cell._trainable_variables:
        return None
    names: Mapping[str, str] = {key: getattr(getattr(cell, key), "__name__", "") for key in set(_GATES[kind])}
    if "hard_sigmoid" not in names.values():
        return None
    factors = [_RATIO if names[gate] == "hard_sigmoid" else 1.0 for gate in _GATES[kind]]
    width = cell._trainable_variables[0].shape[-1] // len(factors)
    return np.repeat(np.asarray(factors, np.float32), width)
