"""The C statements of one call: a kernel, or several layers' kernels band by band."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from edgepack.compile.call import SCRATCH, Call, Place, Step
from edgepack.flatbuffer.types import C_TYPES

LOOP = 3  # rounds that differ by equal distances only, from which on they become a loop


def struct_name(call: Call, index: int, number: int) -> str:
    """What the constants of a call's part are named by."""
    return f"{index}_{number}" if call.rounds else str(index)


def shared_function(name: str, call: Call) -> str:
    """The C function that calls of a kernel share, which is not inlined."""
    scratch = (", void *scratch", ", scratch") if call.scratch is not None else ("", "")
    arguments = f"const struct {call.struct_type} *op, const int8_t *input, int8_t *output{scratch[0]}"
    return f"EP_NOINLINE void {name}_{call.kernel}({arguments})\n{{\n    {call.kernel}(op, input, output{scratch[1]});\n}}\n"


def call_text(name: str, index: int, call: Call, places: Mapping[int, str], shared: bool, structs: str = "") -> str:
    """The statements; `places` are the C addresses of the call's values and of its scratch.

    `shared`: the functions of `shared_function` are called. `structs` are definitions that only these statements use.
    """
    text = _statements(name, index, call, places, shared)
    if not structs:
        return text
    return "    {\n" + textwrap.indent(structs + text, "    ") + "    }\n"


def _statements(name: str, index: int, call: Call, places: Mapping[int, str], shared: bool) -> str:
    prefix = f"{name}_" if shared else ""
    if not call.rounds:
        arguments = [places[value] for value in (*call.inputs, *call.outputs)]
        arguments += [places[SCRATCH]] if call.scratch is not None else []
        return f"    {prefix}{call.kernel}(&{name}_{index}, {', '.join(arguments)});\n"
    structs = {id(part): f"{name}_{struct_name(call, index, number)}" for number, part in enumerate(call.parts())}
    lines, at = [], 0
    while at < len(call.rounds):
        end = _alike(call.rounds, at)
        if end - at >= LOOP:
            steps = "".join(
                "    " + _step(prefix, now, structs, places, _distance(now, later))
                for now, later in zip(call.rounds[at], call.rounds[at + 1], strict=True)
            )
            lines.append(f"    EP_NO_UNROLL\n    for (band = 0; band < {end - at}; band++) {{\n{steps}    }}\n")
            at = end
        else:
            lines += [_step(prefix, step, structs, places, (0, 0)) for step in call.rounds[at]]
            at += 1
    return "".join(lines)


def needs_band(call: Call) -> bool:
    """Whether its statements count bands."""
    return any(_alike(call.rounds, at) - at >= LOOP for at in range(len(call.rounds)))


def _distance(now: Step, later: Step) -> tuple[int, int]:
    return later.input.offset - now.input.offset, later.output.offset - now.output.offset


def _alike(rounds: tuple[tuple[Step, ...], ...], at: int) -> int:
    """The round after the last of those from `at` on that do the same at places that advance by equal distances."""
    end = at + 1
    while end < len(rounds) and len(rounds[end]) == len(rounds[at]):
        same = all(a.call is b.call and a.scratch == b.scratch for a, b in zip(rounds[at], rounds[end], strict=True))
        steps = [_distance(a, b) for a, b in zip(rounds[end - 1], rounds[end], strict=True)]
        if not same or steps != [_distance(a, b) for a, b in zip(rounds[at], rounds[at + 1], strict=True)]:
            break
        end += 1
    return end


def _step(prefix: str, step: Step, structs: Mapping[int, str], places: Mapping[int, str], advance: tuple[int, int]) -> str:
    """One kernel's call; its places advance by so many bytes a band."""
    ends = zip((step.input, step.output), advance, strict=True)
    arguments = [_address(place, places, 0) for place in step.places] or [_address(place, places, by) for place, by in ends]
    if step.call.scratch is not None:
        arguments.append(f"{places[SCRATCH]} + {step.scratch}")
    prefix = "" if step.call.function else prefix
    return f"    {prefix}{step.call.kernel}(&{structs[id(step.call)]}, {', '.join(arguments)});\n"


def _address(place: Place, places: Mapping[int, str], advance: int) -> str:
    base = places[place.value]
    offset = f" + {place.offset}" if place.offset else ""
    address = f"{base}{offset}" + (f" + band * {advance}" if advance else "")
    return address if place.dtype == "int8" else f"(const {C_TYPES[place.dtype]} *)(const void *)({address})"
