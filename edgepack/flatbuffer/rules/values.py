"""Results of operators on known integers and floats: the arithmetic on shapes that converters leave in a model.

Only exact operators on plain data: whatever is quantized is computed by kernels.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edgepack.flatbuffer.model import Array

Options = Mapping[str, object]
FAILURES = (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError)
"""What a rule raises for malformed operands."""

Rule = Callable[[Sequence[Array], Options], Array]
"""From the operands, in order, and the options; raises one of FAILURES for malformed operands."""


def number(options: Options, name: str, default: int = 0) -> int:
    """An integer option.

    >>> number({"axis": -1}, "axis"), number({}, "axis")
    (-1, 0)
    """
    return int(str(options.get(name, default)))


def strided_slice(data: Array, begin: Array, end: Array, strides: Array, options: Options) -> Array:
    """STRIDED_SLICE by its masks, numpy's slices extended by new and shrunk axes.

    >>> three = [np.array([n]) for n in (1, 4, 2)]
    >>> strided_slice(np.arange(6), *three, {}).tolist(), strided_slice(np.arange(6), *three, {"shrink_axis_mask": 1}).tolist()
    ([1, 3], 1)
    """
    names = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    begin_mask, end_mask, ellipsis, new, shrink = (number(options, name) for name in names)
    index: list[slice | int | None] = []
    rest: list[slice | int | None] = []
    parts = index
    for axis in range(begin.size):
        if ellipsis >> axis & 1:
            parts = rest
        elif new >> axis & 1:
            parts.append(None)
        elif shrink >> axis & 1:
            parts.append(int(begin[axis]))
        else:
            first = None if begin_mask >> axis & 1 else int(begin[axis])
            last = None if end_mask >> axis & 1 else int(end[axis])
            parts.append(slice(first, last, int(strides[axis])))
    whole = (*index, ..., *rest) if parts is rest else tuple(index)
    return np.asarray(data[whole])


def arange(operands: Sequence[Array], options: Options) -> Array:
    """RANGE. Raises ValueError for more than a million numbers."""
    start, limit, delta = (operand.reshape(-1)[0] for operand in operands)
    if abs((limit - start) / delta) > 1 << 20:
        raise ValueError("a range of that many elements")
    return np.arange(start, limit, delta)


def strided(operands: Sequence[Array], options: Options) -> Array:
    """STRIDED_SLICE of known operands."""
    return strided_slice(operands[0], operands[1], operands[2], operands[3], options)


def _extents(operand: Array) -> tuple[int, ...]:
    """A shape, of a size that can be stored."""
    extents = tuple(int(extent) for extent in operand.reshape(-1))
    if min(extents, default=0) < 0 or np.prod(extents, dtype=np.float64) > 1 << 24:
        raise ValueError("a constant of that many elements")
    return extents


def tile(operands: Sequence[Array], options: Options) -> Array:
    """TILE."""
    data, times = operands
    _extents(np.array(data.shape) * times.reshape(-1))
    return np.tile(data, _axes(times))


def slice_(operands: Sequence[Array], options: Options) -> Array:
    """SLICE: begin and size, -1 for all that is left."""
    data, begin, size = operands
    parts = zip(begin.reshape(-1), size.reshape(-1), strict=True)
    return np.asarray(data[tuple(slice(int(b), None if s < 0 else int(b) + int(s)) for b, s in parts)])


def divide(operands: Sequence[Array], options: Options) -> Array:
    """DIV: truncated for integers."""
    if operands[0].dtype.kind == "f":
        return np.asarray(operands[0] / operands[1])
    return np.asarray(np.trunc(operands[0].astype(np.float64) / operands[1]))


def _axes(operand: Array) -> tuple[int, ...]:
    return tuple(int(axis) for axis in operand.reshape(-1))


def _of_two(function: Callable[[Array, Array], Array]) -> Rule:
    """A rule that applies `function` to the first two operands."""
    return lambda operands, options: function(operands[0], operands[1])


add, subtract, multiply = _of_two(operator.add), _of_two(operator.sub), _of_two(operator.mul)
floor_divide, remainder = _of_two(operator.floordiv), _of_two(operator.mod)
maximum, minimum = _of_two(np.maximum), _of_two(np.minimum)
transpose = _of_two(lambda data, order: np.transpose(data, _axes(order)))
reverse = _of_two(lambda data, axes: np.flip(data, _axes(axes)))
broadcast = _of_two(lambda data, shape: np.broadcast_to(data, _extents(shape)))


def first(operands: Sequence[Array], options: Options) -> Array:
    """The first operand as it is: of CAST, whose type the caller gives, and of reshapes, whose shape the caller gives."""
    return operands[0]


def zeros(operands: Sequence[Array], options: Options) -> Array:
    """Zeros of the first operand's shape."""
    return np.zeros_like(operands[0])


def fill(operands: Sequence[Array], options: Options) -> Array:
    """A tensor of the shape and with the value given."""
    return np.full(_extents(operands[0]), operands[1].reshape(-1)[0])


def pack(operands: Sequence[Array], options: Options) -> Array:
    """Operands of one shape along a new axis."""
    return np.stack(operands, number(options, "axis"))


def concatenation(operands: Sequence[Array], options: Options) -> Array:
    """Operands one after the other along an axis."""
    return np.concatenate(operands, number(options, "axis"))


def gather(operands: Sequence[Array], options: Options) -> Array:
    """Positions along an axis, by index."""
    return np.asarray(np.take(operands[0], operands[1].astype(np.int64), number(options, "axis")))


def product(operands: Sequence[Array], options: Options) -> Array:
    """REDUCE_PROD."""
    return np.asarray(np.prod(operands[0], axis=_axes(operands[1]), keepdims=bool(options.get("keep_dims", False))))
