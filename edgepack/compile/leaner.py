"""Fewer bytes of constants for few more instructions: where a kernel pads weights much, another one that does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.graph import Graph
from edgepack.compile.lowered import Lowered, lowered
from edgepack.compile.plan import make_plan

COSTS = {"speed": 0.0, "balanced": 0.008, "size": 0.02}  # of all instructions, that smaller constants may add
SLOWER = {"speed": 1.0, "balanced": 1.04, "size": 1.15}  # times the instructions of its layer, that another kernel may take
CODE = {"ep_conv_2d_rows_mve": 500}  # bytes that a kernel brings which no other layer has, where it shares much with another
MOST_CODE = 2000  # what others bring at most
LEAST = 16  # bytes that a layer has to save


@dataclass(frozen=True)
class _Change:
    """Another kernel for the call `index`: what the call becomes, the bytes that saves, and the instructions it adds."""

    index: int
    made: Lowered
    saved: int
    added: float


def leaner(graph: Graph, calls: tuple[Lowered, ...], optimize: str) -> tuple[Lowered, ...]:
    """The calls, some by kernels that store their constants in fewer bytes, in an arena that is no larger.

    Those first that save most for the instructions they add.
    """
    room = COSTS[optimize] * sum(one.cost for one in calls)
    changes = list(_changes(calls, room, SLOWER[optimize])) if room else []
    while changes:
        best, saved = _changed(graph, calls, changes, room)
        new = saved.keys() - {part.kernel for one in calls for part in one.call.parts()}
        unpaid = {kernel for kernel in new if saved[kernel] <= CODE.get(kernel, MOST_CODE)}
        if not unpaid:
            return best
        changes = [each for each in changes if each.made.call.kernel not in unpaid]
    return calls


def _changed(
    graph: Graph, calls: tuple[Lowered, ...], changes: Sequence[_Change], room: float
) -> tuple[tuple[Lowered, ...], Mapping[str, int]]:
    """The calls with those of the changes that fit, and the bytes that each kernel saves then."""
    best, changed, saved = calls, set[int](), Counter[str]()
    arena = make_plan(graph, [one.call for one in calls]).arena_size
    for change in sorted(changes, key=lambda each: (-each.saved / max(each.added, 1.0), each.index)):
        if change.index in changed or change.added > room:
            continue
        candidate = (*best[: change.index], change.made, *best[change.index + 1 :])
        if make_plan(graph, [one.call for one in candidate]).arena_size <= arena:
            best, room = candidate, room - max(change.added, 0.0)
            changed.add(change.index)
            saved[change.made.call.kernel] += change.saved
    return best, saved


def _changes(calls: tuple[Lowered, ...], room: float, slower: float) -> Iterator[_Change]:
    for index, one in enumerate(calls):
        if len(one.problems) != 1 or one.call.rounds or getattr(one.problems[0], "shared", False):
            continue
        for choice in one.others:
            if choice.cost <= slower * one.cost and choice.cost - one.cost <= room:
                made = lowered(one.node, choice, one.others)
                saved = constant_bytes(one.call) - sum(constant_bytes(each.call) for each in made)
                if len(made) == 1 and saved >= LEAST:
                    yield _Change(index, made[0], saved, choice.cost - one.cost)


def constant_bytes(call: Call) -> int:
    """Bytes of the arrays of a call."""
    return _bytes(call.fields)


def _bytes(fields: Mapping[str, Field]) -> int:
    return sum(
        value.data.nbytes if isinstance(value, Array) else _bytes(value) if isinstance(value, Mapping) else 0
        for value in fields.values()
    )
