"""Where bytes of an image lie in another, or lay earlier in itself: by the order of all their sequences of a few bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def _keys(data: bytes, length: int) -> NDArray[np.uint64]:
    """Each position's next `length` (up to 8) bytes as a number."""
    array = np.frombuffer(data, np.uint8).astype(np.uint64)
    count = max(len(data) - length + 1, 0)
    keys = np.zeros(count, np.uint64)
    for place in range(length):
        keys = keys << np.uint64(8) | array[place : place + count]
    return keys


def in_base(target: bytes, base: bytes, length: int = 8) -> NDArray[np.int64]:
    """For each position of `target` one of `base` where the same `length` bytes begin; -1 where there is none."""
    found = np.full(len(target), -1, np.int64)
    keys, wanted = _keys(base, length), _keys(target, length)
    if keys.size and wanted.size:
        order = np.argsort(keys, kind="stable")
        places = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
        hit = keys[order][places] == wanted
        found[: wanted.size][hit] = order[places][hit]
    return found


def earlier(target: bytes, length: int = 4) -> NDArray[np.int64]:
    """For each position of `target` the last one before it where the same `length` bytes begin; -1 where there is none."""
    found = np.full(len(target), -1, np.int64)
    keys = _keys(target, length)
    if keys.size:
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] == keys[order][:-1]
        found[order[1:][same]] = order[:-1][same]
    return found


def common(one: bytes, first: int, other: bytes, second: int, most: int) -> int:
    """How many bytes from `first` of `one` and from `second` of `other` are the same, up to `most`."""
    most = max(min(most, len(one) - first, len(other) - second), 0)
    done, step = 0, 32
    while done < most:
        step = min(step, most - done)
        if one[first + done : first + done + step] == other[second + done : second + done + step]:
            done, step = done + step, step * 2
        elif step == 1:
            break
        else:
            step = max(step // 2, 1)
    return done
