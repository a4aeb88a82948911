"""SOFTMAX over the last axis, int16; and of int8 to int16, which is the int8 kernel with more bits of its result.

Reference: reference/softmax.h, SoftmaxInt16; softmax_common.cc and LUTPopulateInt16 of internal/common.h make the tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Array, Call, Field, in_place
from edgepack.compile.graph import Data
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.int16 import require_symmetric
from edgepack.compile.operators.site import CHECK_RANGES, CONVERT_AGAIN, Site
from edgepack.compile.operators.softmax import generic as softmax
from edgepack.compile.quantize import quantize_multiplier

STEPS = 512
LARGEST_DEPTH = 1 << 16  # sums of that many Q0.15 numbers fit 32 bits


@dataclass(frozen=True, eq=False)
class Softmax:
    """A checked softmax; `fields` are the members of struct ep_softmax_int16."""

    input: int
    output: int
    elements: int
    fields: dict[str, Field]


def _round(x: Data) -> Data:
    """C's round() on float32: halves away from zero."""
    whole = np.trunc(x)
    rounded: Data = (whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0)).astype(np.float32)
    return rounded


def table(low: float, high: float, function: Callable[[Data], Data]) -> Data:
    """`function` at 513 points from low to high in Q0.15, each corrected by half the interpolation's error in its middle."""
    one = np.float32
    step = (one(high) - one(low)) / one(STEPS)
    half = step / one(2)
    inverse = one(65536) / (one(32767) * one(2.0 / 65535) - one(-32768) * one(2.0 / 65535))

    def at(positions: Data) -> Data:
        return function(positions.astype(np.float64)).astype(np.float32)

    index = np.arange(STEPS, dtype=np.float32)
    here, middle, after = at(one(low) + index * step), at(one(low) + index * step + half), at(one(low) + (index + one(1)) * step)
    sample = _round(here * inverse)
    error = _round((after * inverse + _round(here * inverse)) / one(2)) - _round(middle * inverse)
    last = _round(at(np.array([high], np.float32)) * inverse)
    points: Data = np.concatenate([sample - _round(error / one(2)), last]).clip(-32768, 32767).astype(np.int16)
    return points


def describe(site: Site) -> Softmax | softmax.Softmax:
    """Check a SOFTMAX and scale its differences."""
    source, output = site.input(0), site.output()
    if source.dtype == "int8":
        return softmax.describe(site)
    site.require_types(("int16", "int16"), ("int8", "int16"))
    require_symmetric(site, source, output)
    site.require_shape(output, source.shape)
    site.require(
        math.isclose(output.scale, 1 / 32768, rel_tol=1e-3),
        f"has output scale {output.scale}",
        "TensorFlow Lite fixes it at 1/32768; convert the model again.",
        output,
    )
    depth = source.shape[-1] if source.shape else 1
    site.require(0 < depth < LARGEST_DEPTH, f"is over {depth} values", CONVERT_AGAIN, source)
    beta = float(site.option("beta", 1.0))
    real = source.scale * beta / (10.0 / 65535.0)
    site.require(0 < real < math.inf, f"has a beta of {beta}", "Use a beta above 0.")
    multiplier, shift = quantize_multiplier(real)
    site.require(shift <= 14, "has an input scale too large to compute with", CHECK_RANGES, source)
    low, high = np.float32(10.0 / 65535) * np.float32(-65535), np.float32(1.0 / 65535) * np.float32(65535)
    fields: dict[str, Field] = {
        "rows": source.elements // depth,
        "depth": depth,
        "multiplier": multiplier,
        "shift": shift,
        "exponential": Array(table(float(low), 0.0, np.exp), "exp from -10 to 0"),
        "reciprocal": Array(table(0.0, float(high), lambda x: 1.0 / (1.0 + x)), "1 / (1 + x) from 0 to 1"),
    }
    return Softmax(source.id, output.id, output.elements, fields)


def _lower(found: Softmax | softmax.Softmax) -> Call:
    if isinstance(found, softmax.Softmax):
        return softmax.lower_softmax(found)
    return Call(
        kernel="ep_softmax_int16",
        header="ep_softmax_int16.h",
        fields=found.fields,
        inputs=(found.input,),
        outputs=(found.output,),
        overlaps=in_place((found.input,), found.output),
    )


SOFTMAX = Operator("SOFTMAX", describe, (Kernel("ep_softmax_int16", _lower),))
