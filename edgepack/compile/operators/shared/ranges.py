"""What the operators' range rules share: sums of weighted inputs between bounds, and what they become when requantised."""

from __future__ import annotations

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.kernel import Range
from edgepack.compile.operators.shared.convolution import Requantization
from edgepack.compile.quantize import multiply_by_quantized_multiplier


def weighted_range(weights: Data, low: Data, high: Data, requant: Requantization) -> Range | None:
    """The outputs of bias + sum(weights * x) for x between `low` and `high`, per channel.

    `weights` is (channels, elements) of int64, `low` and `high` broadcast to it. None when a left shift may wrap.
    """
    a, b = weights * low, weights * high
    return _outputs(requant, requant.bias + np.minimum(a, b).sum(axis=1), requant.bias + np.maximum(a, b).sum(axis=1))


def _outputs(requant: Requantization, least: Data, most: Data) -> Range | None:
    """Outputs of the smallest and largest accumulators; requantisation is monotone."""
    channels = least.size
    multipliers = np.broadcast_to(requant.multiplier, channels).tolist()
    shifts = np.broadcast_to(requant.shift, channels).tolist()
    bounds = []
    for accumulators in (least, most):
        row = []
        for accumulator, multiplier, shift in zip(accumulators.tolist(), multipliers, shifts, strict=True):
            if abs(accumulator) << max(shift, 0) >= 1 << 31:
                return None
            q = requant.out_zero + multiply_by_quantized_multiplier(accumulator, multiplier, shift)
            row.append(min(max(q, requant.out_min), requant.out_max))
        bounds.append(np.array(row, np.int64))
    return bounds[0], bounds[1]
