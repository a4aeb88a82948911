"""ADD as one sum of products with the vector extension: kernels/add/ep_add_mve.h."""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np

from edgepack.compile.call import Call, in_place
from edgepack.compile.operators.add.generic import LEFT_SHIFT, Add
from edgepack.compile.operators.add.products import reference
from edgepack.compile.operators.kernel import Kernel

SHIFT = 21  # 16 + EP_ADD_MVE_SHIFT
NEARBY = sorted(itertools.product(range(-3, 4), repeat=2), key=lambda step: step[0] ** 2 + step[1] ** 2)
BYTES = np.arange(-128, 128, dtype=np.int64)


@lru_cache(maxsize=64)
def products(add: Add) -> tuple[int, int, int] | None:
    """Both multipliers and the offset that give TFLite's sum for every pair of operands; None if none were found."""
    numbers = {name: int(str(value)) for name, value in add.fields.items()}
    if (numbers["out_min"], numbers["out_max"]) != (-128, 127):
        return None
    sums = reference(numbers)
    outer = numbers["out_multiplier"] * 2.0 ** (numbers["out_shift"] - 31 + LEFT_SHIFT)
    ideal = [numbers[f"multiplier_{i}"] * 2.0 ** (numbers[f"shift_{i}"] - 31 + SHIFT) * outer for i in "12"]
    for step in NEARBY:
        first, second = (round(real) + by for real, by in zip(ideal, step, strict=True))
        if not (first > 0 and second > 0):
            return None
        spread = (first * BYTES)[:, None] + (second * BYTES)[None, :]
        # offset + spread lies between sums << SHIFT and (sums + 1) << SHIFT, without a limit where the sum saturates.
        low = ((sums << SHIFT) - spread).max(initial=-(1 << 40), where=sums > -128)
        high = (((sums + 1) << SHIFT) - spread).min(initial=1 << 40, where=sums < 127) - 1
        if low <= high and abs(low) < 1 << 30 and abs(high) < 1 << 30 and np.abs(spread).max() < 1 << 30:
            return first, second, int((low + high) // 2)
    return None


def _applies(add: Add) -> bool:
    shifts = [int(str(add.fields[name])) for name in ("shift_1", "shift_2", "out_shift")]
    return add.same_shape and max(shifts) <= 0 and products(add) is not None


def _lower(add: Add) -> Call:
    found = products(add)
    assert found is not None
    operands = (add.first.id, add.second.id)
    return Call(
        kernel="ep_add_mve",
        header="ep_add_mve.h",
        fields={"size": add.output.elements, "multiplier_1": found[0], "multiplier_2": found[1], "offset": found[2]},
        inputs=operands,
        outputs=(add.output.id,),
        overlaps=in_place(operands, add.output.id),
    )


KERNEL: Kernel[Add] = Kernel("ep_add_mve", _lower, frozenset({"mve"}), _applies, lambda add: 30.0 + 2.1 * add.output.elements)
