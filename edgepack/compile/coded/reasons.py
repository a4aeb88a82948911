"""Why constants are stored coded, or as they are; and whether a program gets smaller by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgepack.coding import CODES
from edgepack.compile.call import Array, decodes
from edgepack.compile.coded.choice import EACH, Coded
from edgepack.compile.coded.contents import Key, arrays_inside, arrays_of, content_of, key_of
from edgepack.compile.lowered import Considered, Lowered

GENERAL = 1000  # bytes that a kernel may grow by where the C compiler no longer sees its constants: 0 to 1,400 were measured
TOO_SLOW = "decoding would add more than 15 % of all instructions"
FOR_SPEED = "for speed nothing is decoded"
NO_ROOM = "no room in memory"
NO_ROOM_IN_TIME = "no room in memory, and too slow in blocks that have"
TOO_LITTLE = "the decoders' code would take more than is saved"
SMALL = "too small"
SEVERAL = "its kernel has several inputs or outputs"


def pays_off(lowered: Sequence[Lowered]) -> bool:
    """Whether what is saved is more than the decoders and the kernels that read what they decode may add."""
    parts = [part for one in lowered if one.coded for part in one.call.parts()]
    kernels, used = {part.kernel for part in parts if decodes(part.fields)}, {part.kernel for part in parts}
    added = GENERAL * len(kernels) + sum(each.code_bytes for each in CODES if each.kernel in used)
    return not parts or sum(array.bytes - array.coded_bytes for one in lowered for array in one.coded) > added


def explained(
    before: Sequence[Lowered],
    after: Sequence[Lowered],
    options: Mapping[Key, Sequence[Coded]],
    chosen: Mapping[Key, Coded],
    asked: tuple[str, str],
    paid: bool,
) -> tuple[Lowered, ...]:
    """The calls as they have become, with what was considered of each.

    Args:
        before, after: The calls without codes, and as they have become.
        options, chosen: The codes that make each array smaller, and the one that is worth it.
        asked: What to optimize for, and how to code.
        paid: Whether what there was to save was more than what it would have added.
    """
    little = sum(each.saved for each in chosen.values()) <= sum({each.code.code_bytes for each in chosen.values()})
    room = NO_ROOM_IN_TIME if asked == ("balanced", "auto") else NO_ROOM
    kept = TOO_LITTLE if little or not paid else room
    return tuple(
        replace(new, considered=tuple(_considered(old, new, options, chosen, kept, asked)))
        for old, new in zip(before, after, strict=True)
    )


def _considered(
    old: Lowered,
    new: Lowered,
    options: Mapping[Key, Sequence[Coded]],
    chosen: Mapping[Key, Coded],
    kept: str,
    asked: tuple[str, str],
) -> list[Considered]:
    """A call's arrays that a code could take, each once; `kept` says why those chosen may be as they are."""
    optimize, coding = asked
    within_reach = arrays_of(old.call)
    coded = iter(new.coded)  # in the order of the arrays that were chosen
    found = []
    held = {key_of(array): (array, part) for part in old.call.parts() for array in arrays_inside(part.fields)}
    for key, (array, part) in held.items():
        if content_of(array) is None:
            continue
        taken = next(coded, None) if key in within_reach and key in chosen else None
        if taken is not None:
            why = ""
        elif key not in within_reach:
            why = SEVERAL
        elif key in chosen:
            why = kept
        elif options.get(key):
            why = FOR_SPEED if optimize == "speed" else TOO_SLOW
        else:
            why = _no_code(array, coding)
        found.append(Considered(array, taken, why, next(iter((*part.outputs, *old.call.outputs)), None)))
    return found


def _no_code(array: Array, coding: str) -> str:
    if array.data.nbytes < 2 * EACH:
        return SMALL
    if coding == "auto":
        return "no code saves a quarter"
    return "no code makes it smaller" if coding == "smallest" else f"{coding} does not make it smaller"
