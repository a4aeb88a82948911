"""Convolutions that skip weights of zero: in place of those that read every weight where that is faster and smaller.

Their streams hold a distance and a weight, a byte each, and are constants like others: what is decoded may become such a stream.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from edgepack.compile.coded.direct import direct
from edgepack.compile.lowered import Lowered
from edgepack.compile.operators.conv_2d.sparse import KERNEL
from edgepack.cores import Cpu

SKIPPING = KERNEL.name
GAIN = 0.9  # of a call's instructions, that it may take at most
NEARLY = 1.1  # times its instructions, that another may take which saves as much


def skipping(lowered: Sequence[Lowered], cpu: Cpu, without: Collection[int] = ()) -> list[Lowered]:
    """The calls, those of some convolutions by the kernel that skips zeros; but for some that stay as they are."""
    return [one if place in without else _skipping(one, cpu) for place, one in enumerate(lowered)]


def _skipping(one: Lowered, cpu: Cpu) -> Lowered:
    """The call by that kernel, unless it is hardly faster, or another that computes on codes is nearly as fast and as small."""
    ways = direct(one, cpu)
    found = next((way for way in ways if way.call.kernel == SKIPPING and way.cost <= GAIN * one.cost), None)
    better = found and any(way is not found and way.cost <= NEARLY * found.cost and way.saved >= found.saved for way in ways)
    return one if found is None or better else found


def counted(before: Lowered, after: Lowered) -> Lowered:
    """A call that skips zeros, and perhaps decodes what it reads, with all that it saves of what it was before."""
    if not after.decodes or not before.coded:
        return after
    stream, plain = before.coded[0].bytes - before.saved, before.coded[0].bytes
    coded = [replace(each, bytes=each.bytes + plain - stream) if place == 0 else each for place, each in enumerate(after.coded)]
    return replace(after, coded=tuple(coded))
