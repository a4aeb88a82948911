"""Constants stored coded: before a kernel runs, what it reads is decoded into the call's scratch.

Which arrays are coded, and how, follows from bytes and instructions: each begins with the code that takes the fewest bytes; while
all of them together add more instructions than may be, the one that loses the fewest bytes for each instruction saved takes a
faster code, or none. Kernels that compute on a code (direct.py) come before all that decodes: a call that one makes smaller and
faster takes no part in this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from edgepack.coding import CODES, SETTINGS, find_code
from edgepack.compile.call import Array
from edgepack.compile.coded.calls import blocked_call, coded_call
from edgepack.compile.coded.choice import Coded, best_codes, options_of
from edgepack.compile.coded.contents import Key, arrays_inside, arrays_of, key_of, parts_of
from edgepack.compile.coded.direct import direct, without_gain
from edgepack.compile.coded.reasons import Reasons, explained
from edgepack.compile.coded.sizes import gain, growing
from edgepack.compile.graph import Graph
from edgepack.compile.lowered import Lowered
from edgepack.compile.operators.choice import usable
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.fully_connected.generic import FullyConnected
from edgepack.compile.operators.kernel import UNKNOWN
from edgepack.compile.operators.shared.wide import is_wide
from edgepack.compile.plan import live_of, make_plan
from edgepack.cores import Cpu

UNLIMITED = 1e9
ADDED = {"speed": 0.0, "balanced": 0.15, "size": UNLIMITED}  # of all instructions, that decoding may add
WORTH = 0.25  # of an array's bytes that coding must save
LEAST = 512  # bytes by which a program must become smaller, for decoding takes time
MORE_MEMORY = 2048  # bytes by which the arena may grow, or four filters, whichever is more
DECODER = 1280  # and for decoders, their tables, and what is copied beside weights
WORTH_MEMORY = 3  # bytes of flash that a byte of memory beyond must save
SLOWEST = 2.5  # times the instructions of a call, that "smallest" takes only where no way takes fewer, or for "size"
NEARLY = {"speed": 0.0, "balanced": 0.6, "size": 1.0}  # of what decoding saves, that a faster way must save to come first
GROUP, VECTOR = 4, 16  # channels that kernels compute side by side


def coded(graph: Graph, lowered: Sequence[Lowered], cpu: Cpu, optimize: str, coding: str) -> tuple[Lowered, ...]:
    """The calls, with constants coded where that is worth it.

    `coding` is "off", "auto" (what is worth it), "smallest" (all that becomes smaller), or the name of the only code to use.
    """
    if coding == "off":
        return tuple(lowered)
    thumb2, frame = "armv6m" not in cpu.features, coding in SETTINGS
    codes = CODES if frame else (find_code(coding),)
    worth = WORTH if coding == "auto" else 0.0
    most = (ADDED[optimize] if coding == "auto" else UNLIMITED) * sum(one.cost for one in lowered if one.cost < UNKNOWN)
    arrays, readers, shared = _arrays(lowered)
    options = {
        key: options_of(array, codes, thumb2, worth, frame, plain) if plain else [] for key, (array, plain) in arrays.items()
    }
    grows = growing(lowered) if frame else {}
    computed = [direct(one, cpu, "" if frame else coding, worth) for one in lowered]
    nearly = NEARLY[optimize]
    slowest = (UNLIMITED if optimize == "size" else SLOWEST) if coding == "smallest" else None
    while True:
        better = [
            one for one, ways in zip(lowered, computed, strict=True) if coding == "auto" and _better(one, ways, options, nearly)
        ]
        without = {key for one in better for key in arrays_of(one.call)}
        allowed = {key: found for key, found in options.items() if key not in without}
        chosen = best_codes(allowed, readers, grows, most)
        slow = frozenset(best_codes(allowed, readers, grows, UNLIMITED)) - frozenset(chosen) if most < UNLIMITED else frozenset()
        after = fitted = _fitting(graph, lowered, chosen, computed, cpu, most, nearly, slowest)
        if gain(fitted, grows) <= (LEAST if coding == "auto" else 0):
            after = _fitting(graph, lowered, {}, computed, cpu, most, nearly)
        in_vain = without_gain(after)
        refused = [bool(ways) and not new.coded for ways, new in zip(computed, after, strict=True)]
        if not in_vain and not any(refused):
            return explained(lowered, after, fitted, Reasons(options, chosen, slow, shared), (optimize, coding))
        computed = [
            [way for way in ways if not without and not in_vain & {part.kernel for part in way.call.parts()}]
            for ways, without in zip(computed, refused, strict=True)
        ]


def _arrays(lowered: Sequence[Lowered]) -> tuple[dict[Key, tuple[Array, int]], dict[Key, frozenset[str]], frozenset[Key]]:
    """Every array that can be decoded, with the bytes that it alone takes; the kernels that read it; what layers share.

    What several layers share is stored once, and stays as it is.
    """
    inside = [arrays_of(one.call) for one in lowered]
    used = Counter(part for each in inside for part in {key_of(part) for array in each.values() for _, part in parts_of(array)})
    arrays: dict[Key, tuple[Array, int]] = {}
    for each in inside:
        own = {key_of(part): (key, part) for key, array in reversed(each.items()) for _, part in parts_of(array)}
        for key, array in each.items():
            alone = (part for owner, part in own.values() if owner == key and used[key_of(part)] == 1)
            arrays[key] = array, sum(int(part.data.nbytes) for part in alone)
    readers: dict[Key, frozenset[str]] = {}
    for part in (part for one in lowered for part in one.call.parts()):
        for array in arrays_inside(part.fields):
            readers[key_of(array)] = readers.get(key_of(array), frozenset()) | {part.kernel}
    return arrays, readers, frozenset(key for key, count in used.items() if count > 1)


def _better(one: Lowered, ways: Sequence[Lowered], options: Mapping[Key, Sequence[Coded]], nearly: float) -> bool:
    """Whether one of a call's ways to compute on a code is faster than the call, and saves nearly what decoding would."""
    decoding = sum(options[key][0].saved for key in arrays_of(one.call) if options.get(key))
    return any(way.cost <= one.cost and way.saved >= nearly * decoding for way in ways)


