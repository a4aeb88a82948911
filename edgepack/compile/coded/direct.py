"""Kernels that compute on codes, without decoding them first: in place of a call that reads weights as they are.

Such a kernel is one of its operator's (operators/), and needs the feature ON_CODES, which no core has: so nothing takes it but
this. `DIRECT` says of each what it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgepack.coding import entropy_bytes
from edgepack.compile.bands import Parts, banded
from edgepack.compile.call import Call
from edgepack.compile.coded.contents import arrays_inside, content_of, key_of
from edgepack.compile.coded.direct_dense import DENSE, superseded
from edgepack.compile.graph import Data
from edgepack.compile.lowered import CodedArray, Lowered
from edgepack.compile.operators.choice import usable
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.fully_connected.generic import FullyConnected
from edgepack.compile.operators.kernel import ON_CODES
from edgepack.compile.operators.shared.wide import is_wide
from edgepack.cores import Cpu


@dataclass(frozen=True)
class Direct:
    """A kernel that computes on a code: the code's name, the bytes that it adds to a program, and what it does, for people."""

    code: str
    code_bytes: int
    why: str


_SKIPPING = "computed from its blocks, skipping zeros"

DIRECT: dict[str, Direct] = {
    "ep_conv_2d_blocks": Direct("blocks", 1800, _SKIPPING),
    "ep_conv_2d_blocks_lanes": Direct("blocks", 1300, _SKIPPING),
    "ep_conv_2d_sparse": Direct("runs", 1580, "computed from the weights that are not zero"),
    "ep_fully_connected_blocks": Direct("blocks", 700, _SKIPPING),
    "ep_fully_connected_blocks_lanes": Direct("blocks", 700, _SKIPPING),
    **{name: Direct(*facts) for name, facts in DENSE.items()},
}
"""By the kernel's name."""


def direct(one: Lowered, cpu: Cpu, code: str = "", worth: float = 0.0) -> list[Lowered]:
    """The call by each kernel that computes on codes, or on this one alone, where that saves flash; fastest first.

    A slower call must save this share of the bytes.
    """
    able = replace(cpu, features=cpu.features | {ON_CODES})
    found = _in_bands(one, able) if one.band else _whole(one, able)
    return [
        way
        for way in found
        if way.coded and code in ("", way.coded[0].code)
        if way.saved > (0 if way.cost <= one.cost else worth * way.coded[0].bytes)
    ]


def _whole(one: Lowered, cpu: Cpu) -> list[Lowered]:
    """The call by every kernel that computes on codes."""
    problem = one.problems[0] if len(one.problems) == 1 and not one.call.rounds else None
    if not isinstance(problem, (Conv2D, FullyConnected)) or problem.dtype != "int8" or is_wide(problem) or problem.shared:
        return []
    known = usable(problem.operator, problem, cpu, among=DIRECT)
    names = [each.kernel.name for each in known]
    taken = [each for each in known if not superseded(each.kernel.name, names)]
    return [_changed(one, each.calls()[0], each.cost, problem.weights) for each in taken]


def _in_bands(one: Lowered, cpu: Cpu) -> list[Lowered]:
    """The operators in the same bands, each by the fastest kernel."""
    assert one.band is not None
    height, room = one.band
    weights = [problem.weights.reshape(-1) for problem in one.problems if isinstance(problem, Conv2D)]
    if not weights or any(isinstance(problem, Conv2D) and problem.shared for problem in one.problems):
        return []
    call, cost = banded(one.problems, height, Parts(cpu), room)
    return [_changed(one, call, cost, np.concatenate(weights))]


def without_gain(lowered: Sequence[Lowered]) -> set[str]:
    """The kernels among these calls that compute on codes and take more code than they save."""
    saved: dict[str, int] = {}
    for one in lowered:
        for name in {part.kernel for part in one.call.parts()} & DIRECT.keys():
            saved[name] = saved.get(name, 0) + one.saved
    return {name for name in saved if saved[name] <= DIRECT[name].code_bytes}


def _changed(one: Lowered, call: Call, cost: float, weights: Data) -> Lowered:
    """The same operators by a call that computes on codes, if it does."""
    used = sorted(part.kernel for part in call.parts() if part.kernel in DIRECT)
    if not used:
        return replace(one, call=call, cost=cost)
    what, values = DIRECT[used[0]], weights.reshape(-1)
    within = (array for part in one.call.parts() for array in arrays_inside(part.fields) if content_of(array) is not None)
    comment = next((array.comment for array in within), "weights")
    array = CodedArray(
        comment, values.size, _flash(one.call), _flash(call), entropy_bytes(values), what.code, 0.0, direct=what.why
    )
    return replace(one, call=call, cost=cost, coded=(array,))


def _flash(call: Call) -> int:
    """Bytes of a call's constant arrays, of which equal ones are stored once."""
    arrays = {key_of(array): array for part in call.parts() for array in arrays_inside(part.fields)}
    return sum(int(array.data.nbytes) for array in arrays.values())
