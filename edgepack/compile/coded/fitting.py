"""Constants stored coded: before a kernel runs, what it reads is decoded into the call's scratch.

Which arrays are coded, and how, follows from bytes and instructions: each begins with the code that takes the fewest bytes; while
all of them together add more instructions than may be, the one that loses the fewest bytes for each instruction saved takes a
faster code, or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from edgepack.coding import CODES, find_code
from edgepack.compile.coded.calls import blocked_call, coded_call
from edgepack.compile.coded.choice import Coded, options_of, within
from edgepack.compile.coded.contents import arrays_of
from edgepack.compile.coded.reasons import explained, pays_off
from edgepack.compile.graph import Graph
from edgepack.compile.lowered import Lowered
from edgepack.compile.operators.choice import usable
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.fully_connected.generic import FullyConnected
from edgepack.compile.plan import live_of, make_plan
from edgepack.cores import Cpu

ADDED = {"speed": 0.0, "balanced": 0.15, "size": 1e9}  # of all instructions, that decoding may add
WORTH = 0.25  # of an array's bytes that coding must save
MORE_MEMORY = 2048  # bytes by which the arena may grow, or four filters, whichever is more
GROUP, VECTOR = 4, 16  # channels that kernels compute side by side
UNPACKING = 300  # bytes of ep_unpack.h


def coded(graph: Graph, lowered: Sequence[Lowered], cpu: Cpu, optimize: str, coding: str) -> tuple[Lowered, ...]:
    """The calls, with constants coded where that is worth it.

    `coding` is "off", "auto" (what is worth it), "smallest" (all that becomes smaller), or the name of the only code to use.
    """
    if coding == "off":
        return tuple(lowered)
    thumb2 = "armv6m" not in cpu.features
    codes = CODES if coding in ("auto", "smallest") else (find_code(coding),)
    worth = WORTH if coding == "auto" else 0.0
    most = (ADDED[optimize] if coding == "auto" else 1e9) * sum(one.cost for one in lowered)
    found = {id(array): options_of(array, codes, thumb2, worth) for one in lowered for array in arrays_of(one.call)}
    chosen = within({key: options for key, options in found.items() if options}, most)
    fitted = _fitting(graph, lowered, chosen, cpu, most)
    paid = coding != "auto" or pays_off(fitted)
    return explained(lowered, fitted if paid else lowered, found, chosen, (optimize, coding), paid)


def _fitting(graph: Graph, lowered: Sequence[Lowered], chosen: Mapping[int, Coded], cpu: Cpu, most: float) -> tuple[Lowered, ...]:
    """The calls with their coded arrays, where memory has room for what is decoded, and the decoders' own code pays off."""
    before = [one.call for one in lowered]
    arena = make_plan(graph, before).arena_size
    found = list(lowered)
    mine = {
        index: {id(array): chosen[id(array)] for array in arrays_of(one.call) if id(array) in chosen}
        for index, one in enumerate(lowered)
    }
    left = most
    for index in sorted(mine, key=lambda each: -sum(one.saved for one in mine[each].values())):
        if not mine[index]:
            continue
        limit = arena + max(MORE_MEMORY, *(4 * one.content.array.depth for one in mine[index].values()))
        for changed in _variants(lowered[index], mine[index], cpu):
            calls = [*before[:index], changed.call, *before[index + 1 :]]
            if changed.cost - lowered[index].cost <= left and live_of(graph, calls)[index] <= limit:
                left -= changed.cost - lowered[index].cost
                found[index] = changed
                break
    saved = sum(one.saved for index, each in mine.items() if found[index] is not lowered[index] for one in each.values())
    used = {part.kernel for one in found for part in one.call.parts()}
    code = UNPACKING + sum(each.code_bytes for each in CODES if each.kernel in used)
    return tuple(found) if saved > code else tuple(lowered)


def _variants(one: Lowered, codes: Mapping[int, Coded], cpu: Cpu) -> Iterator[Lowered]:
    """A call with decoded arrays: as a whole, then in more and more blocks of its output channels, which take less memory."""
    decoding = sum(each.cost for each in codes.values())
    one = replace(one, coded=tuple(each.summary for each in codes.values()))
    yield replace(one, call=coded_call(one.call, codes), cost=one.cost + decoding)
    problem = one.problems[0] if len(one.problems) == 1 and not one.call.rounds else None
    if not isinstance(problem, (Conv2D, FullyConnected)) or not _in_blocks(problem):
        return
    channels = problem.weights.shape[0]
    grain = VECTOR if "mve" in cpu.features else GROUP
    sizes = dict.fromkeys(-(-channels // (grain * count)) * grain for count in range(2, channels // grain + 1))
    for size in sizes:
        parts = [problem.channels(first, min(first + size, channels)) for first in range(0, channels, size)]
        choices = [[c for c in usable(one.node.op, part, cpu) if c.kernel.name == one.call.kernel] for part in parts]
        if all(choices):
            blocks = [found[0].calls()[0] for found in choices]
            cost = sum(found[0].cost for found in choices) + decoding + 100.0 * len(blocks)
            yield replace(one, call=blocked_call(one.call, blocks, size, codes), cost=cost)


def _in_blocks(problem: Conv2D | FullyConnected) -> bool:
    """Whether some output channels can be computed without the others."""
    if isinstance(problem, FullyConnected):
        return problem.batches == 1
    return problem.in_shape[0] == 1 and problem.groups == 1
