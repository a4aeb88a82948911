"""DYNAMIC_UPDATE_SLICE of any type: the first input with the second written over it, from computed positions on.

Reference: dynamic_update_slice.cc. A block that would reach out of the tensor moves inside.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call, in_place
from edgepack.compile.graph import BYTES, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.movement.copying import require_movable
from edgepack.compile.operators.shared.numbers import INTEGERS
from edgepack.compile.operators.site import CONVERT_AGAIN, Site

RANK = 6


@dataclass(frozen=True, eq=False)
class Update:
    """A checked update: `block` goes into `whole`, from `start` on."""

    whole: Value
    block: Value
    start: Value
    output: Value


def describe(site: Site) -> Update:
    """Check a DYNAMIC_UPDATE_SLICE."""
    whole, block, start, output = site.input(0), site.input(1), site.input(2), site.output()
    require_movable(site, whole, output)
    site.require(block.dtype == whole.dtype, f"writes {block.dtype} into {whole.dtype}", CONVERT_AGAIN, block)
    site.require(start.dtype in ("int32", "int64"), f"with positions of type {start.dtype}", CONVERT_AGAIN, start)
    site.require_shape(output, whole.shape)
    rank = len(whole.shape)
    inside = len(block.shape) == rank and all(a <= b for a, b in zip(block.shape, whole.shape, strict=True))
    site.require(inside, f"writes {list(block.shape)} into {list(whole.shape)}", CONVERT_AGAIN, block)
    site.require(1 <= rank <= RANK, f"is over {rank} dimensions", f"At most {RANK} are compiled.")
    site.require(start.shape == (rank,), f"has positions of shape {list(start.shape)}", CONVERT_AGAIN, start)
    return Update(whole, block, start, output)


def _lower(update: Update) -> Call:
    rank = len(update.whole.shape)
    ones = (1,) * (RANK - rank)
    operands = (update.whole.id, update.block.id, update.start.id)
    return Call(
        kernel="ep_update_slice",
        header="ep_update_slice.h",
        fields={
            "size": update.output.bytes,
            "bytes": BYTES[update.output.dtype],
            "axes": rank,
            "type": INTEGERS[update.start.dtype],
            "whole": (*update.whole.shape, *ones),
            "block": (*update.block.shape, *ones),
        },
        inputs=operands,
        outputs=(update.output.id,),
        overlaps=in_place(operands[:1], update.output.id) if operands.count(update.whole.id) == 1 else (),
    )


DYNAMIC_UPDATE_SLICE = Operator(
    "DYNAMIC_UPDATE_SLICE",
    describe,
    (Kernel("ep_update_slice", _lower, cost=lambda update: 1.0 * update.output.bytes + 2.0 * update.block.bytes),),
)
