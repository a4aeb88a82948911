"""ADD as a sum of two products, for every CPU (kernels/add/ep_add_scaled.h), and in assembly for the DSP extension
(kernels/add/ep_add_products.h).

TFLite's three requantisations are all but linear; multipliers and an offset are searched that give its result for each of the
65536 pairs of operands.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.graph import Data
from edgepack.compile.operators.add.generic import LEFT_SHIFT, Add
from edgepack.compile.operators.kernel import Kernel

DSP_SHIFT, DSP_DROPPED = 20, 8  # EP_ADD_SHIFT, and the bits of a product that SMLAW drops
NEARBY = sorted(itertools.product(range(-3, 4), repeat=2), key=lambda step: step[0] ** 2 + step[1] ** 2)
BYTES = np.arange(-128, 128, dtype=np.int64)


@lru_cache(maxsize=64)
def products(add: Add, shift: int, dropped: int) -> tuple[int, int, int] | None:
    """Multipliers and offset of y = clamp((offset + (a * first >> dropped) + (b * second >> dropped)) >> shift).

    They give TFLite's sum for all pairs of operands; None if there are none whose sums stay within 31 bits.
    """
    numbers = _numbers(add)
    sums = reference(numbers)
    ideal = [real * 2.0 ** (shift + dropped) for real in _reals(numbers)]
    for step in NEARBY:
        first, second = (round(real) + by for real, by in zip(ideal, step, strict=True))
        if not (0 < first < 1 << 31 and 0 < second < 1 << 31):
            return None
        spread = ((first * BYTES) >> dropped)[:, None] + ((second * BYTES) >> dropped)[None, :]
        # offset + spread lies between sums << shift and (sums + 1) << shift, without a limit where the sum is clamped.
        low = ((sums << shift) - spread).max(initial=-(1 << 40), where=sums > numbers["out_min"])
        high = (((sums + 1) << shift) - spread).min(initial=1 << 40, where=sums < numbers["out_max"]) - 1
        if low <= high and max(abs(low), abs(high), int(np.abs(spread).max())) < 1 << 30:
            return first, second, int((low + high) // 2)
    return None


def _numbers(add: Add) -> dict[str, int]:
    return {name: int(str(value)) for name, value in add.fields.items()}


def _reals(numbers: Mapping[str, int]) -> tuple[float, float]:
    """The real factors of both operands in the output."""
    outer = numbers["out_multiplier"] * 2.0 ** (numbers["out_shift"] - 31 + LEFT_SHIFT)
    first, second = (outer * numbers[f"multiplier_{i}"] * 2.0 ** (numbers[f"shift_{i}"] - 31) for i in "12")
    return first, second


def reference(numbers: Mapping[str, int]) -> Data:
    """TFLite's sums, clamped, of all pairs of operands, (256, 256) from -128 on: what kernels/add/ep_add_element.h computes."""
    first, second = (
        _requantize((BYTES - numbers[f"zero_{i}"]) << LEFT_SHIFT, numbers[f"multiplier_{i}"], numbers[f"shift_{i}"]) for i in "12"
    )
    total = _requantize(first[:, None] + second[None, :], numbers["out_multiplier"], numbers["out_shift"])
    return np.clip(total + numbers["out_zero"], numbers["out_min"], numbers["out_max"])


def _requantize(x: Data, multiplier: int, shift: int) -> Data:
    """MultiplyByQuantizedMultiplier for shift <= 0: both roundings to nearest, the second with ties away from zero."""
    high = (x * multiplier + (1 << 30)) >> 31
    if shift == 0:
        return high
    return (high + (1 << (-shift - 1)) - (high < 0)) >> -shift


def _finest_shift(add: Add) -> int:
    """The largest shift for which the sum of both products stays below 2^30."""
    return math.floor(30 - 7 - math.log2(sum(_reals(_numbers(add)))))


def _simple(add: Add) -> bool:
    numbers = _numbers(add)
    multipliers = min(numbers["multiplier_1"], numbers["multiplier_2"], numbers["out_multiplier"])
    return add.same_shape and max(numbers["shift_1"], numbers["shift_2"], numbers["out_shift"]) <= 0 < multipliers


def _scaled_applies(add: Add) -> bool:
    return _simple(add) and 1 <= _finest_shift(add) <= 30 and products(add, _finest_shift(add), 0) is not None


def _scaled(add: Add) -> Call:
    shift = _finest_shift(add)
    found = products(add, shift, 0)
    assert found is not None
    clamp = {name: add.fields[name] for name in ("out_min", "out_max")}
    return _call("ep_add_scaled", add, {**_fields(found), "shift": shift, **clamp})


def _dsp_applies(add: Add) -> bool:
    clamp = (add.fields["out_min"], add.fields["out_max"])
    return _simple(add) and clamp == (-128, 127) and products(add, DSP_SHIFT, DSP_DROPPED) is not None


def _dsp(add: Add) -> Call:
    found = products(add, DSP_SHIFT, DSP_DROPPED)
    assert found is not None
    return _call("ep_add_products", add, _fields(found))


def _fields(found: tuple[int, int, int]) -> dict[str, Field]:
    return dict(zip(("multiplier_1", "multiplier_2", "offset"), found, strict=True))


def _call(kernel: str, add: Add, fields: Mapping[str, Field]) -> Call:
    operands = (add.first.id, add.second.id)
    return Call(
        kernel=kernel,
        header=f"{kernel}.h",
        fields={"size": add.output.elements, **fields},
        inputs=operands,
        outputs=(add.output.id,),
        overlaps=in_place(operands, add.output.id),
    )


SCALED: Kernel[Add] = Kernel("ep_add_scaled", _scaled, frozenset(), _scaled_applies, lambda add: 15.0 * add.output.elements)
PRODUCTS: Kernel[Add] = Kernel(
    "ep_add_products", _dsp, frozenset({"dsp"}), _dsp_applies, lambda add: 30.0 + 6.0 * add.output.elements
)
