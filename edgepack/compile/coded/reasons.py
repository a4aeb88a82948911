"""Why constants are stored coded, or as they are; and whether a program gets smaller by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgepack.coding import SETTINGS
from edgepack.compile.call import Array
from edgepack.compile.coded.choice import SMALLEST, Coded
from edgepack.compile.coded.contents import Key, arrays_inside, arrays_of, content_of, key_of, parts_of
from edgepack.compile.lowered import Considered, Lowered

TOO_SLOW = "decoding would add more than 15 % of all instructions"
FOR_SPEED = "for speed nothing is decoded"
NO_ROOM = "no room in memory"
NO_ROOM_IN_TIME = "no room in memory, and too slow in blocks that have"
TOO_LITTLE = "the decoders' code would take more than is saved"
SMALL = "too small"
SEVERAL = "its kernel has several inputs or outputs"
FOR_WEIGHTS = "a code for weights alone"
SHARED = "several layers share it"


@dataclass(frozen=True, eq=False)
class Reasons:
    """What there was to choose from: the codes that make each array smaller, the one that is worth it, the arrays that would have
    one if there were more time, and those that several layers share."""

    options: Mapping[Key, Sequence[Coded]]
    chosen: Mapping[Key, Coded]
    slow: frozenset[Key]
    shared: frozenset[Key]


def explained(
    before: Sequence[Lowered], after: Sequence[Lowered], fitted: Sequence[Lowered], reasons: Reasons, asked: tuple[str, str]
) -> tuple[Lowered, ...]:
    """The calls as they have become, with what was considered of each.

    Args:
        before, after: The calls without codes, and as they have become.
        fitted: As they would have become, whatever the decoders take.
        reasons: What there was to choose from.
        asked: What to optimize for, and how to code.
    """
    room = NO_ROOM_IN_TIME if asked == ("balanced", "auto") else NO_ROOM
    kept = room if any(one.decodes for one in after) or not any(one.decodes for one in fitted) else TOO_LITTLE
    return tuple(
        replace(new, considered=tuple(_considered(old, new, reasons, kept, asked)))
        for old, new in zip(before, after, strict=True)
    )


def _considered(old: Lowered, new: Lowered, reasons: Reasons, kept: str, asked: tuple[str, str]) -> list[Considered]:
    """A call's arrays that a code could take, each once; `kept` says why those chosen may be as they are."""
    optimize, coding = asked
    within_reach = arrays_of(old.call)
    coded = iter(new.coded)  # in the order of the arrays that were chosen
    computed = next((each for each in new.coded if each.direct), None)
    found: list[Considered] = []
    held = {key_of(array): (array, part) for part in old.call.parts() for array in arrays_inside(part.fields)}
    for key, (array, part) in held.items():
        output = next(iter((*part.outputs, *old.call.outputs)), None)
        if content_of(array) is None:
            continue
        if computed is not None and not found:
            found.append(Considered(array, computed, computed.direct, output=output))
            continue
        taken = next(coded, None) if key in within_reach and key in reasons.chosen else None
        if taken is not None:
            why = ""
        elif key not in within_reach:
            why = SEVERAL
        elif key in reasons.chosen:
            why = kept
        elif reasons.options.get(key):
            why = TOO_LITTLE if key not in reasons.slow else FOR_SPEED if optimize == "speed" else TOO_SLOW
        elif any(key_of(inner) in reasons.shared for _, inner in parts_of(array)):
            why = SHARED
        else:
            why = _no_code(array, coding)
        found.append(Considered(array, taken, why, TOO_LITTLE if coding in SETTINGS else FOR_WEIGHTS, output))
    return found


def _no_code(array: Array, coding: str) -> str:
    if array.data.nbytes < SMALLEST:
        return SMALL
    if coding not in SETTINGS and array.data.dtype == np.int32 and not array.depth and not array.packed:
        return FOR_WEIGHTS
    if coding == "auto":
        return "no code saves a quarter"
    return "no code makes it smaller" if coding == "smallest" else f"{coding} does not make it smaller"
