"""Kernels that compute on codes, without decoding them first: in place of a call that reads weights as they are.

Such a kernel is one of its operator's (operators/), and needs the feature ON_CODES, which no core has: so nothing takes it but
this. `DIRECT` says of each what it reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edgepack.coding import entropy_bytes
from edgepack.compile.call import Call
from edgepack.compile.coded.contents import arrays_inside, content_of
from edgepack.compile.coded.direct_dense import DENSE, superseded
from edgepack.compile.lowered import CodedArray, Lowered
from edgepack.compile.operators.choice import Choice, usable
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
    "ep_conv_2d_blocks": Direct("blocks", 1400, _SKIPPING),
    "ep_conv_2d_blocks_lanes": Direct("blocks", 600, _SKIPPING),
    "ep_fully_connected_blocks": Direct("blocks", 400, _SKIPPING),
    "ep_fully_connected_blocks_lanes": Direct("blocks", 400, _SKIPPING),
    **{name: Direct(*facts) for name, facts in DENSE.items()},
}
"""By the kernel's name."""


def direct(one: Lowered, cpu: Cpu, code: str = "", worth: float = 0.0) -> list[Lowered]:
    """The call by each kernel that computes on codes, or on this one alone, where that saves flash; fastest first.

    A slower call must save this share of the bytes.
    """
    problem = one.problems[0] if len(one.problems) == 1 and not one.call.rounds else None
    if not isinstance(problem, (Conv2D, FullyConnected)) or problem.dtype != "int8" or is_wide(problem) or problem.shared:
        return []
    choices = usable(problem.operator, problem, replace(cpu, features=cpu.features | {ON_CODES}))
    known = [each for each in choices if each.kernel.name in DIRECT and code in ("", DIRECT[each.kernel.name].code)]
    names = [each.kernel.name for each in known]
    found = [_lowered(one, each) for each in known if not superseded(each.kernel.name, names)]
    return [way for way in found if way.saved > (0 if way.cost <= one.cost else worth * way.coded[0].bytes)]


def without_gain(lowered: Sequence[Lowered]) -> set[str]:
    """The kernels among these calls that compute on codes and take more code than they save."""
    saved: dict[str, int] = dict.fromkeys(DIRECT, 0)
    for one in lowered:
        if any(array.direct for array in one.coded):
            saved[one.call.kernel] += one.saved
    used = {one.call.kernel for one in lowered}
    return {name for name in used & DIRECT.keys() if saved[name] <= DIRECT[name].code_bytes}


def saved_by(lowered: Sequence[Lowered], computing: bool) -> int:
    """Bytes of flash that is saved by computing on codes, or by decoding them."""
    return sum(each.bytes - each.coded_bytes for one in lowered for each in one.coded if bool(each.direct) == computing)


def _lowered(one: Lowered, choice: Choice) -> Lowered:
    """The call by a kernel that computes on codes."""
    call, what = choice.calls()[0], DIRECT[choice.kernel.name]
    values = choice.problem.weights.reshape(-1)
    contents = (array for array in arrays_inside(one.call.fields) if content_of(array) is not None)
    comment = next((array.comment for array in contents), "weights")
    array = CodedArray(
        comment, values.size, flash([one.call]), flash([call]), entropy_bytes(values), what.code, 0.0, direct=what.why
    )
    return replace(one, call=call, cost=choice.cost, coded=(array,))


def flash(calls: Iterable[Call]) -> int:
    """Bytes of the calls' constant arrays."""
    return sum(int(array.data.nbytes) for call in calls for part in call.parts() for array in arrays_inside(part.fields))
