"""What a model costs on a microcontroller: instructions, estimated cycles, flash and RAM, and whether its bits are right."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgepack.cores import Core, find_core
from edgepack.ground.errors import DeviceError, ToolError
from edgepack.ground.progress import Progress
from edgepack.ground.scratch import scratch_folder
from edgepack.mcu.count.cycles import CycleEstimate, estimate_cycles
from edgepack.mcu.count.instructions import InstructionCounts, blocks_of, count_instructions
from edgepack.mcu.emulate.emulation import Emulation
from edgepack.mcu.emulate.profile import plan_profile
from edgepack.mcu.emulate.qemu import qemu_present, run_on_qemu
from edgepack.mcu.emulate.unicorn import run_on_unicorn, unicorn_present
from edgepack.mcu.image.elf import read_elf
from edgepack.mcu.image.layers import LayerRange, layer_ranges, layer_titles
from edgepack.mcu.image.size import Sizes, sizes_of
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.mcu.toolchain.program import Program, build_emulated, ports_of, write_files

Arrays = Sequence[NDArray[np.generic]]


@dataclass(frozen=True)
class Parity:
    """Inputs whose outputs were compared with the reference bit for bit, how many differed, and by how much at most."""

    compared: int
    differing: int
    largest: int = 0


@dataclass(frozen=True)
class McuResult:
    """One model on one core.

    `instructions` is exact for the counted inferences; `cycles_estimated` and `ms` (at `clock_hz`, None when it is not known)
    are estimates, and `cycles_error` says how good. Bytes: `flash_bytes` is code and constants of the model, `ram_bytes`
    arena and writable globals, `stack_bytes` the deepest stack, on top of it. `per_function`, `per_layer` and `mnemonics`
    are executed instructions, `per_layer_cycles` estimated cycles. `method` names emulator and compiler.
    """

    name: str
    cpu: str
    instructions: int
    cycles_estimated: int
    cycles_basis: str
    cycles_error: str
    clock_hz: float | None
    ms: float | None
    flash_bytes: int
    ram_bytes: int
    arena_bytes: int
    stack_bytes: int
    sizes: Sizes
    parity: Parity
    per_function: dict[str, int]
    per_layer: dict[str, int]
    per_layer_cycles: dict[str, int]
    mnemonics: dict[str, int]
    method: str


@dataclass(frozen=True)
class _Emulator:
    """How programs are run: the emulator asked for, the seconds a run may take, the flash's wait states."""

    name: str
    timeout_s: float
    flash_wait_states: int


@dataclass(frozen=True)
class _Counted:
    """One counted run: what the core did, and what that adds up to."""

    emulation: Emulation
    executed: InstructionCounts
    cycles: CycleEstimate


def bench_mcu(
    code: Path | Mapping[str, str],
    name: str,
    cpu: str,
    inputs: Arrays,
    expected: Arrays | None = None,
    *,
    outputs_like: Arrays | None = None,
    clock_hz: float | None = None,
    optimize: str = "balanced",
    toolchain: str = "auto",
    emulator: str = "auto",
    flash_wait_states: int = 0,
    count_runs: int = 1,
    timeout_s: float = 600.0,
    per_layer: bool = True,
    progress: Progress | None = None,
) -> McuResult:
    """Build generated C for `cpu`, run it on an emulated core, and say what it costs.

    `code` is a code folder or its files (name -> text); `name` the model's C name. `inputs` holds one array an input, examples
    first, in the model's own types; `expected` the reference's outputs in the same form. Without `expected`, `outputs_like`
    gives the outputs' types and shapes (any batch size) and nothing is compared. The first `count_runs` examples
    are counted, the rest only compared. Without `per_layer` nothing is told of single layers, which saves a build.

    Raises:
        ProjectError: EP-550 for an unknown core.
        CompileError: EP-750 to EP-752 when the C cannot be built.
        ToolError: EP-601 to EP-604 when a tool is missing.
        DeviceError: EP-551 to EP-556 when it does not run on the emulated core.
    """
    shaped = expected if expected is not None else outputs_like
    if shaped is None:
        raise ValueError("give expected outputs, or outputs_like")
    core, compiler = find_core(cpu), find_toolchain(toolchain)
    how = _Emulator(emulator, timeout_s, flash_wait_states)
    with scratch_folder("edgepack-mcu-") as temporary:
        work = Path(temporary)
        folder = code if isinstance(code, Path) else write_files(code, work / "code")
        settings = (folder, name, core, ports_of(inputs), ports_of(shaped), compiler)
        program = build_emulated(*settings, work / "build", optimize, progress)
        marked = program
        layers: tuple[LayerRange, ...] = ()
        if per_layer:
            marked = build_emulated(*settings, work / "marked", optimize, progress, mark_layers=True)
            layers = layer_ranges(read_elf(marked.elf), name, layer_titles(folder, name))

        first = [array[:count_runs] for array in inputs]
        # What is measured is the program a product would have. The markers add no instruction, but a compiler may
        # order code otherwise around them; only then do the layers' shares come from a run of their own.
        same = not per_layer or read_elf(program.elf).model_image() == read_elf(marked.elf).model_image()
        counted = _count(program, first, layers if same else (), how)
        by_layer = counted if same else _count(marked, first, layers, how)
        whole = counted.emulation
        if len(inputs[0]) > count_runs and expected is not None:
            whole = _emulate(program, inputs, None, how)
        sizes = sizes_of(read_elf(program.elf))
        return McuResult(
            name=name,
            cpu=core.name,
            instructions=round(counted.executed.total),
            cycles_estimated=round(counted.cycles.cycles),
            cycles_basis=counted.cycles.basis,
            cycles_error=counted.cycles.error,
            clock_hz=clock_hz,
            ms=1000 * counted.cycles.cycles / clock_hz if clock_hz else None,
            flash_bytes=sizes.flash,
            ram_bytes=sizes.ram,
            arena_bytes=sizes.arena,
            stack_bytes=counted.emulation.stack_bytes,
            sizes=sizes,
            parity=_compare(whole, expected) if expected is not None else Parity(0, 0),
            per_function=_rounded(counted.executed.per_function),
            per_layer=_rounded(by_layer.executed.per_layer),
            per_layer_cycles=_rounded(by_layer.cycles.per_layer),
            mnemonics=_rounded(counted.executed.mnemonics),
            method=f"{counted.emulation.emulator}, {compiler.version}, {optimize}",
        )


