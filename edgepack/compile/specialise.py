"""Which calls get a copy of their kernel with the shape folded in, when the code is optimised for speed.

A copy saves some instructions and costs flash. Only the kernels with weights are large; of their calls those that take longest
get copies while these fit `ROOM`, the others share one function. Bands always share: each of their calls computes little.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgepack.compile.lowered import Lowered

ROOM = 9500  # bytes
SHARED = 600  # bytes of the function that calls of a kernel share
# Bytes of a copy by how the kernel's name ends, measured; windows that are not in the input take more.
COPY = {"depthwise_conv_2d_mve": 500, "fully_connected_mve": 700, "conv_2d_mve": 1750, "lanes": 600}
WINDOWS = 650
OTHER_COPY = 600


def sharing(lowered: Sequence[Lowered], optimize: str) -> frozenset[int]:
    """The calls, by index, that are of functions shared with others."""
    bands = frozenset(index for index, one in enumerate(lowered) if one.call.rounds)
    if optimize != "speed":
        return bands if optimize == "balanced" else frozenset()
    large = {index: one for index, one in enumerate(lowered) if _large(one)}
    calls = [part.kernel for one in lowered for part in one.call.parts() if _large(one) or one.call.rounds]
    room = ROOM - SHARED * sum(calls.count(kernel) > 1 for kernel in set(calls))
    copied = set()
    for index, one in sorted(large.items(), key=lambda item: -item[1].cost):
        size = next((size for end, size in COPY.items() if one.call.kernel.endswith(end)), OTHER_COPY)
        size += WINDOWS if one.call.kernel == "ep_conv_2d_mve" and not one.call.fields["direct"] else 0
        if size <= room:
            room -= size
            copied.add(index)
    return bands | (frozenset(large) - copied)


def _large(one: Lowered) -> bool:
    return one.call.kernel.startswith(("ep_conv_2d", "ep_depthwise", "ep_fully_connected")) and not one.call.kernel.endswith(
        "int16"
    )