def _fitting(
    graph: Graph,
    lowered: Sequence[Lowered],
    chosen: Mapping[Key, Coded],
    computed: Sequence[Sequence[Lowered]],
    cpu: Cpu,
    most: float,
    nearly: float,
    slowest: float | None = None,
) -> tuple[Lowered, ...]:
    """The calls with their coded arrays, where memory has room for what is decoded.

    `computed` are the ways of each call to compute on a code, which come before decoding where they are faster and save `nearly`
    as much. With `slowest` the ways that save most come first, those last that take more than so many times the instructions.

    The arena may grow by `MORE_MEMORY` or four filters, whichever is more, and the decoder; beyond, for `WORTH_MEMORY` times as
    many bytes of flash.
    """
    calls = [one.call for one in lowered]
    arena = make_plan(graph, calls).arena_size
    ways: dict[int, list[tuple[int, Lowered]]] = {}
    filters = 0
    for index, one in enumerate(lowered):
        codes = {key: chosen[key] for key in arrays_of(one.call) if key in chosen}
        if codes or computed[index]:
            variants = list(_variants(one, codes, cpu)) if codes else []
            longest, least = (max(one.cost, variants[0].cost), nearly * variants[0].saved) if variants else (UNKNOWN, 0.0)
            ahead = [way for way in computed[index] if way.cost <= longest and way.saved >= least]
            variants = [*ahead, *variants, *(way for way in computed[index] if way not in ahead)]
            if slowest is not None:
                variants.sort(key=lambda way: -way.saved)
                slow = [way for way in variants if way.cost > slowest * one.cost]
                variants = [*(way for way in variants if way not in slow), *slow]
            needs = (live_of(graph, [*calls[:index], each.call, *calls[index + 1 :]])[index] for each in variants)
            ways[index] = list(zip(needs, variants, strict=True))
            filters = max(filters, *(4 * each.content.array.depth for each in codes.values()), 0)
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


def _variants(one: Lowered, codes: Mapping[Key, Coded], cpu: Cpu) -> Iterator[Lowered]:
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
    if is_wide(problem):
        return False
    if isinstance(problem, FullyConnected):
        return problem.batches == 1
    return problem.in_shape[0] == 1 and problem.groups == 1
