"""ADD with the DSP extension: kernels/add/ep_add_dsp.h."""

from __future__ import annotations

from edgepack.compile.call import Call, in_place
from edgepack.compile.operators.add.generic import Add
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.quantize import SHORT_SHIFTS

HALF = (1 << 30, 0)  # the multiplier and shift of the operand whose scale is the larger


def _scaling(add: Add, operand: int) -> tuple[int, int]:
    return int(str(add.fields[f"multiplier_{operand}"])), int(str(add.fields[f"shift_{operand}"]))


def _large(add: Add) -> int | None:
    """Which operand (1 or 2) has the larger scale, by its exact multiplier of one half."""
    return next((operand for operand in (1, 2) if _scaling(add, operand) == HALF), None)


def _applies(add: Add) -> bool:
    large = _large(add)
    if not add.same_shape or large is None:
        return False
    _, shift = _scaling(add, 3 - large)
    return -22 <= shift <= 0 and -int(str(add.fields["out_shift"])) in SHORT_SHIFTS


def _lower(add: Add) -> Call:
    large = _large(add)
    assert large is not None
    small = 3 - large
    multiplier, shift = _scaling(add, small)
    operands = (add.first.id, add.second.id) if large == 1 else (add.second.id, add.first.id)
    return Call(
        kernel="ep_add_dsp",
        header="ep_add_dsp.h",
        fields={
            "size": add.fields["size"],
            "zero_large": add.fields[f"zero_{large}"],
            "zero_small": add.fields[f"zero_{small}"],
            "multiplier": multiplier,
            "right": -shift,
            "out_zero": add.fields["out_zero"],
            "out_multiplier": add.fields["out_multiplier"],
            "out_right": -int(str(add.fields["out_shift"])),
            "out_min": add.fields["out_min"],
            "out_max": add.fields["out_max"],
        },
        inputs=operands,
        outputs=(add.output.id,),
        overlaps=in_place(operands, add.output.id),
    )


KERNEL: Kernel[Add] = Kernel("ep_add_dsp", _lower, frozenset({"dsp"}), _applies, lambda add: 22.0 * add.output.elements)
