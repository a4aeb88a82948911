"""FULLY_CONNECTED: int8, one scale for the weights or one for each output.

Reference: reference/integer_ops/fully_connected.h, FullyConnected and FullyConnectedPerChannel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.kernel import Kernel, Operator, Range, Ranges
from edgepack.compile.operators.shared.convolution import requantization, require_filter_types
from edgepack.compile.operators.shared.ranges import weighted_range
from edgepack.compile.operators.shared.requantize import Requantization, requantization_fields
from edgepack.compile.operators.site import CONVERT_AGAIN, Site


@dataclass(frozen=True, eq=False)
class FullyConnected:
    """A checked matrix product: `batches` rows of the input by `weights` (out_size, in_size)."""

    operator: ClassVar[str] = "FULLY_CONNECTED"

    input: int
    output: int
    batches: int
    dtype: str
    weights: Data
    requantization: Requantization
    shared: bool
    """Whether another operator has the same weights."""

    def channels(self, first: int, end: int) -> FullyConnected:
        """The product that computes outputs first … end - 1 of this one."""
        return replace(self, weights=self.weights[first:end], requantization=self.requantization.part(first, end))

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.batches * self.weights.size


def describe(site: Site) -> FullyConnected:
    """Check a FULLY_CONNECTED and gather its numbers."""
    source, filters, output = site.input(0), site.constant(1), site.output()
    bias = site.constant(2) if site.has_input(2) else None
    require_filter_types(site)
    site.require(
        site.option("weights_format", "DEFAULT") == "DEFAULT",
        "has shuffled weights",
        "Convert the model without weight shuffling.",
        filters,
    )
    site.require(len(filters.shape) == 2, "has weights that are not a matrix", CONVERT_AGAIN, filters)
    assert filters.data is not None
    out_size, in_size = filters.shape
    site.require(
        in_size > 0 and source.elements % in_size == 0,
        f"has {source.elements} inputs for rows of {in_size} weights",
        CONVERT_AGAIN,
    )
    batches = source.elements // in_size
    site.require(output.elements == batches * out_size, "has an output of the wrong size", CONVERT_AGAIN)
    bounds = source.limits if source.shape and source.shape[-1] == in_size else None
    requant = requantization(site, filters.data, filters, bias, source, output, product_in_float=True, bounds=bounds)
    return FullyConnected(
        input=source.id,
        output=output.id,
        batches=batches,
        dtype=source.dtype,
        weights=requant.without(filters.data),
        requantization=requant,
        shared=site.shares(filters),
    )


def for_each_output(dense: FullyConnected) -> Requantization:
    """Its requantisation with a multiplier and a shift for every output."""
    one, outputs = dense.requantization, dense.weights.shape[0]
    return replace(one, multiplier=np.broadcast_to(one.multiplier, outputs), shift=np.broadcast_to(one.shift, outputs))


def _ranges(dense: FullyConnected, ranges: Ranges) -> Range | None:
    low, high = ranges[dense.input]
    if low.size != dense.weights.shape[1]:
        return None
    return weighted_range(dense.weights.astype(np.int64), low, high, dense.requantization)


def portable(dense: FullyConnected) -> Call:
    """The call of the portable kernel."""
    return Call(
        kernel="ep_fully_connected",
        header="ep_fully_connected.h",
        fields={
            "batches": dense.batches,
            "in_size": dense.weights.shape[1],
            "out_size": dense.weights.shape[0],
            "per_channel": int(dense.requantization.multiplier.size > 1),
            "weights": Array(dense.weights, "weights"),
            **requantization_fields(dense.requantization),
        },
        inputs=(dense.input,),
        outputs=(dense.output,),
    )


def cost(dense: FullyConnected) -> float:
    """Instructions: 6 a multiply-accumulate and 75 an output on the Cortex-M0+."""
    return 6.0 * dense.macs + 75.0 * dense.batches * dense.weights.shape[0]


def _cost_thumb2(dense: FullyConnected) -> float:
    """Instructions: 4 a multiply-accumulate and 25 an output, where there is a long multiplication; measured on the Cortex-M4."""
    return 4.0 * dense.macs + 25.0 * dense.batches * dense.weights.shape[0]


FULLY_CONNECTED = Operator(
    "FULLY_CONNECTED",
    describe,
    (
        Kernel("ep_fully_connected", portable, cost=cost),
        Kernel("ep_fully_connected", portable, frozenset({"thumb2"}), cost=_cost_thumb2),
    ),
    ranges=_ranges,
)
