"""From a .tflite model to C files: graph, passes, kernels, memory plan, text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgepack.compile.c_text import c_name
from edgepack.compile.cpu import find_cpu
from edgepack.compile.emit import KERNEL_DECLARATIONS, Program, emit
from edgepack.compile.graph import Graph, build_graph
from edgepack.compile.operators.registry import lower
from edgepack.compile.passes import run_passes
from edgepack.compile.plan import Plan, make_plan
from edgepack.errors import CompileError
from edgepack.files import merged_folder
from edgepack.flatbuffer import Model


@dataclass(frozen=True)
class Layer:
    """One kernel call: its place in NAME_run, the index and name of its operator in the .tflite, the Keras layer, the kernel."""

    index: int
    operator: int
    op: str
    layer: str
    kernel: str
    output_shape: tuple[int, ...]


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


def compile_model(model: Model, name: str, cpu: str = "generic", optimize: str = "balanced") -> CCode:
    """Compile a model to C for a CPU.

    `optimize` is "speed" (a copy of each kernel a layer, its shape folded in), "size" (kernels never inlined) or "balanced"
    (the C compiler decides). Raises CompileError EP-70x naming the operator, tensor and Keras layer that cannot be compiled.
    """
    if optimize not in KERNEL_DECLARATIONS:
        raise CompileError("EP-702", f"unknown optimize '{optimize}'", f"Use one of: {', '.join(KERNEL_DECLARATIONS)}.")
    core = find_cpu(cpu)
    graph = run_passes(build_graph(model))
    lowered = [(node, call) for node in graph.nodes for call in lower(node, graph, core)]
    calls = tuple(call for _, call in lowered)
    plan = make_plan(graph, calls)
    program = Program(
        c_name(name), graph, tuple(node for node, _ in lowered), calls, plan, cpu, optimize, model.sha256, model.size_bytes
    )
    layers = []
    for index, (node, call) in enumerate(lowered):
        output = graph.values[(call.outputs or call.inputs)[0]]
        layers.append(Layer(index, node.index, node.op, output.layer, call.kernel, output.shape))
    return CCode(
        name=program.name,
        cpu=cpu,
        optimize=optimize,
        files=emit(program),
        arena_size=max(plan.arena_size, 16),
        state_size=plan.state_size,
        arena_lower_bound=plan.lower_bound,
        layers=tuple(layers),
        operators=tuple(sorted({operator.name for operator in model.subgraphs[0].operators})),
        kernels=tuple(sorted({call.kernel for call in calls})),
        plan=plan,
        graph=graph,
    )


def write_code(code: CCode, folder: Path) -> None:
    """Write the files into a folder, all or nothing; other files that are there stay."""
    with merged_folder(folder) as temporary:
        for name, text in code.files.items():
            (temporary / name).write_text(text, encoding="utf-8")
