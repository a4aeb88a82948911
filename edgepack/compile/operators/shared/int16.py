"""What operators on int16 activations share. TFLite's int16 tensors are symmetric: their zero point is 0.

int16 is checked against TFLite Micro, whose kernels are a microcontroller's reference; each file says where tflite-runtime's
differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.compile.operators.site import CHECK_RANGES, Site

WIDE_SHIFTS = range(-31, 8)
"""Shifts for which the requantisation of 64-bit accumulators is defined."""


def require_symmetric(site: Site, *values: Value) -> None:
    """Each value must have one scale, and no zero point if it is int16."""
    site.require_quantized(*values)
    for value in values:
        site.require(
            value.dtype != "int16" or value.zero_point == 0,
            f"has zero point {value.zero_point} for int16",
            "Convert the model again: int16 activations are symmetric.",
            value,
        )


def reduced(multiplier: int) -> int:
    """A 31-bit significand rounded to 15 bits, as the requantisation of 64-bit accumulators takes it."""
    return (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF


def accumulator_fields(site: Site, requant: Requantization) -> dict[str, Field]:
    """Struct members that turn accumulators into int16 outputs.

    Raises CompileError EP-704 for scales or weights beyond what the 64-bit requantisation is defined for.
    """
    multiplier = requant.multiplier
    if requant.wide:
        multiplier = np.array([reduced(int(m)) for m in multiplier], np.int32)
        site.require(all(int(shift) in WIDE_SHIFTS for shift in requant.shift), "has an output scale out of range", CHECK_RANGES)
        site.require(requant.largest < 1 << 47, "can overflow its accumulator", CHECK_RANGES)
    return {
        "wide": int(requant.wide),
        "out_min": requant.out_min,
        "out_max": requant.out_max,
        "bias": Array(requant.bias.astype(np.int64), "bias"),
        "multiplier": Array(multiplier, "multiplier"),
        "shift": Array(requant.shift, "shift"),
    }


@dataclass(frozen=True, eq=False)
class Weighted:
    """A checked operator with int8 weights, as its only kernel's call."""

    call: Call
    macs: int


def weighted(name: str, describe: Callable[[Site], Weighted], per_mac: float = 8.0) -> Operator[Weighted]:
    """The int16 form of an operator with weights, whose kernel takes so many instructions a multiply-accumulate."""
    kernel: Kernel[Weighted] = Kernel(
        f"ep_{name.lower()}_int16", lambda checked: checked.call, cost=lambda checked: per_mac * checked.macs
    )
    return Operator(name, describe, (kernel,))
