"""SPLIT, SPLIT_V and UNPACK: parts of one tensor along an axis; PACK: tensors stacked along a new axis.

Reference: reference_ops.h (Split, Unpack, Pack). Each part is one copy of rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgepack.compile.call import Call
from edgepack.compile.graph import BYTES, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.movement.copying import require_movable
from edgepack.compile.operators.site import CONVERT_AGAIN, Site


@dataclass(frozen=True, eq=False)
class Parts:
    """`whole` is `rows` rows; each part is `lengths[i]` elements of every row. `joining`: parts are read, the whole written."""

    whole: Value
    parts: tuple[Value, ...]
    rows: int
    lengths: tuple[int, ...]
    joining: bool = False


def _number(site: Site, index: int) -> int:
    numbers = site.integers(index)
    site.require(numbers.size == 1, "has an axis that is not one number", CONVERT_AGAIN, site.input(index))
    return int(numbers.reshape(-1)[0])


def _axis(site: Site, axis: int, rank: int) -> int:
    site.require(-rank <= axis < rank, "has an axis out of range", CONVERT_AGAIN)
    return axis % rank


def _outputs(site: Site, source: Value) -> tuple[Value, ...]:
    outputs = tuple(site.output(index) for index in range(len(site.node.outputs)))
    for output in outputs:
        require_movable(site, source, output)
    return outputs


def _split(site: Site, source: Value, axis: int, sizes: list[int]) -> Parts:
    outputs = _outputs(site, source)
    good = len(sizes) == len(outputs) and min(sizes, default=0) > 0 and sum(sizes) == source.shape[axis]
    site.require(good, f"splits {source.shape[axis]} elements into {sizes}", CONVERT_AGAIN)
    for output, size in zip(outputs, sizes, strict=True):
        site.require_shape(output, (*source.shape[:axis], size, *source.shape[axis + 1 :]))
    inner = math.prod(source.shape[axis + 1 :])
    return Parts(source, outputs, math.prod(source.shape[:axis]), tuple(size * inner for size in sizes))


def describe_split(site: Site) -> Parts:
    """Check a SPLIT into equal parts; input 0 is the axis."""
    source = site.input(1)
    axis = _axis(site, _number(site, 0), len(source.shape))
    count = len(site.node.outputs)
    site.require(count > 0 and source.shape[axis] % count == 0, "splits unevenly", CONVERT_AGAIN)
    return _split(site, source, axis, [source.shape[axis] // count] * count)


def describe_split_v(site: Site) -> Parts:
    """Check a SPLIT_V into given sizes, one of which may be -1: the rest."""
    source = site.input(0)
    axis = _axis(site, _number(site, 2), len(source.shape))
    sizes = site.integers(1).reshape(-1).tolist()
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = source.shape[axis] - sum(sizes) - 1
    return _split(site, source, axis, sizes)


def describe_unpack(site: Site) -> Parts:
    """Check an UNPACK: one output for each position of an axis, which they lose."""
    source = site.input(0)
    axis = _axis(site, int(site.option("axis", 0)), len(source.shape))
    outputs = _outputs(site, source)
    site.require(len(outputs) == source.shape[axis], "has another number of outputs than positions", CONVERT_AGAIN)
    for output in outputs:
        site.require_shape(output, (*source.shape[:axis], *source.shape[axis + 1 :]))
    inner = math.prod(source.shape[axis + 1 :])
    return Parts(source, outputs, math.prod(source.shape[:axis]), (inner,) * len(outputs))


def describe_pack(site: Site) -> Parts:
    """Check a PACK of equal shapes."""
    output = site.output()
    operands = tuple(site.input(index) for index in range(len(site.node.inputs)))
    site.require(bool(operands), "has no inputs", CONVERT_AGAIN)
    shape = operands[0].shape
    axis = _axis(site, int(site.option("axis", 0)), len(shape) + 1)
    for operand in operands:
        require_movable(site, operand, output)
        site.require(operand.shape == shape, "stacks different shapes", CONVERT_AGAIN, operand)
        site.require(
            operand.scales == output.scales and operand.zero_points == output.zero_points,
            "stacks operands of different scale",
            "Convert with the TensorFlow converter, which rescales them.",
            operand,
        )
    site.require_shape(output, (*shape[:axis], len(operands), *shape[axis:]))
    inner = math.prod(shape[axis:])
    return Parts(output, operands, math.prod(shape[:axis]), (inner,) * len(operands), joining=True)


def _lower(parts: Parts) -> tuple[Call, ...]:
    element = BYTES[parts.whole.dtype]
    row = sum(parts.lengths) * element
    calls, start = [], 0
    for part, length in zip(parts.parts, parts.lengths, strict=True):
        size = length * element
        within, alone = ("out", "in") if parts.joining else ("in", "out")
        fields = {
            "rows": parts.rows,
            "bytes": size,
            f"{within}_start": start,
            f"{within}_stride": row,
            f"{alone}_start": 0,
            f"{alone}_stride": size,
        }
        source, target = (part, parts.whole) if parts.joining else (parts.whole, part)
        calls.append(Call("ep_copy_rows", "ep_copy_rows.h", fields, (source.id,), (target.id,)))
        start += size
    return tuple(calls)


_KERNEL: Kernel[Parts] = Kernel("ep_copy_rows", _lower, cost=lambda parts: 2.0 * parts.whole.elements)
SPLIT = Operator("SPLIT", describe_split, (_KERNEL,))
SPLIT_V = Operator("SPLIT_V", describe_split_v, (_KERNEL,))
UNPACK = Operator("UNPACK", describe_unpack, (_KERNEL,))
PACK = Operator("PACK", describe_pack, (_KERNEL,))
