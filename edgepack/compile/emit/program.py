"""The files a firmware build takes: NAME.h, NAME.c, NAME_weights.h, NAME_weights.c, the kernels used, README.md."""

from __future__ import annotations

import re

from edgepack.compile.call import CODE, DECRYPTION, SCRATCH, Call, decodes
from edgepack.compile.emit.c_text import initialiser, number
from edgepack.compile.emit.call_text import call_text, needs_band, shared_function, struct_name
from edgepack.compile.emit.constants import Arrays, arrays_of, weights, weights_header
from edgepack.compile.emit.decrypt import DECRYPTING, FAILURES, WINDOW_HEADER, check_block, decrypt_declaration, key_check
from edgepack.compile.emit.parameters import buffers_note, held_inputs, parameters, take_inputs
from edgepack.compile.emit.readme import readme
from edgepack.compile.emit.sizes import DEFINITION, need_32_bits
from edgepack.compile.emit.subject import Program, banner
from edgepack.compile.graph import Node, Value
from edgepack.compile.kernels import header_text
from edgepack.flatbuffer.types import C_TYPES
from edgepack.ground.escape import c_comment, c_string

KERNEL_DECLARATIONS = {
    "balanced": "",
    "speed": "#ifndef EP_KERNEL\n#define EP_KERNEL static inline __attribute__((always_inline))\n#endif\n",
    "size": "#ifndef EP_KERNEL\n#define EP_KERNEL static __attribute__((noinline))\n#endif\n",
}


def emit(program: Program) -> dict[str, str]:
    """Every file of the program by name."""
    arrays = arrays_of(program)
    files = {
        f"{program.name}.h": _header(program),
        f"{program.name}.c": _source(program, arrays),
        f"{program.name}_weights.h": weights_header(program, arrays),
        f"{program.name}_weights.c": weights(program, arrays),
    }
    coded = sum(any(part.struct == CODE for part in call.parts()) for call in program.calls)
    headers = {part.header for call in program.calls for part in call.parts()}
    for header in _kernel_files(headers):
        files[header] = header_text(header)
    files["README.md"] = readme(program, _kernel_files(headers), coded)
    return files


def _kernel_files(headers: set[str]) -> list[str]:
    """The headers and those they include, each once, in name order."""
    found: set[str] = set()
    waiting = set(headers) | {"ep_common.h"}
    while waiting:
        header = waiting.pop()
        found.add(header)
        included = re.findall(r'#include "(ep_\w+\.h)"', header_text(header))
        waiting |= set(included) - found
    return sorted(found)


def _prototype(program: Program) -> str:
    inputs = set(program.graph.inputs)
    parts = []
    for name, value in parameters(program.graph):
        const = "const " if value in inputs and name.startswith("input") else ""
        parts.append(f"{const}{C_TYPES[program.graph.values[value].dtype]} *{name}")
    decryption = f", {program.name}_decrypt *decrypt, void *user" if program.cipher else ""
    return f"int {program.name}_run({', '.join(parts)}, void *arena{decryption})"


def _tensor_macros(prefix: str, value: Value, offset: int | None) -> str:
    lines = [
        f"#define {prefix}_SHAPE {{{', '.join(str(extent) for extent in value.shape) or '1'}}}",
        f"#define {prefix}_RANK {len(value.shape)}",
        f"#define {prefix}_SIZE {value.elements} /* elements of type {C_TYPES[value.dtype]} */",
        f"#define {prefix}_BYTES {value.bytes}",
    ]
    if len(value.scales) == 1:
        lines.append(f"#define {prefix}_SCALE {number(value.scale, 'float32')} /* real = SCALE * (stored - ZERO_POINT) */")
        lines.append(f"#define {prefix}_ZERO_POINT ({value.zero_point})")
    if offset is not None:
        lines.append(f"#define {prefix}_OFFSET {offset} /* bytes into the arena, where it lies */")
    return "\n".join(lines) + "\n"


