"""Ranges of activations for quantization after training: what to clip so that the rest is stored finely.

An int8 activation has 256 values between the ends of its range. One outlier can widen the range so far that all others share a
few of them; clipping it costs little and gives the others more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.models import batches, model_inputs
from edgepack.compress.quantization import aware
from edgepack.ground.progress import Task
from edgepack.sources import Split

Calibration = Literal["minmax", "percentile", "mse"]

_BINS = 16384
_LEVELS = 256
# Ends tried for the least squared error: shares of the distance from zero to each extreme, down to where a level is two bins.
_SHARES = np.geomspace(1.0, 0.03, 60)
_ROUNDS = 3
_BATCH = 32


@dataclass
class Histogram:
    """How often an activation takes which values other than zero, in equal bins from `low` to `high`.

    Zero is always stored exactly. After a ReLU it is half of all values, and would hide how rare the outliers are.
    """

    low: float
    high: float
    counts: NDArray[np.float64] = field(default_factory=lambda: np.zeros(_BINS))

    @property
    def values(self) -> NDArray[np.float64]:
        """The middle of each bin."""
        edges = np.linspace(self.low, self.high, _BINS + 1)
        return np.asarray((edges[:-1] + edges[1:]) / 2)

    def add(self, values: NDArray[Any]) -> None:
        """Count more values."""
        self.counts += np.histogram(values[values != 0], _BINS, (self.low, self.high))[0]


def percentile_range(histogram: Histogram, percent: float) -> tuple[float, float]:
    """The range that holds `percent` of the values, half of the others left out at each end that there is; zero is in it."""
    edges = np.linspace(histogram.low, histogram.high, _BINS + 1)
    share = np.cumsum(histogram.counts) / histogram.counts.sum()
    out = (1 - percent / 100) / (2 if histogram.low < 0 < histogram.high else 1)
    low = edges[np.searchsorted(share, out, side="right")] if histogram.low < 0 else 0.0
    high = edges[1 + np.searchsorted(share, 1 - out)] if histogram.high > 0 else 0.0
    return min(0.0, float(low)), max(0.0, float(high))


def mse_range(histogram: Histogram) -> tuple[float, float]:
    """The range around zero with the least mean squared error of clipping and rounding to 256 levels.

    Each end in turn is the best of sixty shares of its extreme.
    """
    low, high = histogram.low, histogram.high
    for _ in range(_ROUNDS):
        high = min((histogram.high * share for share in _SHARES), key=lambda end: rounding_error(histogram, low, end))
        low = min((histogram.low * share for share in _SHARES), key=lambda end: rounding_error(histogram, end, high))
    return low, high


def rounding_error(histogram: Histogram, low: float, high: float) -> float:
    """Mean squared error of storing the values in `low`..`high` with 256 levels, zero being one of them."""
    step = (high - low) / (_LEVELS - 1)
    if step <= 0:
        return float("inf")
    zero = np.clip(np.round(-low / step), 0, _LEVELS - 1)
    stored = (np.clip(np.round(histogram.values / step) + zero, 0, _LEVELS - 1) - zero) * step
    return float(np.average((histogram.values - stored) ** 2, weights=histogram.counts))


def calibrate(model: Any, split: Split, method: Calibration, percent: float, task: Task) -> None:
    """Set every range of a model in TF-MOT's wrappers, those of the weights and those of the activations, from examples.

    The data goes through the unquantized model twice: once for the extremes, once to count between them.
    """
    import tensorflow as tf

    seen: dict[int, tuple[Any, Any, Histogram]] = {}

    def extremes(inputs: Any, min_var: Any, max_var: Any, average: bool) -> Any:
        low, high = float(tf.reduce_min(inputs)), float(tf.reduce_max(inputs))
        _, _, before = seen.setdefault(id(min_var), (min_var, max_var, Histogram(0.0, 0.0)))
        before.low, before.high = min(before.low, low), max(before.high, high)
        return inputs

    def count(inputs: Any, min_var: Any, max_var: Any, average: bool) -> Any:
        histogram = seen[id(min_var)][2]
        if histogram.high > histogram.low:
            histogram.add(inputs.numpy())
        return inputs

    passes = (extremes, count) if method != "minmax" else (extremes,)
    total = len(split) * len(passes)
    for place, record in enumerate(passes):
        with aware.recording(record):
            for part in batches(len(split), _BATCH):
                model(model_inputs(model, split, part), training=False)
                task.update(place * len(split) + part.stop, total, f"measuring activations of {len(split)} training examples")
    for min_var, max_var, histogram in seen.values():
        low, high = histogram.low, histogram.high
        if high > low and method == "percentile":
            low, high = percentile_range(histogram, percent)
        elif high > low and method == "mse":
            low, high = mse_range(histogram)
        aware.set_range(min_var, max_var, low, high)
    for layer in model.layers:
        for weight, quantizer, variables in getattr(layer, "_weight_vars", []):
            quantizer(weight, True, weights=variables)  # its range becomes that of the weights it has now
