"""The parameters of NAME_run, and the inputs that lie in the arena."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgepack.compile.graph import Graph
from edgepack.compile.plan import Plan

READ_ONLY = "Buffers are the caller's: inputs are only read, none may overlap another or the arena."


def parameters(graph: Graph) -> list[tuple[str, int]]:
    """Parameter name and value id of every input, then every output."""
    result = []
    for kind, ids in (("input", graph.inputs), ("output", graph.outputs)):
        for index, value in enumerate(ids):
            result.append((kind if len(ids) == 1 else f"{kind}_{index}", value))
    return result


@dataclass(frozen=True)
class HeldInput:
    """An input in the arena: its parameter's name, its offset, and its bytes."""

    name: str
    offset: int
    bytes: int


def held_inputs(graph: Graph, plan: Plan) -> list[HeldInput]:
    """The inputs that lie in the arena."""
    held = graph.inputs if graph.inputs_in_arena else ()
    return [HeldInput(name, plan.offsets[id_], graph.values[id_].bytes) for name, id_ in parameters(graph) if id_ in held]


def take_inputs(held: Sequence[HeldInput]) -> str:
    """Statements that copy the inputs into the arena, but those that are there already."""
    return "".join(
        f"    if ((const void *){each.name} != (const void *)(memory + {each.offset})) {{\n"
        f"        memmove(memory + {each.offset}, {each.name}, {each.bytes});\n    }}\n"
        for each in held
    )


def buffers_note(prefix: str, held: Sequence[HeldInput]) -> str:
    """What the header says of the caller's buffers."""
    if not held:
        return READ_ONLY
    offsets = ", ".join(f"{prefix}_{each.name.upper()}_OFFSET" for each in held)
    return f"""Inputs are overwritten: they lie in the arena, and are passed from there.
 * Where: {offsets}.
 * An input that lies elsewhere is only read, and copied there first. Outputs are the caller's: none may overlap the arena."""
