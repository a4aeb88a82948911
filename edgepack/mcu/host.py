"""Generated C compiled for this computer: the same source as on the core, fast enough for a whole test set.

The kernels' portable versions run here; parity on the core itself is what the emulators check.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DeviceError
from edgepack.ground.scratch import scratch_folder
from edgepack.mcu.emulate.emulation import Arrays, read_outputs, write_inputs
from edgepack.mcu.toolchain.compilers import FIRMWARE, find_host_compiler, run_compiler
from edgepack.mcu.toolchain.program import Port, has_reset, include_folders, model_glue, model_sources, ports_of, write_files
from edgepack.workers.process import MOST_WORDS, run_process

_SAID = 300  # characters of what it said
_FLAGS = ("-std=c99", "-O2", "-g", "-ffp-contract=off")


@dataclass(frozen=True)
class HostProgram:
    """The model as a program of this computer."""

    executable: Path
    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def build_host(
    code: Path | Mapping[str, str],
    name: str,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    work: Path,
    extra_flags: Sequence[str] = (),
) -> HostProgram:
    """Compile a code folder, or its files, for this computer; `extra_flags` such as -fsanitize=address come last.

    Raises:
        CompileError: EP-750 when the C does not compile, EP-752 when there is none.
        ToolError: EP-602 when this computer has no C compiler.
    """
    work.mkdir(parents=True, exist_ok=True)
    folder = code if isinstance(code, Path) else write_files(code, work / "code")
    glue = work / "glue.c"
    glue.write_text(model_glue(name, inputs, outputs, has_reset(folder, name)))
    executable = work / (f"{name}.exe" if platform.system() == "Windows" else name)
    includes = [f"-I{path}" for path in (FIRMWARE, *include_folders(folder))]
    sources = [FIRMWARE / "main_host.c", glue, *model_sources(folder)]
    command = [*find_host_compiler(), *_FLAGS, *includes, *map(str, sources), "-o", str(executable), "-lm", *extra_flags]
    run_compiler(command, f"{name} for this computer")
    return HostProgram(executable, name, tuple(inputs), tuple(outputs))


def run_host(
    program: HostProgram, inputs: Sequence[NDArray[np.generic]], timeout_s: float = 600.0, *, independent: bool = False
) -> Arrays:
    """The outputs for every example, flat per example, in a process of its own.

    The examples are one sequence, which matters to models with state; `independent` ones each start from the initial state.

    Raises:
        DeviceError: EP-533 when it wrote without end, EP-551 when the inputs do not fit, EP-552 when the program crashed, EP-554
            when it took too long, EP-556 when NAME_run refused its arguments.
    """
    with scratch_folder("edgepack-host-") as name:
        folder = Path(name)
        count = write_inputs(folder / "inputs.bin", program.inputs, inputs)
        order = "independent" if independent else "sequence"
        command = [str(program.executable), order, str(folder / "inputs.bin"), str(folder / "outputs.bin")]
        done = run_process(command, timeout=timeout_s, kill_group=True, most=MOST_WORDS)
        if done.status is None:
            raise DeviceError(
                "EP-554", f"{program.name} did not finish within {timeout_s:.0f} s on this computer", "run fewer examples"
            )
        if done.status != 0:
            lines = done.errors.splitlines()
            said = next((line for line in lines if "ERROR" in line or "error" in line), done.errors.strip())
            raise DeviceError(
                "EP-552",
                f"{program.name} ended with status {done.status} on this computer: {said[:_SAID]}",
                "report this model as a bug",
            )
        outputs, statuses, _ = read_outputs(folder / "outputs.bin", program.outputs, count)
        if any(statuses):
            raise DeviceError(
                "EP-556", f"{program.name}_run returned {max(statuses, key=abs)}", "it returns 0 unless its arguments are wrong"
            )
        return outputs


def run_on_host(
    code: Path | Mapping[str, str],
    name: str,
    inputs: Sequence[NDArray[np.generic]],
    outputs_like: Sequence[NDArray[np.generic]],
    timeout_s: float = 600.0,
) -> Arrays:
    """Build and run in one go: outputs shaped like `outputs_like` after the first axis, for every example of `inputs`."""
    with scratch_folder("edgepack-host-") as work:
        program = build_host(code, name, ports_of(inputs), ports_of(outputs_like), Path(work))
        outputs = run_host(program, inputs, timeout_s)
    return tuple(output.reshape(-1, *like.shape[1:]) for output, like in zip(outputs, outputs_like, strict=True))
