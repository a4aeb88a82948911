"""The biases and multipliers between the groups of a stream (gemm_stream.py), as a code takes them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from edgepack.coding.frame import Group, Table, encode_groups, encode_tables
from edgepack.compile.coded.contents import SPARSE
from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.exact import SCALE
from edgepack.compile.operators.shared.gemm_stream import LAST, NARROW, WIDE
from edgepack.compile.operators.shared.one_sided import SHIFT, half

SHORT = 1 << 30  # in a group's first multiplier: it is not halved
MARK_LAST, MARK_WHOLE, MARK_WIDE = 1, 2, 4  # EP_FRAMED_LAST and so on


def encode_stream(constants: Data) -> bytes:
    """The code of what lies between weights; of one-sided biases what they are more than their multiplier tells."""
    return _encoded(constants.astype(np.int32).tobytes())


@lru_cache(maxsize=256)
def _encoded(constants: bytes) -> bytes:
    return encode_groups(list(_groups(np.frombuffer(constants, np.int32))))


def encode_between(form: int, constants: Data) -> bytes:
    """The code of what lies between the weights of a stream of either form."""
    return encode_tables([Table(_halved(constants), 1, 0)]) if form == SPARSE else encode_stream(constants)


def _halved(constants: Data) -> Data:
    """Pairs of a bias and a multiplier, the one-sided biases as what they are more than their multiplier tells."""
    pairs = [
        (bias if multiplier < 0 else _wrapped(bias + half(multiplier, SCALE, SHIFT)), multiplier)
        for bias, multiplier in constants.astype(np.int64).reshape(-1, 2).tolist()
    ]
    return np.array(pairs, np.int64).astype(np.int32)


def wide_groups(constants: Data) -> int:
    """How many groups are wide, whose words lie in the code as they are."""
    return sum(bool(group.words) for group in _groups(constants))


def _groups(constants: Data) -> Iterator[Group]:
    words, at = constants.astype(np.int64).tolist(), 0
    while at < len(words):
        first = words[at + 3] & (LAST - 1)
        size = 2 + (NARROW if first else WIDE)
        group = words[at : at + size]
        at += size
        if not first:
            yield Group(np.zeros((0, 2), np.int64), MARK_WIDE, tuple(group))
            continue
        b, d, a, marked, second, c, third, fourth = group
        whole = MARK_WHOLE if first & SHORT else 0
        last = MARK_LAST if marked < 0 else 0
        pairs = [(a, first if whole else 2 * first), (b, second), (c, third), (d, fourth)]
        if not whole:
            pairs = [(_wrapped(bias + half(multiplier, SCALE, SHIFT)), multiplier) for bias, multiplier in pairs]
        yield Group(np.array(pairs, np.int64), whole | last)


def _wrapped(number: int) -> int:
    """As a word holds it."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)
