"""From a .tflite model to C files: graph, passes, kernels, memory plan, text. `compile_model` is the way through the room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgepack.compile.call import Call
from edgepack.compile.coded import coded
from edgepack.compile.emit.c_text import c_name
from edgepack.compile.emit.constants import arrays_of
from edgepack.compile.emit.program import KERNEL_DECLARATIONS, emit
from edgepack.compile.emit.subject import Program
from edgepack.compile.encrypted import Cipher, Image, encrypted
from edgepack.compile.encrypted.calls import WINDOW
from edgepack.compile.graph import Graph, build_graph
from edgepack.compile.lowered import CodedArray, Considered, Lowered
from edgepack.compile.lowering import lower
from edgepack.compile.operators.site import OperatorError
from edgepack.compile.order import reordered
from edgepack.compile.passes import run_passes
from edgepack.compile.plan import Plan, make_plan
from edgepack.compile.specialise import sharing
from edgepack.cores import Cpu, find_cpu
from edgepack.flatbuffer import Model, obstacle, refuse_compiled, uint8_model
from edgepack.flatbuffer.decode import plain_model
from edgepack.ground.errors import CompileError, ProjectError
from edgepack.ground.files import merged_folder


@dataclass(frozen=True)
class Layer:
    """One kernel call: its place in NAME_run, the index and name of its operator in the .tflite, the Keras layer, the kernel.

    `predicted` are the instructions the kernel's cost says (of an operator that is several calls, their equal share),
    `alternatives` the kernels that could run the operator instead, cheapest first, `coded` the constants stored coded, and
    `considered` those that could be (with coding "off" neither).
    """

    index: int
    operator: int
    op: str
    layer: str
    kernel: str
    output_shape: tuple[int, ...]
    predicted: float = 0.0
    alternatives: tuple[str, ...] = ()
    coded: tuple[CodedArray, ...] = ()
    considered: tuple[Considered, ...] = ()


@dataclass(frozen=True)
class CCode:
    """Generated C. `files` maps file names to text; sizes are in bytes.

    `nonce` and `encrypted` are of encrypted constants: their nonce, and how many bytes they are. `constants` are the bytes of
    NAME_weights.c.
    """

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
    nonce: bytes = b""
    encrypted: int = 0
    constants: int = 0


def compile_model(
    model: Model,
    name: str,
    cpu: str = "generic",
    optimize: str = "balanced",
    rank: int = 0,
    overlay_input: bool = False,
    coding: str = "off",
    key: bytes | None = None,
) -> CCode:
    """Compile a model to C for a CPU.

    `overlay_input`: the inputs lie in the arena, which is then larger by less than their size, and a run overwrites them.

    `rank` 1 takes each operator's second cheapest kernel instead of the cheapest (the last if there are fewer), and so on: for
    checking the kernels' costs.

    `coding` says which constants are stored coded: "off" (none), "auto" (those where it saves a quarter of their bytes, while all
    of them add no more than 15 % of the instructions; for "size" whatever they add, for "speed" none), "smallest" (every one that
    becomes smaller), or the name of the only code to use.

    With a `key`, 16 bytes, all constants that kernels and decoders read are stored encrypted with AES-128 in counter mode
    (encrypted/), and NAME_run takes a function that decrypts them.

    `optimize` is "speed" (a copy of each kernel a layer, its shape folded in), "size" (kernels never inlined) or "balanced"
    (the C compiler decides). Raises CompileError EP-70x naming the operator, tensor and Keras layer that cannot be compiled,
    ModelError EP-211 for a file that an accelerator's compiler wrote and EP-206 for coded weights that do not fit their tensor,
    ProjectError EP-702 for an unknown `cpu` or `optimize`, and ToolError EP-716 where encrypting needs a package.
    """
    if optimize not in KERNEL_DECLARATIONS:
        raise ProjectError("EP-702", f"unknown optimize '{optimize}'", f"Use one of: {', '.join(KERNEL_DECLARATIONS)}.")
    core = find_cpu(cpu)
    refuse_compiled(model)
    graph = replace(run_passes(build_graph(plain_model(model)), core), inputs_in_arena=overlay_input)
    try:
        planned = _smallest(graph, core, optimize, rank)
        planned = _coded(planned, core, optimize, coding, rank, key is not None)
    except OperatorError as error:
        raise _explained(error, model) from error
    shared = sharing(planned.lowered, optimize)
    cipher, encrypted_bytes = None, 0
    if key is not None:
        blocked = {index for index, one in enumerate(planned.lowered) if not one.call.rounds}
        planned, image = _encrypted(planned, core)
        shared |= {index for index in blocked if len(planned.lowered[index].call.rounds) > 1}
        cipher, encrypted_bytes = Cipher.of(key, image), image.size
    program = Program(
        name=c_name(name),
        graph=planned.graph,
        nodes=tuple(one.node for one in planned.lowered),
        calls=planned.calls,
        plan=planned.plan,
        cpu=core.name,
        optimize=optimize,
        source_sha256=model.sha256,
        source_bytes=model.size_bytes,
        shared=shared,
        cipher=cipher,
        encrypted=encrypted_bytes,
    )
    return CCode(
        name=program.name,
        cpu=core.name,
        optimize=optimize,
        files=emit(program),
        arena_size=max(planned.plan.arena_size, 16),
        state_size=planned.plan.state_size,
        arena_lower_bound=planned.plan.lower_bound,
        layers=_layers(planned),
        operators=tuple(sorted({operator.name for operator in model.subgraphs[0].operators})),
        kernels=tuple(sorted({part.kernel for call in planned.calls for part in call.parts()})),
        plan=planned.plan,
        graph=planned.graph,
        calls=planned.calls,
        nonce=cipher.nonce if cipher else b"",
        encrypted=encrypted_bytes,
        constants=sum(data.nbytes for _, data, _ in arrays_of(program).distinct),
    )


def _explained(error: OperatorError, model: Model) -> CompileError:
    """The error with what the file is, where the operator's types are none of an integer model."""
    found = uint8_model(model) if "uint8" in error.types else None
    found = found or (obstacle(model) if error.types & {"float32", "float16"} else None)
    if found is None:
        return error
    hint = found.instead if found.whole or error.code != "EP-703" else error.hint
    return CompileError(error.code, f"{error}; the model {found.what}", hint)


