"""Why constants are stored coded, or as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgepack.compile.call import Array
from edgepack.compile.coded.choice import EACH, Coded
from edgepack.compile.coded.contents import arrays_inside, arrays_of, content_of
from edgepack.compile.lowered import CodedArray, Considered, Lowered

TOO_SLOW = "decoding would add more than 15 % of all instructions"
FOR_SPEED = "for speed nothing is decoded"
NO_ROOM = "no room in memory"
TOO_LITTLE = "the decoders' code would take more than is saved"
SMALL = "too small"
SEVERAL = "its kernel has several inputs or outputs"


def considered(
    one: Lowered,
    options: Mapping[int, Sequence[Coded]],
    chosen: Mapping[int, Coded],
    coded: Sequence[CodedArray],
    kept: str,
    asked: tuple[str, str],
) -> tuple[Considered, ...]:
    """A call's arrays that a code could take, each once, with the code it has, or why it has none.

    Args:
        one: The call as it is without codes.
        options, chosen: The codes that make each array smaller, and the one that is worth it, by the array's id.
        coded: What has become coded in this call, in the order of its arrays.
        kept: Why it has not.
        asked: What to optimize for, and how to code.
    """
    optimize, coding = asked
    within_reach = {id(array) for array in arrays_of(one.call)}
    given = iter(coded)
    found = []
    for array in {id(array): array for part in one.call.parts() for array in arrays_inside(part.fields)}.values():
        if content_of(array) is None:
            continue
        key, taken, why = id(array), None, kept
        if key not in within_reach:
            why = SEVERAL
        elif key in chosen:
            taken = next(given, None)
        elif options.get(key):
            why = FOR_SPEED if optimize == "speed" else TOO_SLOW
        else:
            why = _no_code(array, coding)
        found.append(Considered(array, taken, "" if taken else why))
    return tuple(found)


def _no_code(array: Array, coding: str) -> str:
    if array.data.nbytes < 2 * EACH:
        return SMALL
    if coding == "auto":
        return "no code saves a quarter"
    return "no code makes it smaller" if coding == "smallest" else f"{coding} does not make it smaller"
