"""Results of operators on known integers and floats: the arithmetic on shapes that converters leave in a model.

Only exact operators on plain data: whatever is quantized is computed by kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edgepack.flatbuffer.model import Array

Options = Mapping[str, object]


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


def _range(operands: Sequence[Array]) -> Array:
    start, limit, delta = (operand.reshape(-1)[0] for operand in operands)
    if abs((limit - start) / delta) > 1 << 20:
        raise ValueError("a range of that many elements")
    return np.arange(start, limit, delta)


def _extents(operand: Array) -> tuple[int, ...]:
    """A shape, of a size that can be stored."""
    extents = tuple(int(extent) for extent in operand.reshape(-1))
    if min(extents, default=0) < 0 or np.prod(extents, dtype=np.float64) > 1 << 24:
        raise ValueError("a constant of that many elements")
    return extents


def _tiled(operands: Sequence[Array]) -> Array:
    data, times = operands
    _extents(np.array(data.shape) * times.reshape(-1))
    return np.tile(data, _axes(times))


def _slice(operands: Sequence[Array]) -> Array:
    data, begin, size = operands
    parts = zip(begin.reshape(-1), size.reshape(-1), strict=True)
    return np.asarray(data[tuple(slice(int(b), None if s < 0 else int(b) + int(s)) for b, s in parts)])


def _divided(operands: Sequence[Array]) -> Array:
    if operands[0].dtype.kind == "f":
        return np.asarray(operands[0] / operands[1])
    return np.asarray(np.trunc(operands[0].astype(np.float64) / operands[1]))


def _axes(operand: Array) -> tuple[int, ...]:
    return tuple(int(axis) for axis in operand.reshape(-1))


FAILURES = (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError)
"""What a rule raises for malformed operands."""

RULES: dict[str, Callable[[Sequence[Array], Options], Array]] = {
    "STRIDED_SLICE": lambda operands, options: strided_slice(operands[0], operands[1], operands[2], operands[3], options),
    "SLICE": lambda operands, options: _slice(operands),
    "PACK": lambda operands, options: np.stack(operands, number(options, "axis")),
    "CONCATENATION": lambda operands, options: np.concatenate(operands, number(options, "axis")),
    "CAST": lambda operands, options: operands[0],
    "RESHAPE": lambda operands, options: operands[0],
    "SQUEEZE": lambda operands, options: operands[0],
    "EXPAND_DIMS": lambda operands, options: operands[0],
    "TRANSPOSE": lambda operands, options: np.transpose(operands[0], _axes(operands[1])),
    "GATHER": lambda operands, options: np.take(operands[0], operands[1].astype(np.int64), number(options, "axis")),
    "ADD": lambda operands, options: operands[0] + operands[1],
    "SUB": lambda operands, options: operands[0] - operands[1],
    "MUL": lambda operands, options: operands[0] * operands[1],
    "DIV": lambda operands, options: _divided(operands),
    "FLOOR_DIV": lambda operands, options: operands[0] // operands[1],
    "FLOOR_MOD": lambda operands, options: operands[0] % operands[1],
    "MAXIMUM": lambda operands, options: np.maximum(operands[0], operands[1]),
    "MINIMUM": lambda operands, options: np.minimum(operands[0], operands[1]),
    "REDUCE_PROD": lambda operands, options: np.prod(
        operands[0], axis=_axes(operands[1]), keepdims=bool(options.get("keep_dims", False))
    ),
    "REVERSE_V2": lambda operands, options: np.flip(operands[0], _axes(operands[1])),
    "TILE": lambda operands, options: _tiled(operands),
    "BROADCAST_TO": lambda operands, options: np.broadcast_to(operands[0], _extents(operands[1])),
    "ZEROS_LIKE": lambda operands, options: np.zeros_like(operands[0]),
    "FILL": lambda operands, options: np.full(_extents(operands[0]), operands[1].reshape(-1)[0]),
    "RANGE": lambda operands, options: _range(operands),
}
