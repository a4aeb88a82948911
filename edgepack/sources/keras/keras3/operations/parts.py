"""Functions that join, cut and pick: concatenations, splits, slices, gathers, padding."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from edgepack.sources.keras.keras3.call import (
    Call,
    Expression,
    Inexpressible,
    is_tensor,
    layers,
    positive,
    promoted,
    rank,
    size,
    tf,
)
from edgepack.sources.keras.keras3.operations.shapes import listed


def _concatenate(call: Call) -> Any:
    return _joined(call.x, call.get(1, "axis", 0), call.name)


def _joined(parts: list[Any], axis: int, name: str) -> Any:
    parts = promoted(list(parts))
    if all(is_tensor(part) for part in parts) and len(parts) > 1:
        return layers().Concatenate(axis=axis, name=name)(parts)
    return tf().concat(parts, axis, name=name)


def _split(call: Call) -> Any:
    """Into a number of equal parts, or before each of the given places."""
    parts, axis = call.get(1, "indices_or_sections"), call.get(2, "axis", 0)
    if isinstance(parts, int):
        return tf().split(call.x, parts, axis=axis, name=call.name)
    places = [0, *(int(place) for place in parts), size(call.x, axis)]
    sizes = [end - start for start, end in pairwise(places)]
    if min(sizes) < 0:
        raise Inexpressible(f"places {parts}")
    return tf().split(call.x, sizes, axis=axis, name=call.name)


def _stacked(call: Call) -> Any:
    return tf().stack(promoted(list(call.x)), axis=call.get(1, "axis", 0), name=call.name)


def _unstack(call: Call) -> Any:
    return tf().unstack(call.x, call.config.get("num"), axis=call.config.get("axis", 0), name=call.name)


def _side_by_side(axis: int) -> Expression:
    """The joins of numpy along an axis, for parts that have it."""

    def express(call: Call) -> Any:
        if any(rank(part) <= axis for part in call.x):
            raise Inexpressible("parts of so few axes")
        return _joined(call.x, axis, call.name)

    return express


def _append(call: Call) -> Any:
    axis = call.config.get("axis")
    if axis is None:
        raise Inexpressible("without an axis")
    return _joined(call.values[:2], axis, call.name)


def _pad(call: Call) -> Any:
    width, mode = call.get(1, "pad_width"), str(call.config.get("mode", "constant")).upper()
    width = listed(width)
    if not isinstance(width[0], list | tuple):
        width = [[width[0], width[-1]]]
    width = [list(pair) for pair in (width * rank(call.x) if len(width) == 1 else width)]
    value = call.named.get("constant_values") or (call.args[1] if len(call.args) > 1 else 0)
    if mode not in ("CONSTANT", "REFLECT", "SYMMETRIC"):
        raise Inexpressible(f"mode {mode.lower()}")
    return tf().pad(call.x, width, mode=mode, constant_values=value or 0, name=call.name)


def _take(call: Call) -> Any:
    x, indices, axis = call.x, call.get(1, "indices"), call.config.get("axis")
    if axis is None:
        raise Inexpressible("without an axis")
    axis = positive(axis, rank(x))
    if is_tensor(indices):
        if x.shape[axis] is None:
            raise Inexpressible("indices into an open length")
        indices = tf().math.floormod(tf().cast(indices, "int32"), size(x, axis))
    else:
        plain = np.asarray(indices)
        indices = (np.where(plain < 0, plain + size(x, axis), plain) if (plain < 0).any() else plain).astype(int).tolist()
    return tf().gather(x, indices, axis=axis, name=call.name)


def _take_along_axis(call: Call) -> Any:
    x, indices, axis = call.x, call.get(1, "indices"), call.config.get("axis")
    if axis is None or positive(axis, rank(x)) != rank(x) - 1 or not is_tensor(indices) or rank(indices) != rank(x):
        raise Inexpressible("other than along the last axis")
    if tuple(indices.shape[:-1]) != tuple(x.shape[:-1]):
        raise Inexpressible("indices of another shape")
    indices = tf().math.floormod(tf().cast(indices, "int32"), size(x, -1))
    return tf().gather(x, indices, axis=-1, batch_dims=rank(x) - 1, name=call.name)


def _get_item(call: Call) -> Any:
    key = call.get(1, "key")
    return call.x[tuple(key) if isinstance(key, list) else key]


def _slice(call: Call) -> Any:
    start, shape = call.get(1, "start_indices"), call.config["shape"]
    if is_tensor(start):
        raise Inexpressible("a start that is computed")
    lengths = [-1 if length is None else int(length) for length in shape]
    return tf().slice(call.x, [int(place) for place in np.asarray(start)], lengths, name=call.name)


def _diff(call: Call) -> Any:
    result, axis = call.x, positive(call.config.get("axis", -1), rank(call.x))
    for _ in range(call.config.get("n", 1)):
        length = size(result, axis)
        tail, _first = tf().split(tf().reverse(result, [axis]), [length - 1, 1], axis=axis)
        head, _last = tf().split(result, [length - 1, 1], axis=axis)
        result = tf().subtract(tf().reverse(tail, [axis]), head)
    return result


PARTS: dict[str, Expression] = {
    "Concatenate": _concatenate,
    "Append": _append,
    "Split": _split,
    "Stack": _stacked,
    "Unstack": _unstack,
    "Vstack": _side_by_side(0),
    "Hstack": _side_by_side(1),
    "Dstack": _side_by_side(2),
    "Pad": _pad,
    "Take": _take,
    "TakeAlongAxis": _take_along_axis,
    "GetItem": _get_item,
    "Slice": _slice,
    "Diff": _diff,
}