@dataclass(frozen=True)
class _Planned:
    """A graph, what is called for its operators, in order, and where everything lies in memory."""

    graph: Graph
    lowered: tuple[Lowered, ...]
    calls: tuple[Call, ...]
    plan: Plan

    @property
    def saved(self) -> int:
        """Bytes of flash that coding saves."""
        return sum(one.saved for one in self.lowered)

    @property
    def scratch(self) -> dict[tuple[int, ...], int]:
        """What each operator needs besides its values while it runs; several in bands need it together."""
        found: dict[tuple[int, ...], int] = {}
        for one in self.lowered:
            for node in one.nodes:
                found[node.outputs] = max(found.get(node.outputs, 0), one.call.scratch or 0)
        return found


def _smallest(graph: Graph, cpu: Cpu, optimize: str, rank: int) -> _Planned:
    """The graph lowered and planned; in another order of its operators if that takes less memory."""
    planned = _planned(graph, cpu, optimize, rank)
    other = None if rank else reordered(graph)
    if other is None:
        return planned
    return min(planned, _planned(other, cpu, optimize), key=lambda each: each.plan.arena_size)


def _planned(graph: Graph, cpu: Cpu, optimize: str, rank: int = 0) -> _Planned:
    """The graph's calls, and where their operands lie."""
    lowered = lower(graph, cpu, optimize, rank)
    calls = tuple(one.call for one in lowered)
    return _Planned(graph, lowered, calls, make_plan(graph, calls))


def _coded(planned: _Planned, cpu: Cpu, optimize: str, coding: str, rank: int, encrypt: bool) -> _Planned:
    """The same with constants coded; in another order of its operators if what is decoded then finds room in less memory."""
    before = WINDOW if encrypt else 0
    found = _with_codes(planned, cpu, optimize, coding, before)
    if rank or not found.saved:
        return found
    other = reordered(found.graph, found.scratch)
    if other is None:
        return found
    changed = _with_codes(_planned(other, cpu, optimize), cpu, optimize, coding, before)
    better = changed.saved >= found.saved and changed.plan.arena_size < found.plan.arena_size
    return changed if better else found


def _with_codes(planned: _Planned, cpu: Cpu, optimize: str, coding: str, before: int) -> _Planned:
    lowered = coded(planned.graph, planned.lowered, cpu, optimize, coding, before)
    calls = tuple(one.call for one in lowered)
    if calls == planned.calls:
        return replace(planned, lowered=lowered)
    return _Planned(planned.graph, lowered, calls, make_plan(planned.graph, calls))


def _encrypted(planned: _Planned, cpu: Cpu) -> tuple[_Planned, Image]:
    """The same with constants encrypted, and what is encrypted."""
    lowered, image = encrypted(planned.graph, planned.lowered, cpu)
    calls = tuple(one.call for one in lowered)
    return _Planned(planned.graph, lowered, calls, make_plan(planned.graph, calls)), image


def _layers(planned: _Planned) -> tuple[Layer, ...]:
    layers = []
    for index, one in enumerate(planned.lowered):
        output = planned.graph.values[(one.call.outputs or one.call.inputs)[0]]
        kernel = "+".join(dict.fromkeys(part.kernel for part in one.call.parts() if not part.function))
        layers.append(
            Layer(
                index,
                one.node.index,
                one.node.op,
                output.layer,
                kernel,
                output.shape,
                one.cost,
                one.alternatives,
                one.coded,
                one.considered,
            )
        )
    return tuple(layers)


def write_code(code: CCode, folder: Path) -> None:
    """Write the files into a folder, all or nothing; other files that are there stay."""
    with merged_folder(folder) as temporary:
        for name, text in code.files.items():
            (temporary / name).write_text(text, encoding="utf-8")
