"""Shapes that single operators compute, from their inputs' shapes, their options and what is known of their inputs' values.

Every rule gives the shape of each of the operator's outputs, and raises one of values.FAILURES where it cannot be told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.flatbuffer.model import Array
from edgepack.flatbuffer.rules import values
from edgepack.flatbuffer.rules.values import Options, number

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Operands:
    """An operator's inputs: their shapes (None where left out) and what is known of their values."""

    shapes: Sequence[Shape]
    values: Sequence[Array | None]
    options: Options

    def integers(self, index: int) -> list[int]:
        """A known input as integers. Raises ValueError when it is not known."""
        value = self.values[index] if index < len(self.values) else None
        if value is None:
            raise ValueError("not known")
        return [int(item) for item in value.reshape(-1)]


Rule = Callable[[Operands], Shape]


def same(o: Operands) -> Shape:
    """The first operand's."""
    return o.shapes[0]


def broadcast(o: Operands) -> Shape:
    """Of all operands, by numpy's rule."""
    return np.broadcast_shapes(*o.shapes)


def conv_2d(o: Operands) -> Shape:
    """Kernels are (out, height, width, in)."""
    return _window(o, o.shapes[1][1], o.shapes[1][2], o.shapes[1][0])


def depthwise_conv_2d(o: Operands) -> Shape:
    """Kernels are (1, height, width, out)."""
    return _window(o, o.shapes[1][1], o.shapes[1][2], o.shapes[1][3])


def reduction(o: Operands) -> Shape:
    """Over the axes of the second operand, kept as 1 if keep_dims says so."""
    return _reduced(o, o.options.get("keep_dims"))


def search(o: Operands) -> Shape:
    """The position along one axis, which goes."""
    return _reduced(o, False)


def resize(o: Operands) -> Shape:
    """Height and width from the second operand."""
    return (o.shapes[0][0], *o.integers(1), o.shapes[0][3])


def first_value(o: Operands) -> Shape:
    """What the first operand says: of FILL, and of TRANSPOSE_CONV."""
    return tuple(o.integers(0))


def second_value(o: Operands) -> Shape:
    """What the second operand says."""
    return tuple(o.integers(1))


def third_value(o: Operands) -> Shape:
    """What the third operand says."""
    return tuple(o.integers(2))


def embedding(o: Operands) -> Shape:
    """A row of the second operand for each index."""
    return (*o.shapes[0], *o.shapes[1][1:])


def gather_nd(o: Operands) -> Shape:
    """A block of the first operand for each row of positions."""
    return (*o.shapes[1][:-1], *o.shapes[0][o.shapes[1][-1] :])


def one_hot(o: Operands) -> Shape:
    """With one axis more, as long as the second operand says."""
    axis = number(o.options, "axis")
    at = len(o.shapes[0]) if axis == -1 else axis
    return (*o.shapes[0][:at], o.integers(1)[0], *o.shapes[0][at:])


def top_k(o: Operands) -> Shape:
    """As many of the last axis as the second operand says."""
    return (*o.shapes[0][:-1], o.integers(1)[0])


def space_to_depth(o: Operands) -> Shape:
    """Blocks of pixels become channels."""
    return _blocks(o, True)


def depth_to_space(o: Operands) -> Shape:
    """Channels become blocks of pixels."""
    return _blocks(o, False)


def transpose(o: Operands) -> Shape:
    """In the order of the second operand."""
    return tuple(o.shapes[0][axis] for axis in o.integers(1))


def tile(o: Operands) -> Shape:
    """As many times as the second operand says."""
    return tuple(n * times for n, times in zip(o.shapes[0], o.integers(1), strict=True))


def rank(o: Operands) -> Shape:
    """One number an axis."""
    return (len(o.shapes[0]),)


def reshape(o: Operands) -> Shape:
    """The shape asked for, one extent of which may be -1: the rest."""
    wanted = o.integers(1) if len(o.shapes) > 1 else [int(str(n)) for n in _sequence(o.options.get("new_shape"))]
    rest = math.prod(extent for extent in wanted if extent != -1)
    return tuple(math.prod(o.shapes[0]) // rest if extent == -1 else extent for extent in wanted)


def _sequence(option: object) -> Sequence[object]:
    return list(option) if isinstance(option, (tuple, list)) else []


def squeeze(o: Operands) -> Shape:
    """Without the axes named, or all of extent 1."""
    shape = o.shapes[0]
    axes = {int(str(axis)) % len(shape) for axis in _sequence(o.options.get("squeeze_dims"))}
    return tuple(extent for axis, extent in enumerate(shape) if not (axis in axes or (not axes and extent == 1)))


def expand(o: Operands) -> Shape:
    """With one axis more."""
    axis = o.integers(1)[0]
    shape = list(o.shapes[0])
    shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, 1)
    return tuple(shape)


