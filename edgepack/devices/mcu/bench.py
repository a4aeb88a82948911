"""What a model costs on a microcontroller: instructions, estimated cycles, flash and RAM, and whether its bits are right."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgepack.devices.mcu.build import Program, build_emulated, ports_of, write_files
from edgepack.devices.mcu.cores import Core, find_core
from edgepack.devices.mcu.cycles import estimate_cycles
from edgepack.devices.mcu.elf import read_elf
from edgepack.devices.mcu.emulate_qemu import qemu_present, run_on_qemu
from edgepack.devices.mcu.emulate_unicorn import run_on_unicorn, unicorn_present
from edgepack.devices.mcu.emulation import Emulation
from edgepack.devices.mcu.instructions import blocks_of, count_instructions
from edgepack.devices.mcu.layers import layer_ranges, layer_titles
from edgepack.devices.mcu.profile import ProfilePlan, plan_profile
from edgepack.devices.mcu.size import Sizes, sizes_of
from edgepack.devices.mcu.toolchain import find_toolchain
from edgepack.errors import DeviceError, ToolError
from edgepack.progress import Progress

Arrays = Sequence[NDArray[np.generic]]


@dataclass(frozen=True)
class Parity:
    """Inputs whose outputs were compared with the reference bit for bit, and how many of them differed."""

    compared: int
    differing: int
    largest: int = 0


@dataclass(frozen=True)
class McuResult:
    """One model on one core.

    `instructions` is exact for the counted inferences; `cycles_estimated` and `ms` (at `clock_hz`, None when it is not known)
    are estimates with `cycles_error`. Bytes: `flash_bytes` is code and constants of the model, `ram_bytes` arena and
    writable globals, `stack_bytes` the deepest stack, on top of it. `per_function` and `per_layer` are instructions,
    `per_layer_cycles` estimates.
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
    progress: Progress | None = None,
) -> McuResult:
    """Build generated C for `cpu`, run it on an emulated core, and say what it costs.

    `code` is a code folder or its files (name -> text); `name` the model's C name. `inputs` holds one array an input, examples
    first, in the model's own types; `expected` the reference's outputs in the same form. Without `expected`, `outputs_like`
    gives the outputs' types and shapes (any batch size) and nothing is compared. The first `count_runs` examples
    are counted, the rest only compared.

    Raises:
        CompileError: EP-750 to EP-752 when the C cannot be built.
        ToolError: EP-601 to EP-604 when a tool is missing.
        DeviceError: EP-551 to EP-555 when it does not run on the emulated core.
    """
    shaped = expected if expected is not None else outputs_like
    if shaped is None:
        raise ValueError("give expected outputs, or outputs_like")
    core, compiler = find_core(cpu), find_toolchain(toolchain)
    with tempfile.TemporaryDirectory(prefix="edgepack-mcu-") as temporary:
        work = Path(temporary)
        folder = code if isinstance(code, Path) else write_files(code, work / "code")
        program = build_emulated(
            folder, name, core, ports_of(inputs), ports_of(shaped), compiler, work / "build", optimize, progress
        )
        elf = read_elf(program.elf)
        plan = plan_profile(elf, f"{name}_run", layer_ranges(elf, name, layer_titles(folder, name)))
        counted = _emulate(program, [array[:count_runs] for array in inputs], plan, emulator, timeout_s)
        assert counted.counts is not None
        parts = [counted]
        if len(inputs[0]) > count_runs and expected is not None:
            parts = [_emulate(program, inputs, None, emulator, timeout_s)]
        parity = _compare(parts[0], expected) if expected is not None else Parity(0, 0)
        blocks = blocks_of(elf, counted.counts)
        executed = count_instructions(blocks, counted.counts.runs)
        cycles = estimate_cycles(blocks, core.name, flash_wait_states)
        sizes = sizes_of(elf)
        return McuResult(
            name=name,
            cpu=core.name,
            instructions=round(executed.total),
            cycles_estimated=round(cycles.cycles),
            cycles_basis=cycles.basis,
            cycles_error=cycles.error,
            clock_hz=clock_hz,
            ms=1000 * cycles.cycles / clock_hz if clock_hz else None,
            flash_bytes=sizes.flash,
            ram_bytes=sizes.ram,
            arena_bytes=sizes.arena,
            stack_bytes=counted.stack_bytes,
            sizes=sizes,
            parity=parity,
            per_function={key: round(value) for key, value in executed.per_function.items()},
            per_layer={key: round(value) for key, value in executed.per_layer.items()},
            per_layer_cycles={key: round(value) for key, value in cycles.per_layer.items()},
            mnemonics={key: round(value) for key, value in executed.mnemonics.items()},
            method=f"{counted.emulator}, {compiler.version}, {optimize}",
        )


def choose_emulator(emulator: str, core: Core) -> Callable[..., Emulation]:
    """The function that runs programs for `core`: "unicorn", "qemu", or "auto" for unicorn where it has the core.

    Raises:
        ToolError: EP-603 or EP-604 when the emulator is not installed or has no such core.
    """
    if emulator not in ("auto", "unicorn", "qemu"):
        raise ToolError("EP-603", f"unknown emulator {emulator!r}", "use unicorn, qemu or auto")
    fits_unicorn = core.unicorn_model is not None and unicorn_present()
    if emulator == "qemu" or (emulator == "auto" and not fits_unicorn and (qemu_present() or core.unicorn_model is None)):
        return run_on_qemu
    return run_on_unicorn


def _emulate(program: Program, inputs: Arrays, plan: ProfilePlan | None, emulator: str, timeout_s: float) -> Emulation:
    done = choose_emulator(emulator, program.core)(program, inputs, plan, timeout_s)
    if done.counts is not None and done.counts.inexact:
        raise DeviceError(
            "EP-555", f"{done.emulator} translated a block of {program.name} in two ways, so counts are not exact", "report it"
        )
    failed = [index for index, status in enumerate(done.statuses) if status != 0]
    if failed:
        raise DeviceError(
            "EP-556",
            f"{program.name}_run returned {done.statuses[failed[0]]} for input {failed[0]}",
            "generated code returns 0 unless its arguments are wrong",
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
