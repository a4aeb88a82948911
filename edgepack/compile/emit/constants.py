"""NAME_weights.h and NAME_weights.c: every constant array, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Array, Field
from edgepack.compile.emit.c_text import c_name, numbers
from edgepack.compile.emit.call_text import struct_name
from edgepack.compile.emit.subject import Program, banner
from edgepack.compile.graph import Data
from edgepack.flatbuffer.types import C_TYPES
from edgepack.ground.escape import c_comment


@dataclass(frozen=True)
class Arrays:
    """Constant arrays: distinct ones in order, and the C name for each use (by id of Array, and by value id)."""

    distinct: tuple[tuple[str, Data, str], ...]
    of_array: Mapping[int, str]
    of_value: Mapping[int, str]


def arrays_of(program: Program) -> Arrays:
    """Name every constant; equal bytes of one type are stored once."""
    distinct: list[tuple[str, Data, str]] = []
    seen: dict[tuple[str, bytes], str] = {}
    of_array: dict[int, str] = {}
    of_value: dict[int, str] = {}

    def add(data: Data, wish: str, note: str) -> str:
        key = (str(data.dtype), data.tobytes())
        if key not in seen:
            seen[key] = f"{program.name}_{wish}"
            distinct.append((seen[key], data, note))
        return seen[key]

    def walk(fields: Mapping[str, Field], index: str, note: str) -> None:
        for member, value in fields.items():
            if isinstance(value, Array):
                of_array[id(value)] = add(program.stored(value), f"{index}_{c_name(member)}", f"{note} {value.comment}".strip())
            elif isinstance(value, Mapping):
                walk(value, index, note)

    for index, call in enumerate(program.calls):
        for which, part in enumerate(call.parts()):
            layer = program.graph.values[part.outputs[0]].layer if part.outputs else ""
            walk(part.fields, struct_name(call, index, which), f"{part.kernel} {c_comment(layer)}")
        for value in call.inputs:
            root = program.graph.root(value)
            data = program.graph.values[root].data
            if data is not None:
                of_value[root] = add(data, f"{index}_constant_{root}", f"constant {c_comment(program.graph.values[root].name)}")
    for state in program.graph.states:
        if any(byte != state.initial[0] for byte in state.initial):
            note = f"initial state {c_comment(program.graph.values[state.value].name)}"
            of_value[state.value] = add(_bytes(state.initial), f"state_{state.value}", note)
    return Arrays(tuple(distinct), of_array, of_value)


def _bytes(initial: bytes) -> Data:
    return np.frombuffer(initial, np.int8)


def _c_type(data: Data) -> str:
    return C_TYPES.get(str(data.dtype), f"{data.dtype}_t")


def weights_header(program: Program, arrays: Arrays) -> str:
    """NAME_weights.h: the declarations."""
    p = program.prefix
    declarations = "".join(f"extern const {_c_type(data)} {name}[{data.size}];\n" for name, data, _ in arrays.distinct)
    return f"""{banner(program, f"{program.name}: constants, private to {program.name}.c.")}\
#ifndef {p}_WEIGHTS_H
#define {p}_WEIGHTS_H

#include "ep_common.h"

/* Where the constants are placed; define it as a section attribute to put them elsewhere, external flash for instance. */
#ifndef {p}_WEIGHTS_SECTION
#define {p}_WEIGHTS_SECTION
#endif

{declarations}
#endif
"""


def weights(program: Program, arrays: Arrays) -> str:
    """NAME_weights.c: the numbers."""
    p = program.prefix
    definitions: Sequence[str] = [
        f"/* {note} */\n"
        f"{p}_WEIGHTS_SECTION EP_CONSTANTS_ALIGNED const {_c_type(data)} {name}[{data.size}] = {{\n    {numbers(data)}\n}};\n"
        for name, data, note in arrays.distinct
    ]
    return f"""{banner(program, f"{program.name}: constants.")}\
#include "{program.name}_weights.h"

{chr(10).join(definitions)}"""