def _window(o: Operands, height: int, width: int, channels: int) -> Shape:
    extents = []
    for axis, (size, letter) in enumerate(((height, "h"), (width, "w"))):
        effective = (size - 1) * number(o.options, f"dilation_{letter}_factor", 1) + 1
        stride, extent = number(o.options, f"stride_{letter}", 1), o.shapes[0][1 + axis]
        extents.append(-(-extent // stride) if o.options.get("padding") == "SAME" else (extent - effective + stride) // stride)
    return (o.shapes[0][0], *extents, channels)


def pool(o: Operands) -> Shape:
    """A window of the options' size over each channel."""
    return _window(o, number(o.options, "filter_height"), number(o.options, "filter_width"), o.shapes[0][3])


def fully_connected(o: Operands) -> Shape:
    """Weights are (out, in)."""
    rows, columns = o.shapes[1]
    if o.options.get("keep_num_dims"):
        return (*o.shapes[0][:-1], rows)
    return (math.prod(o.shapes[0]) // columns, rows)


def space_to_batch(o: Operands) -> Shape:
    """Blocks of positions become batches."""
    blocks, pads, shape = o.integers(1), o.integers(2), o.shapes[0]
    spatial = [(shape[1 + i] + pads[2 * i] + pads[2 * i + 1]) // block for i, block in enumerate(blocks)]
    return (shape[0] * math.prod(blocks), *spatial, *shape[1 + len(blocks) :])


def batch_to_space(o: Operands) -> Shape:
    """Batches become blocks of positions."""
    blocks, crops, shape = o.integers(1), o.integers(2), o.shapes[0]
    spatial = [shape[1 + i] * block - crops[2 * i] - crops[2 * i + 1] for i, block in enumerate(blocks)]
    return (shape[0] // math.prod(blocks), *spatial, *shape[1 + len(blocks) :])


def _blocks(o: Operands, deeper: bool) -> Shape:
    block, (batches, height, width, channels) = number(o.options, "block_size"), o.shapes[0]
    if deeper:
        return (batches, height // block, width // block, channels * block * block)
    return (batches, height * block, width * block, channels // (block * block))


def pad(o: Operands) -> Shape:
    """Amounts are (axis, before and after)."""
    amounts = o.integers(1)
    return tuple(extent + amounts[2 * axis] + amounts[2 * axis + 1] for axis, extent in enumerate(o.shapes[0]))


def concatenation(o: Operands) -> Shape:
    """Extents add up along the axis."""
    axis = number(o.options, "axis") % len(o.shapes[0])
    return tuple(sum(s[i] for s in o.shapes) if i == axis else extent for i, extent in enumerate(o.shapes[0]))


def pack(o: Operands) -> Shape:
    """Operands of one shape along a new axis."""
    shape = list(o.shapes[0])
    axis = number(o.options, "axis")
    shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, len(o.shapes))
    return tuple(shape)


def unpack(o: Operands) -> Shape:
    """Each output loses the axis."""
    axis = number(o.options, "axis") % len(o.shapes[0])
    return tuple(extent for i, extent in enumerate(o.shapes[0]) if i != axis)


def split(o: Operands) -> Shape:
    """Of each output: equal parts along the axis."""
    shape, axis = o.shapes[1], o.integers(0)[0] % len(o.shapes[1])
    return tuple(extent // number(o.options, "num_splits", 1) if i == axis else extent for i, extent in enumerate(shape))


def slice_(o: Operands) -> Shape:
    """Sizes, -1 for all that is left."""
    begin, size = o.integers(1), o.integers(2)
    return tuple(n - b if s < 0 else s for n, b, s in zip(o.shapes[0], begin, size, strict=True))


def strided_slice(o: Operands) -> Shape:
    """Ranges by their masks."""
    begin, end, strides = (np.array(o.integers(index)) for index in (1, 2, 3))
    return values.strided_slice(np.broadcast_to(np.int8(0), o.shapes[0]), begin, end, strides, o.options).shape


def _reduced(o: Operands, keep: object) -> Shape:
    axes = {axis % len(o.shapes[0]) for axis in o.integers(1)}
    return tuple(1 if axis in axes else extent for axis, extent in enumerate(o.shapes[0]) if keep or axis not in axes)


def matmul(o: Operands) -> Shape:
    """Rows of the first, columns of the second, batches broadcast."""
    first, second = o.shapes[0], o.shapes[1]
    rows = first[-1] if o.options.get("adj_x") else first[-2]
    columns = second[-2] if o.options.get("adj_y") else second[-1]
    return (*np.broadcast_shapes(first[:-2], second[:-2]), rows, columns)


def gather(o: Operands) -> Shape:
    """The indices' shape in place of the axis."""
    axis = number(o.options, "axis") % len(o.shapes[0])
    return (*o.shapes[0][:axis], *o.shapes[1][number(o.options, "batch_dims") :], *o.shapes[0][axis + 1 :])
