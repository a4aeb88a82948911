"""What the operators' range rules share: sums of weighted inputs between bounds, and what they become when requantised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.kernel import Range
from edgepack.compile.operators.shared.requantize import Requantization


def weighted_range(weights: Data, low: Data, high: Data, requant: Requantization) -> Range:
    """The outputs of bias + sum(weights * x) for x between `low` and `high`, per channel.

    `weights` is (channels, elements) of int64, `low` and `high` broadcast to it. Requantisation is monotone, unless a left shift
    may wrap: nothing is known then.
    """
    a, b = weights * low, weights * high
    least, most = (requant.bias + bound(a, b).sum(axis=1) for bound in (np.minimum, np.maximum))
    rows = [
        (channel.out_min, channel.out_max) if channel.wraps else (channel.output(channel.least), channel.output(channel.most))
        for channel in replace(requant, least=least, most=most).channels()
    ]
    lowest, highest = np.array(rows, np.int64).reshape(-1, 2).T
    return lowest, highest
