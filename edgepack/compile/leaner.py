"""Fewer bytes of constants for few more instructions: where a kernel pads weights much, another one that does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.graph import Graph
from edgepack.compile.lowered import Lowered, lowered
from edgepack.compile.plan import make_plan

COSTS = {"speed": 0.0, "balanced": 0.008, "size": 0.02}  # of all instructions, that smaller constants may add
CODE = 500  # bytes that a kernel is taken to bring which no other layer has
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
    changes = sorted(_worthwhile(calls, room), key=lambda each: (-each.saved / max(each.added, 1.0), each.index))
    best, changed = calls, set[int]()
    arena = make_plan(graph, [one.call for one in calls]).arena_size if changes else 0
    for change in changes:
        if change.index in changed or change.added > room:
            continue
        candidate = (*best[: change.index], change.made, *best[change.index + 1 :])
        if make_plan(graph, [one.call for one in candidate]).arena_size <= arena:
            best, room = candidate, room - max(change.added, 0.0)
            changed.add(change.index)
    return best


def _worthwhile(calls: tuple[Lowered, ...], room: float) -> list[_Change]:
    """The changes by kernels that other layers have already, or that save as much as their code takes."""
    changes = list(_changes(calls, room)) if room else []
    used = {part.kernel for one in calls for part in one.call.parts()}
    saved = Counter[str]()
    for change in changes:
        saved[change.made.call.kernel] += change.saved
    return [each for each in changes if each.made.call.kernel in used or saved[each.made.call.kernel] > CODE]


def _changes(calls: tuple[Lowered, ...], room: float) -> Iterator[_Change]:
    for index, one in enumerate(calls):
        if len(one.problems) != 1 or one.call.rounds or getattr(one.problems[0], "shared", False):
            continue
        for choice in one.others:
            if choice.cost - one.cost <= room:
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
