"""Which calls get a copy of their kernel with the shape folded in, when the code is optimised for speed.

A copy saves some instructions and costs flash. Only the kernels with weights are large; of their calls those that take longest
get copies while these fit `ROOM`, the others share one function. Bands always share: each of their calls computes little.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgepack.compile.lowering import Lowered

ROOM = 9500  # bytes, with one shared function of each kernel
SHARED = 600  # bytes of a kernel, its copy in assembly included
# Bytes of a copy by how the kernel's name ends, measured.
COPY = {"depthwise_conv_2d_mve": 500, "fully_connected_mve": 700, "conv_2d_mve": 1800, "lanes": 600}
OTHER_COPY = 600


def sharing(lowered: Sequence[Lowered], optimize: str) -> frozenset[int]:
    """The calls, by index, that are of functions shared with others."""
    bands = frozenset(index for index, one in enumerate(lowered) if one.call.rounds)
    if optimize != "speed":
        return bands if optimize == "balanced" else frozenset()
    large = {index: one for index, one in enumerate(lowered) if _large(one)}
    names = {part.kernel for one in lowered for part in one.call.parts() if _large(one) or one.call.rounds}
    room = ROOM - SHARED * len(names)
    copied = set()
    for index, one in sorted(large.items(), key=lambda item: -item[1].cost):
        size = next((size for end, size in COPY.items() if one.call.kernel.endswith(end)), OTHER_COPY)
        if size <= room:
            room -= size
            copied.add(index)
    return bands | (frozenset(large) - copied)


def _large(one: Lowered) -> bool:
    return one.call.kernel.startswith(("ep_conv_2d", "ep_depthwise", "ep_fully_connected")) and not one.call.kernel.endswith(
        "int16"
    )
