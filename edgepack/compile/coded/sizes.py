"""What decoding adds to a program, in bytes of code; measured on the Cortex-M4 (benchmarks/coding)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from edgepack.coding import CODES
from edgepack.compile.call import decodes
from edgepack.compile.lowered import Lowered

EACH = 50  # structs and calls for an array of weights, with its pointer in the kernel's struct
EACH_TABLE = 35  # for biases and multipliers alone
CALL = 30  # for the struct of a kernel that reads what was decoded: it is made when the program runs
GENERAL = 400  # that a kernel called once grows by, as the C compiler no longer sees its constants; one called often sees none
GROWS = {
    "ep_fully_connected_dsp": 1000,
    "ep_fully_connected_lanes": 200,
    "ep_fully_connected_rows_mve": 2100,
    "ep_table": 60,
}
OFTEN = {"ep_depthwise_conv_2d_dsp": 2700, "ep_depthwise_conv_2d_mve": 700}  # that others grow by, however often they are called
CODE = {each.kernel: each.code_bytes for each in CODES} | {
    "ep_copied": 60,
    "ep_unpack": 60,
    "ep_unpack_stream": 195,
    "ep_unpack_framed": 370,
    "ep_unpack_sparse": 285,
    "ep_unpack_gaps": 465,
    "ep_channels": 140,
}
_SPARSE = frozenset({"ep_unpack_sparse", "ep_unpack_gaps"})
_STREAMS = _SPARSE | {"ep_unpack_framed"}
SHARED = (
    (345, _STREAMS | {"ep_channels"}),  # ep_frame.h
    (115, _STREAMS),  # ep_framed_channel.h
    (195, _SPARSE),  # ep_sparse_filters.h
)
"""Bytes of code that each of some functions needs."""


def code_bytes(kernels: Iterable[str]) -> int:
    """What these decoders take."""
    used = set(kernels)
    return sum(size for kernel, size in CODE.items() if kernel in used) + sum(size for size, users in SHARED if used & users)


def growing(lowered: Sequence[Lowered]) -> Mapping[str, int]:
    """What kernels grow by where their constants are decoded, for those that do."""
    calls = Counter(part.kernel for one in lowered for part in one.call.parts())
    once = {kernel: GROWS.get(kernel, GENERAL) for kernel, count in calls.items() if count == 1}
    return once | {kernel: grown for kernel, grown in OFTEN.items() if kernel in calls}


def gain(lowered: Sequence[Lowered], grows: Mapping[str, int]) -> int:
    """The bytes by which decoding makes a program smaller, whose kernels grow by so much; 0 where nothing is decoded."""
    decoding = [one for one in lowered if one.decodes]
    parts = [part for one in decoding for part in one.call.parts()]
    readers = {part.kernel for part in parts if decodes(part.fields)}
    added = code_bytes(part.kernel for part in parts) + sum(grows.get(kernel, 0) for kernel in readers)
    return sum(one.saved for one in decoding) - added - CALL * len(decoding)
