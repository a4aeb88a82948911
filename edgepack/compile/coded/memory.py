"""Calls that decode, or compute on codes, where memory has room for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from edgepack.compile.call import Call
from edgepack.compile.coded.calls import blocked_call, coded_call
from edgepack.compile.coded.choice import Coded
from edgepack.compile.coded.contents import Key, arrays_of
from edgepack.compile.graph import Graph
from edgepack.compile.lowered import Lowered
from edgepack.compile.operators.choice import usable
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.fully_connected.generic import FullyConnected
from edgepack.compile.operators.kernel import ON_CODES, UNKNOWN
from edgepack.compile.operators.shared.wide import is_wide
from edgepack.compile.plan import live_of
from edgepack.cores import Cpu

MORE_MEMORY = 2048  # bytes by which the arena may grow, or four filters, whichever is more
DECODER = 1280  # and for decoders, their tables, and what is copied beside weights
WORTH_MEMORY = 3  # bytes of flash that a byte of memory beyond must save
GROUP, VECTOR = 4, 16  # channels that kernels compute side by side


def fit_in_memory(
    graph: Graph,
    lowered: Sequence[Lowered],
    chosen: Mapping[Key, Coded],
    computed: Sequence[Sequence[Lowered]],
    cpu: Cpu,
    most: float,
    nearly: float,
    arena: int,
    slowest: float | None = None,
    before: int = 0,
) -> tuple[Lowered, ...]:
    """The calls with their coded arrays, where memory has room for what is decoded.

    `computed` are the ways of each call to compute on a code, which come before decoding where they are faster and save `nearly`
    as much. With `slowest` the ways that save most come first, those last that take more than so many times the instructions.

    The `arena` may grow by `MORE_MEMORY` or four filters, whichever is more, and the decoder; beyond, for `WORTH_MEMORY` times as
    many bytes of flash. `before` are the bytes that each decoder needs before it.
    """
    calls = [one.call for one in lowered]
    ways: dict[int, list[tuple[int, Lowered]]] = {}
    filters = 0
    for index, one in enumerate(lowered):
        codes = {key: chosen[key] for key in arrays_of(one.call) if key in chosen}
        if codes or computed[index]:
            tried = list(variants(one, codes, cpu, before)) if codes else []
            longest, least = (max(one.cost, tried[0].cost), nearly * tried[0].saved) if tried else (UNKNOWN, 0.0)
            ahead = [way for way in computed[index] if way.cost <= longest and way.saved >= least]
            tried = [*ahead, *tried, *(way for way in computed[index] if way not in ahead)]
            if slowest is not None:
                tried.sort(key=lambda way: -way.saved)
                slow = [way for way in tried if way.cost > slowest * one.cost]
                tried = [*(way for way in tried if way not in slow), *slow]
            needs = (live_of(graph, [*calls[:index], each.call, *calls[index + 1 :]])[index] for each in tried)
            ways[index] = list(zip(needs, tried, strict=True))
            filters = max(filters, *(4 * each.content.filter for each in codes.values()), 0)
    free = arena + max(MORE_MEMORY, filters) + DECODER
    best, saved, limit = _within_memory(lowered, ways, free, most)
    for more in sorted({need for found in ways.values() for need, _ in found if need > free}):
        other, found, _ = _within_memory(lowered, ways, more, most)
        if found - saved >= WORTH_MEMORY * (more - limit):
            best, saved, limit = other, found, more
    return best


def _within_memory(
    lowered: Sequence[Lowered], ways: Mapping[int, Sequence[tuple[int, Lowered]]], limit: int, most: float
) -> tuple[tuple[Lowered, ...], int, int]:
    """The calls, each coded in the first of its ways that needs no more memory than `limit`, those first that save most.

    With them the bytes of flash that they save, and the limit.
    """
    found, saved = list(lowered), 0
    for index in sorted(ways, key=lambda each: -ways[each][0][1].saved):
        for need, changed in ways[index]:
            added = changed.cost - lowered[index].cost
            if need <= limit and added <= most:
                most -= max(added, 0.0)
                found[index] = changed
                saved += changed.saved
                break
    return tuple(found), saved, limit


def variants(one: Lowered, codes: Mapping[Key, Coded], cpu: Cpu, before: int = 0) -> Iterator[Lowered]:
    """A call with decoded arrays: as a whole, then in more and more blocks of its output channels, which take less memory."""
    decoding = sum(each.cost for each in codes.values())
    one = replace(one, coded=tuple(each.summary for each in codes.values()))
    yield replace(one, call=coded_call(one.call, codes, before), cost=one.cost + decoding)
    for size, blocks, cost in in_blocks(one, cpu):
        call = blocked_call(one.call, blocks, size, codes, before)
        if call is not None:
            yield replace(one, call=call, cost=cost + decoding)


def in_blocks(one: Lowered, cpu: Cpu) -> Iterator[tuple[int, list[Call], float]]:
    """A call as more and more calls of some of its output channels each: how many channels, the calls, their instructions."""
    problem = one.problems[0] if len(one.problems) == 1 and not one.call.rounds else None
    if not isinstance(problem, (Conv2D, FullyConnected)) or not _in_blocks(problem):
        return
    channels, able = problem.weights.shape[0], replace(cpu, features=cpu.features | {ON_CODES})
    grain = VECTOR if "mve" in cpu.features else GROUP
    sizes = dict.fromkeys(-(-channels // (grain * count)) * grain for count in range(2, channels // grain + 1))
    for size in sizes:
        blocks, cost = list[Call](), 0.0
        for first in range(0, channels, size):
            part = problem.channels(first, min(first + size, channels))
            found = usable(one.node.op, part, able, among={one.call.kernel})
            if not found:
                break
            blocks.append(found[0].calls()[0])
            cost += found[0].cost
        else:
            yield size, blocks, cost + 100.0 * len(blocks)


def _in_blocks(problem: Conv2D | FullyConnected) -> bool:
    """Whether some output channels can be computed without the others."""
    if is_wide(problem):
        return False
    if isinstance(problem, FullyConnected):
        return problem.batches == 1
    return problem.in_shape[0] == 1 and problem.groups == 1