def _header(program: Program) -> str:
    p = program.prefix
    values = program.graph.values
    held = held_inputs(program.graph, program.plan)
    offsets = {each.name: each.offset for each in held}
    tensors = "\n".join(
        _tensor_macros(f"{p}_{name.upper()}", values[value], offsets.get(name)) for name, value in parameters(program.graph)
    )
    reset = ""
    if program.graph.states:
        reset = (
            "\n/* Give the streaming state at the start of the arena its initial value; call it before the first run. */\n"
            f"void {program.name}_reset(void *arena);\n"
        )
    head = banner(program, f"{program.name}: integer inference, bit for bit as TensorFlow Lite's reference kernels.")
    return f"""{head}\
#ifndef {p}_H
#define {p}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {p}_ARENA_SIZE {max(program.plan.arena_size, 16)} /* bytes, 16-aligned, caller-owned */
#define {p}_STATE_SIZE {program.plan.state_size} /* bytes at the start of the arena that must survive between runs */
#define {p}_MODEL_SHA256 {c_string(program.source_sha256)}
#define {p}_MODEL_BYTES {program.source_bytes}
#define {p}_INPUT_COUNT {len(program.graph.inputs)}
#define {p}_OUTPUT_COUNT {len(program.graph.outputs)}

{tensors}{decrypt_declaration(program)}
/* Run one inference. {buffers_note(p, held)}
 * Returns 0, or -1 if the arena is null or not 4-aligned{FAILURES if program.cipher else ""}. */
{_prototype(program)};
{reset}
#ifdef __cplusplus
}}
#endif

#endif
"""


def _location(program: Program, arrays: Arrays, value: int) -> str:
    """The C expression for a value's address."""
    graph = program.graph
    root = graph.root(value)
    for name, parameter in parameters(program.graph):
        if graph.root(parameter) == root and root not in program.plan.offsets:
            return name
    if root in program.plan.state:
        return _cast(graph.values[value].dtype, f"memory + {program.plan.state[root]}")
    if root in arrays.of_value:
        return arrays.of_value[root]
    return _cast(graph.values[value].dtype, f"memory + {program.plan.offsets[root]}")


def _cast(dtype: str, address: str) -> str:
    return address if dtype == "int8" else f"({C_TYPES[dtype]} *)(void *)({address})"


def _describe(program: Program, node: Node, call: Call) -> str:
    graph = program.graph
    shapes = " + ".join("x".join(map(str, graph.values[i].shape)) for i in call.inputs)
    out = "x".join(map(str, graph.values[call.outputs[0]].shape)) if call.outputs else ""
    layer = graph.values[call.outputs[0]].layer if call.outputs else ""
    return c_comment(f"{node.op} {layer}: {shapes} -> {out}")


