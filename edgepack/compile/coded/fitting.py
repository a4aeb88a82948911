"""Constants stored coded: before a kernel runs, what it reads is decoded into the call's scratch.

Which arrays are coded, and how, follows from bytes and instructions: each begins with the code that takes the fewest bytes; while
all of them together add more instructions than may be, the one that loses the fewest bytes for each instruction saved takes a
faster code, or none. Kernels that compute on a code (direct.py) come before all that decodes: a call that one makes smaller and
faster takes no part in this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from edgepack.coding import CODES, SETTINGS, find_code
from edgepack.compile.call import Array
from edgepack.compile.coded import memory
from edgepack.compile.coded.choice import Coded, best_codes, options_of
from edgepack.compile.coded.contents import Key, arrays_inside, arrays_of, key_of, parts_of
from edgepack.compile.coded.direct import direct, without_gain
from edgepack.compile.coded.memory import fit_in_memory
from edgepack.compile.coded.reasons import Reasons, explained
from edgepack.compile.coded.sizes import gain, growing
from edgepack.compile.coded.skipping import SKIPPING, counted, skipping
from edgepack.compile.graph import Graph
from edgepack.compile.lowered import Lowered
from edgepack.compile.operators.kernel import UNKNOWN
from edgepack.compile.plan import live_of, make_plan
from edgepack.cores import Cpu

UNLIMITED = 1e9
ADDED = {"speed": 0.0, "balanced": 0.15, "size": UNLIMITED}  # of all instructions, that decoding may add
WORTH = 0.25  # of an array's bytes that coding must save
LEAST = 512  # bytes by which a program must become smaller, for decoding takes time
SLOWEST = 2.5  # times the instructions of a call, that "smallest" takes only where no way takes fewer, or for "size"
RATE = 0.5  # of a program's bytes for each of its instructions, that "balanced" gives for an instruction less
NEARLY = {"speed": 0.0, "balanced": 0.6, "size": 1.0}  # of what decoding saves, that a faster way must save to come first


def coded(graph: Graph, lowered: Sequence[Lowered], cpu: Cpu, optimize: str, coding: str, before: int = 0) -> tuple[Lowered, ...]:
    """The calls, with constants coded where that is worth it.

    `coding` is "off", "auto" (what is worth it), "smallest" (all that becomes smaller), or the name of the only code to use.
    `before` are the bytes of memory that each decoder needs before it.
    """
    if coding == "off":
        return tuple(lowered)
    arena = make_plan(graph, [one.call for one in lowered]).arena_size
    room = arena + memory.MORE_MEMORY + memory.DECODER
    stay: set[int] = set()
    while True:
        base = skipping(lowered, cpu, stay) if _may_skip(optimize, coding) else list(lowered)
        skipped = [place for place, (one, new) in enumerate(zip(lowered, base, strict=True)) if new is not one]
        need = live_of(graph, [one.call for one in base])
        after, chosen = _coded(graph, lowered, base, cpu, optimize, coding, arena, before)
        if skipped and SKIPPING in without_gain(after):
            stay.update(skipped)
            continue
        back = {place for place in skipped if _slower(lowered[place], after[place])}
        for place in skipped:
            if not after[place].decodes and (need[place] > room or _decoding_saves_more(base[place], chosen, NEARLY[optimize])):
                back.add(place)
        if not back:
            return after
        stay |= back


def _may_skip(optimize: str, coding: str) -> bool:
    """Whether code for skipping zeros is welcome, which makes calls faster but programs larger than decoding alone would."""
    return coding == "auto" and optimize != "size"


def _slower(before: Lowered, after: Lowered) -> bool:
    """Whether memory leaves a faster kernel so little room that another one with what it decodes would be as fast."""
    return after.cost > before.cost + sum(each.instructions for each in after.coded)


def _decoding_saves_more(one: Lowered, chosen: Mapping[Key, Coded], nearly: float) -> bool:
    """Whether memory has no room to decode what a call reads that skips zeros, which would have saved far more."""
    found = [chosen[key].bytes for key in arrays_of(one.call) if key in chosen]
    return bool(found) and one.saved < nearly * (one.coded[0].bytes - sum(found))


def _coded(
    graph: Graph,
    lowered: Sequence[Lowered],
    base: Sequence[Lowered],
    cpu: Cpu,
    optimize: str,
    coding: str,
    arena: int,
    before: int,
) -> tuple[tuple[Lowered, ...], Mapping[Key, Coded]]:
    """The calls with constants coded, and the codes that arrays would take if memory had room for all of them.

    `base` are the same calls as `lowered`, of which some skip zeros already; `arena` is what `lowered` needs.
    """
    thumb2, frame = "armv6m" not in cpu.features, coding in SETTINGS
    codes = CODES if frame else (find_code(coding),)
    worth = WORTH if coding == "auto" else 0.0
    most = _most(lowered, base, optimize) if coding == "auto" else UNLIMITED
    arrays, readers, shared = _arrays(base)
    options = {
        key: options_of(array, codes, thumb2, worth, frame, plain) if plain else [] for key, (array, plain) in arrays.items()
    }
    rate = _rate(arrays, base) if (coding, optimize) == ("auto", "balanced") else 0.0
    grows = growing(base) if frame else {}
    computed = [[] if one.coded else direct(one, cpu, "" if frame else coding, worth) for one in base]
    if _may_skip(optimize, coding):
        computed = [[way for way in ways if all(part.kernel != SKIPPING for part in way.call.parts())] for ways in computed]
    nearly = NEARLY[optimize]
    slowest = (UNLIMITED if optimize == "size" else SLOWEST) if coding == "smallest" else None
    while True:
        better = [
            one for one, ways in zip(base, computed, strict=True) if coding == "auto" and _better(one, ways, options, nearly)
        ]
        without = {key for one in better for key in arrays_of(one.call)}
        allowed = {key: found for key, found in options.items() if key not in without}
        chosen = best_codes(allowed, readers, grows, most, rate)
        whole = best_codes(allowed, readers, grows, UNLIMITED, rate) if most < UNLIMITED else {}
        slow = frozenset(whole) - frozenset(chosen)
        after = fitted = fit_in_memory(graph, base, chosen, computed, cpu, most, nearly, arena, slowest, before)
        if gain(fitted, grows) <= (LEAST if coding == "auto" else 0):
            after, chosen = fit_in_memory(graph, base, {}, computed, cpu, most, nearly, arena), {}
        after = tuple(counted(old, new) for old, new in zip(base, after, strict=True))
        in_vain = without_gain(after) - ({SKIPPING} if _may_skip(optimize, coding) else set())
        refused = [bool(ways) and not new.coded for ways, new in zip(computed, after, strict=True)]
        if not in_vain and not any(refused):
            asked = [old if new.decodes else first for first, old, new in zip(lowered, base, after, strict=True)]
            return explained(asked, after, fitted, Reasons(options, chosen, slow, shared), (optimize, coding)), chosen
        computed = [
            [way for way in ways if not without and not in_vain & {part.kernel for part in way.call.parts()}]
            for ways, without in zip(computed, refused, strict=True)
        ]


def _most(lowered: Sequence[Lowered], base: Sequence[Lowered], optimize: str) -> float:
    """The instructions that decoding may add: a share of all, or as many as skipping zeros saves."""
    if not ADDED[optimize]:
        return 0.0
    skipped = sum(one.cost - new.cost for one, new in zip(lowered, base, strict=True))
    return max(ADDED[optimize] * sum(one.cost for one in base if one.cost < UNKNOWN), skipped)


def _rate(arrays: Mapping[Key, tuple[Array, int]], lowered: Sequence[Lowered]) -> float:
    """Bytes that an instruction is worth."""
    instructions = sum(one.cost for one in lowered if one.cost < UNKNOWN)
    return RATE * sum(plain for _, plain in arrays.values()) / max(instructions, 1.0)


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
