"""ADD as one sum of products, in assembly for the DSP extension: kernels/ep_add_products.h."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from edgepack.compile.call import Call, in_place
from edgepack.compile.graph import Data
from edgepack.compile.operators.add import LEFT_SHIFT, Add
from edgepack.compile.operators.registry import Kernel, register_kernel

SHIFT = 20  # EP_ADD_SHIFT
QUOTIENT = 8  # bits of a product that are dropped
NEARBY = sorted(itertools.product(range(-3, 4), repeat=2), key=lambda step: step[0] ** 2 + step[1] ** 2)
BYTES = np.arange(-128, 128, dtype=np.int64)


@lru_cache(maxsize=64)
def products(add: Add) -> tuple[int, int, int] | None:
    """Both multipliers and the offset that give TFLite's sum for every pair of operands; None if none were found."""
    numbers = {name: int(str(value)) for name, value in add.fields.items()}
    if (numbers["out_min"], numbers["out_max"]) != (-128, 127):
        return None
    sums = reference(numbers)
    ideal = [_real(numbers, "1") * 2.0 ** (SHIFT + QUOTIENT), _real(numbers, "2") * 2.0 ** (SHIFT + QUOTIENT)]
    for step in NEARBY:
        first, second = (round(real) + by for real, by in zip(ideal, step, strict=True))
        if not (0 < first < 1 << 31 and 0 < second < 1 << 31):
            return None
        spread = ((first * BYTES) >> QUOTIENT)[:, None] + ((second * BYTES) >> QUOTIENT)[None, :]
        # offset + spread lies between sums << SHIFT and (sums + 1) << SHIFT, without a limit where the sum saturates.
        low = ((sums << SHIFT) - spread).max(initial=-(1 << 40), where=sums > -128)
        high = (((sums + 1) << SHIFT) - spread).min(initial=1 << 40, where=sums < 127) - 1
        if low <= high and abs(low) < 1 << 30 and abs(high) < 1 << 30 and np.abs(spread).max() < 1 << 30:
            return first, second, int((low + high) // 2)
    return None


def _real(numbers: Mapping[str, int], operand: str) -> float:
    """The real factor of an operand in the output."""
    inner = numbers[f"multiplier_{operand}"] * 2.0 ** (numbers[f"shift_{operand}"] - 31)
    return inner * numbers["out_multiplier"] * 2.0 ** (numbers["out_shift"] - 31 + LEFT_SHIFT)


def reference(numbers: Mapping[str, int]) -> Data:
    """TFLite's sums, clamped, of all pairs of operands: (256, 256) from -128 on, as kernels/ep_add_element.h computes them."""
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


def _applies(add: Add) -> bool:
    shifts = [int(str(add.fields[f"{name}"])) for name in ("shift_1", "shift_2", "out_shift")]
    return add.same_shape and max(shifts) <= 0 and products(add) is not None


def _lower(add: Add) -> Call:
    found = products(add)
    assert found is not None
    operands = (add.first.id, add.second.id)
    return Call(
        kernel="ep_add_products",
        header="ep_add_products.h",
        fields={"size": add.output.elements, "multiplier_1": found[0], "multiplier_2": found[1], "offset": found[2]},
        inputs=operands,
        outputs=(add.output.id,),
        overlaps=in_place(operands, add.output.id),
    )


register_kernel(
    "ADD", Kernel("ep_add_products", _lower, frozenset({"dsp"}), _applies, lambda add: 30.0 + 6.0 * add.output.elements)
)
