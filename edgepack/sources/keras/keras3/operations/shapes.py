"""Functions that give numbers other places and shapes: shapes, axes, orders, repeats, and constants of a shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgepack.sources.keras.keras3.call import Call, Expression, Inexpressible, layers, positive, rank, size, tf


def _reshape(call: Call) -> Any:
    """The first axis stays the batch where the rest of the shape is known to hold an example."""
    shape = [-1 if length is None else int(length) for length in call.get(1, "newshape")]
    known = all(length is not None for length in call.x.shape[1:])
    example = int(np.prod(call.x.shape[1:])) if known else None
    if shape and shape[0] == -1 and (-1 in shape[1:] or int(np.prod(shape[1:])) == example):
        return layers().Reshape(shape[1:], name=call.name)(call.x)
    return tf().reshape(call.x, shape, name=call.name)


def _ravel(call: Call) -> Any:
    return tf().reshape(call.x, [-1], name=call.name)


def _transpose(call: Call) -> Any:
    return _permuted(call.x, call.get(1, "axes"), call.name)


def _permuted(x: Any, order: Any, name: str) -> Any:
    order = [positive(axis, rank(x)) for axis in order] if order else list(reversed(range(rank(x))))
    if order[0] == 0:
        return layers().Permute(order[1:], name=name)(x)
    return tf().transpose(x, order, name=name)


def _swapaxes(call: Call) -> Any:
    order = list(range(rank(call.x)))
    first, second = (positive(call.config[key], rank(call.x)) for key in ("axis1", "axis2"))
    order[first], order[second] = order[second], order[first]
    return _permuted(call.x, order, call.name)


def _moveaxis(call: Call) -> Any:
    count = rank(call.x)
    source, goal = ([positive(axis, count) for axis in listed(call.config[key])] for key in ("source", "destination"))
    order = [axis for axis in range(count) if axis not in source]
    for place, axis in sorted(zip(goal, source, strict=True)):
        order.insert(place, axis)
    return _permuted(call.x, order, call.name)


def listed(value: Any) -> list[Any]:
    """A list or tuple as a list, anything else as a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _expand_dims(call: Call) -> Any:
    result = call.x
    axes = listed(call.get(1, "axis"))
    for axis in sorted(positive(one, rank(call.x) + len(axes)) for one in axes):
        result = tf().expand_dims(result, axis)
    return result


def _tile(call: Call) -> Any:
    repeats = listed(call.get(1, "repeats"))
    x = call.x
    if len(repeats) > rank(x):
        raise Inexpressible("more repeats than axes")
    return tf().tile(x, [1] * (rank(x) - len(repeats)) + repeats, name=call.name)


def _repeat(call: Call) -> Any:
    """Along one axis, each entry as often as `repeats` says; by joining and reshaping, which has integer forms."""
    axis, repeats = call.get(2, "axis"), call.get(1, "repeats")
    if axis is None:
        raise Inexpressible("without an axis")
    axis, length = positive(axis, rank(call.x)), size(call.x, call.get(2, "axis"))
    counts = listed(repeats) if len(listed(repeats)) > 1 else listed(repeats) * length
    places = [place for place, count in enumerate(counts) for _ in range(int(count))]
    return tf().gather(call.x, places, axis=axis, name=call.name)


def _flip(call: Call) -> Any:
    axis = call.get(1, "axis")
    axes = list(range(rank(call.x))) if axis is None else listed(axis)
    return tf().reverse(call.x, axes, name=call.name)


def _roll(call: Call) -> Any:
    """Parts that change places, which has integer forms where tf.roll has none."""
    shifts, axes = listed(call.get(1, "shift")), call.get(2, "axis")
    if axes is None:
        raise Inexpressible("without an axis")
    result = call.x
    for shift, axis in zip(shifts * (len(listed(axes)) if len(shifts) == 1 else 1), listed(axes), strict=True):
        length = size(result, axis)
        if shift % length:
            first, second = tf().split(result, [length - shift % length, shift % length], axis=axis)
            result = tf().concat([second, first], axis)
    return result


def _rot90(call: Call) -> Any:
    first, second = (positive(axis, rank(call.x)) for axis in call.config.get("axes", (0, 1)))
    order = list(range(rank(call.x)))
    order[first], order[second] = order[second], order[first]
    turns = call.config.get("k", 1) % 4
    if turns == 0:
        return tf().identity(call.x, name=call.name)
    if turns == 2:
        return tf().reverse(call.x, [first, second], name=call.name)
    if turns == 1:
        return tf().transpose(tf().reverse(call.x, [second]), order, name=call.name)
    return tf().reverse(tf().transpose(call.x, order), [second], name=call.name)


def _broadcast_to(call: Call) -> Any:
    shape = [-1 if length is None else length for length in call.get(1, "shape")]
    if -1 in shape:
        raise Inexpressible("an open length")
    return tf().broadcast_to(call.x, shape, name=call.name)


def _filled(value: float) -> Expression:
    return lambda call: _full(call, value)


def _full(call: Call, value: Any) -> Any:
    dtype = call.config.get("dtype") or call.x.dtype
    zeros = tf().zeros_like(call.x, dtype=dtype)
    return zeros if value == 0 else tf().add(zeros, value, name=call.name)


def _triangle(lower: bool) -> Expression:
    """The part above or below a diagonal set to zero, by a constant of zeros and ones."""

    def express(call: Call) -> Any:
        shape, offset = (size(call.x, -2), size(call.x, -1)), int(call.config.get("k", 0))
        kept = np.tril(np.ones(shape), offset) if lower else np.triu(np.ones(shape), offset)
        return tf().multiply(call.x, tf().cast(kept.tolist(), call.x.dtype).numpy().tolist(), name=call.name)

    return express


def _one_hot(call: Call) -> Any:
    dtype = call.config.get("dtype") or "float32"
    if call.config.get("sparse"):
        raise Inexpressible("sparse")
    axis = call.config.get("axis", -1)
    return tf().one_hot(tf().cast(call.x, "int32"), call.config["num_classes"], axis=axis, dtype=dtype, name=call.name)


SHAPES: dict[str, Expression] = {
    "Reshape": _reshape,
    "Ravel": _ravel,
    "Transpose": _transpose,
    "Swapaxes": _swapaxes,
    "Moveaxis": _moveaxis,
    "Squeeze": lambda call: tf().squeeze(call.x, call.get(1, "axis"), name=call.name),
    "ExpandDims": _expand_dims,
    "Tile": _tile,
    "Repeat": _repeat,
    "Flip": _flip,
    "Flipud": lambda call: tf().reverse(call.x, [0], name=call.name),
    "Fliplr": lambda call: tf().reverse(call.x, [1], name=call.name),
    "Roll": _roll,
    "Rot90": _rot90,
    "BroadcastTo": _broadcast_to,
    "ZerosLike": _filled(0),
    "EmptyLike": _filled(0),
    "OnesLike": _filled(1),
    "FullLike": lambda call: _full(call, call.get(1, "fill_value")),
    "Tril": _triangle(lower=True),
    "Triu": _triangle(lower=False),
    "OneHot": _one_hot,
}