def link_mcu(
    files: Mapping[str, str], name: str, cpu: str, inputs: Arrays, outputs_like: Arrays, optimize: str = "balanced"
) -> Sizes:
    """The sizes of generated C linked for `cpu`, without running it; the arguments are those of `bench_mcu`.

    Raises:
        ProjectError: EP-550 for an unknown core.
        CompileError: EP-750 to EP-752 when the C cannot be built; ToolError: EP-601 without a compiler.
    """
    core, compiler = find_core(cpu), find_toolchain()
    with scratch_folder("edgepack-link-") as temporary:
        work = Path(temporary)
        folder = write_files(files, work / "code")
        ports = (ports_of(inputs), ports_of(outputs_like))
        program = build_emulated(folder, name, core, *ports, compiler, work / "build", optimize)
        return sizes_of(read_elf(program.elf))


def choose_emulator(emulator: str, core: Core) -> Callable[..., Emulation]:
    """The function that runs programs for `core`: "unicorn", "qemu", or "auto".

    Auto takes $EDGEPACK_EMULATOR, else unicorn where it has the core.

    Raises:
        ToolError: EP-603 for an emulator edgepack does not know.
    """
    emulator = os.environ.get("EDGEPACK_EMULATOR", "auto") if emulator == "auto" else emulator
    if emulator not in ("auto", "unicorn", "qemu"):
        raise ToolError("EP-603", f"unknown emulator {emulator!r}", "use unicorn, qemu or auto")
    fits_unicorn = core.unicorn_model is not None and unicorn_present()
    if emulator == "qemu" or (emulator == "auto" and not fits_unicorn and (qemu_present() or core.unicorn_model is None)):
        return run_on_qemu
    return run_on_unicorn


def _count(program: Program, inputs: Arrays, layers: Sequence[LayerRange], how: _Emulator) -> _Counted:
    elf = read_elf(program.elf)
    done = _emulate(program, inputs, layers, how)
    assert done.counts is not None
    if done.counts.inexact:
        raise DeviceError(
            "EP-555",
            f"{done.emulator} translated a block of {program.name} in two ways, so its counts are not exact",
            "try the other emulator, and report the model",
        )
    blocks = blocks_of(elf, done.counts)
    cycles = estimate_cycles(blocks, program.core.timing, how.flash_wait_states)
    return _Counted(done, count_instructions(blocks, done.counts.runs), cycles)


def _emulate(program: Program, inputs: Arrays, layers: Sequence[LayerRange] | None, how: _Emulator) -> Emulation:
    """Run the program; with `layers` its blocks are counted."""
    plan = None if layers is None else plan_profile(read_elf(program.elf), f"{program.name}_run", layers)
    done = choose_emulator(how.name, program.core)(program, inputs, plan, how.timeout_s)
    failed = [index for index, status in enumerate(done.statuses) if status != 0]
    if failed:
        raise DeviceError(
            "EP-556",
            f"{program.name}_run returned {done.statuses[failed[0]]} for input {failed[0]}",
            "it returns 0 unless its arguments are wrong",
        )
    return done


def _compare(emulation: Emulation, expected: Arrays) -> Parity:
    count = len(emulation.statuses)
    differs = np.zeros(count, dtype=bool)
    largest = 0
    for got, want in zip(emulation.outputs, expected, strict=True):
        wanted = np.ascontiguousarray(want[:count]).reshape(count, -1)
        differs |= (got.view(np.uint8) != wanted.view(np.uint8)).any(axis=1)
        if got.dtype.kind in "iu" and got.size:
            largest = max(largest, int(np.abs(got.astype(np.int64) - wanted.astype(np.int64)).max()))
    return Parity(count, int(differs.sum()), largest)


def _rounded(values: Mapping[str, float]) -> dict[str, int]:
    return {key: round(value) for key, value in values.items()}