def _source(program: Program, arrays: Arrays) -> str:
    p, name = program.prefix, program.name
    parts = [part for call in program.calls for part in call.parts()]
    headers = {part.header for part in parts}
    ahead = [WINDOW_HEADER] if WINDOW_HEADER in headers else []  # it changes what decoders are
    includes = "\n".join(f'#include "{header}"' for header in (*ahead, *sorted(headers - set(ahead))))
    large = need_32_bits(_kernel_files(headers), [part.fields for part in parts])
    sizes = DEFINITION if large or program.optimize == "speed" else ""
    check = f"EP_STATIC_ASSERT(sizeof(EP_SIZE) >= 4, {name}_has_sizes_of_more_than_16_bits);\n" if large else ""
    held = held_inputs(program.graph, program.plan)
    structs, body, uses_memory = [], [take_inputs(held)], bool(held)
    names = {each.name for each in held}
    unused = [parameter for parameter, _ in parameters(program.graph) if parameter not in names]
    for index, (node, call) in enumerate(zip(program.nodes, program.calls, strict=True)):
        for which, part in enumerate(call.parts()):
            if not decodes(part.fields):
                structs.append(f"static {_struct(program, arrays, call, index, which)}")
        places = {value: _location(program, arrays, value) for value in (*call.inputs, *call.outputs)}
        places[DECRYPTION] = "(const int8_t *)(const void *)&decryption"
        if call.scratch is not None:
            places[SCRATCH] = f"memory + {program.plan.scratch[index]}" if call.scratch else "memory"
        uses_memory = uses_memory or any("memory" in place for place in places.values())
        unused = [parameter for parameter in unused if parameter not in places.values()]
        title = f"    {p}_BEFORE_LAYER({index}); /* {_describe(program, node, call)} */\n"
        inside = "".join(
            f"    {_struct(program, arrays, call, index, which, places[SCRATCH])}"
            for which, part in enumerate(call.parts())
            if decodes(part.fields)
        )
        body.append(title + call_text(name, index, call, places, index in program.shared, inside))
    memory = "    int8_t *const memory = (int8_t *)arena;\n" if uses_memory else ""
    memory += "    int32_t band;\n" if any(needs_band(call) for call in program.calls) else ""
    decrypts = not DECRYPTING.isdisjoint(headers)
    decryption = (
        "    int failed = 0;\n    const struct ep_decryption decryption = {decrypt, user, &failed};\n" if decrypts else ""
    )
    unused += ["user"] if program.cipher and not decrypts else []
    statements = [key_check(program)] if decrypts else []
    statements += [f"    (void){parameter};\n" for parameter in unused] + body
    head = banner(program, f"{name}: {len(program.calls)} kernel calls, for {program.cpu}, optimised for {program.optimize}.")
    return f"""{head}\
{KERNEL_DECLARATIONS[program.optimize]}{sizes}#include "{name}.h"

#include "{name}_weights.h"
{includes}

/* A hook for profiling, run before each layer and once more after the last. */
#ifndef {p}_BEFORE_LAYER
#define {p}_BEFORE_LAYER(index) ((void)(index))
#endif

EP_STATIC_ASSERT({p}_ARENA_SIZE >= {program.plan.arena_size}, {name}_arena_holds_every_buffer);
{check}{check_block(program) if decrypts else ""}
{"".join(_shared_functions(program))}{chr(10).join(structs)}
{_prototype(program)}
{{
{memory}{decryption}    if (arena == NULL || ((uintptr_t)arena & 3u) != 0u{" || decrypt == NULL" if program.cipher else ""}) {{
        return -1;
    }}
{"".join(statements)}    {p}_BEFORE_LAYER({len(program.calls)});
    return {"failed != 0 ? -2 : 0" if decrypts else "0"};
}}
{_reset(program, arrays)}"""


def _struct(program: Program, arrays: Arrays, call: Call, index: int, which: int, scratch: str = "") -> str:
    """The constants of a call's part."""
    part = call.parts()[which]
    name = f"{program.name}_{struct_name(call, index, which)}"
    indent = "        " if scratch else "    "
    return f"const struct {part.struct_type} {name} = {initialiser(part.fields, arrays.of_array, indent, scratch)};\n"


def _shared_functions(program: Program) -> list[str]:
    """A function for each kernel that several calls share."""
    calls = [part for index in sorted(program.shared) for part in program.calls[index].parts() if not part.function]
    by_kernel = {call.kernel: call for call in calls}
    return [shared_function(program.name, by_kernel[kernel]) + "\n" for kernel in sorted(by_kernel)]


def _reset(program: Program, arrays: Arrays) -> str:
    if not program.graph.states:
        return ""
    lines = []
    for state in program.graph.states:
        offset = program.plan.state[state.value]
        if state.value in arrays.of_value:
            lines.append(f"    memcpy(memory + {offset}, {arrays.of_value[state.value]}, {len(state.initial)});\n")
        else:
            fill = state.initial[0] if state.initial else 0
            lines.append(f"    memset(memory + {offset}, {fill}, {len(state.initial)});\n")
    return f"\nvoid {program.name}_reset(void *arena)\n{{\n    int8_t *const memory = (int8_t *)arena;\n{''.join(lines)}}}\n"
