"""From a .tflite model to C files: graph, passes, kernels, memory plan, text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgepack.compile.call import Call
from edgepack.compile.emit.c_text import c_name
from edgepack.compile.emit.program import KERNEL_DECLARATIONS, Program, emit
from edgepack.compile.graph import Graph, build_graph
from edgepack.compile.lowering import lower
from edgepack.compile.order import reordered
from edgepack.compile.passes import run_passes
from edgepack.compile.plan import Plan, make_plan
from edgepack.compile.specialise import sharing
from edgepack.cores import find_cpu
from edgepack.flatbuffer import Model
from edgepack.ground.errors import CompileError
from edgepack.ground.files import merged_folder


@dataclass(frozen=True)
class Layer:
    """One kernel call: its place in NAME_run, the index and name of its operator in the .tflite, the Keras layer, the kernel.

    `predicted` are the instructions the kernel's cost says (of an operator that is several calls, their equal share), and
    `alternatives` the kernels that could run the operator instead, cheapest first.
    """

    index: int
    operator: int
    op: str
    layer: str
    kernel: str
    output_shape: tuple[int, ...]
    predicted: float = 0.0
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class CCode:
    """Generated C. `files` maps file names to text; sizes are in bytes."""

    name: str
    cpu: str
    optimize: str
    files: Mapping[str, str]
    arena_size: int
    state_size: int
    arena_lower_bound: int
    layers: tuple[Layer, ...]
    operators: tuple[str, ...]
    kernels: tuple[str, ...]
    plan: Plan
    graph: Graph
    calls: tuple[Call, ...] = ()


def compile_model(model: Model, name: str, cpu: str = "generic", optimize: str = "balanced", rank: int = 0) -> CCode:
    """Compile a model to C for a CPU.

    `rank` 1 takes each operator's second cheapest kernel instead of the cheapest (the last if there are fewer), and so on: for
    checking the kernels' costs.

    `optimize` is "speed" (a copy of each kernel a layer, its shape folded in), "size" (kernels never inlined) or "balanced"
    (the C compiler decides). Raises CompileError EP-70x naming the operator, tensor and Keras layer that cannot be compiled.
    """
    if optimize not in KERNEL_DECLARATIONS:
        raise CompileError("EP-702", f"unknown optimize '{optimize}'", f"Use one of: {', '.join(KERNEL_DECLARATIONS)}.")
    core = find_cpu(cpu)
    graph = run_passes(build_graph(model))
    lowered = lower(graph, core, optimize, rank)
    calls = tuple(one.call for one in lowered)
    plan = make_plan(graph, calls)
    other = None if rank else reordered(graph)
    if other is not None:
        other_lowered = lower(other, core, optimize)
        other_plan = make_plan(other, [one.call for one in other_lowered])
        if other_plan.arena_size < plan.arena_size:
            graph, lowered, plan = other, other_lowered, other_plan
            calls = tuple(one.call for one in lowered)
    program = Program(
        name=c_name(name),
        graph=graph,
        nodes=tuple(one.node for one in lowered),
        calls=calls,
        plan=plan,
        cpu=core.name,
        optimize=optimize,
        source_sha256=model.sha256,
        source_bytes=model.size_bytes,
        shared=sharing(lowered, optimize),
    )
    layers = []
    for index, one in enumerate(lowered):
        output = graph.values[(one.call.outputs or one.call.inputs)[0]]
        kernel = "+".join(dict.fromkeys(part.kernel for part in one.call.parts()))
        layers.append(Layer(index, one.node.index, one.node.op, output.layer, kernel, output.shape, one.cost, one.alternatives))
    return CCode(
        name=program.name,
        cpu=core.name,
        optimize=optimize,
        files=emit(program),
        arena_size=max(plan.arena_size, 16),
        state_size=plan.state_size,
        arena_lower_bound=plan.lower_bound,
        layers=tuple(layers),
        operators=tuple(sorted({operator.name for operator in model.subgraphs[0].operators})),
        kernels=tuple(sorted({part.kernel for call in calls for part in call.parts()})),
        plan=plan,
        graph=graph,
        calls=calls,
    )


def write_code(code: CCode, folder: Path) -> None:
    """Write the files into a folder, all or nothing; other files that are there stay."""
    with merged_folder(folder) as temporary:
        for name, text in code.files.items():
            (temporary / name).write_text(text, encoding="utf-8")
