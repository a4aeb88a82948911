"""Running a firmware on unicorn, a pip package, without installing anything as root: every core without vectors."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DeviceError, ToolError
from edgepack.ground.scratch import scratch_folder
from edgepack.mcu.emulate.alignment import aligned_sites
from edgepack.mcu.emulate.emulation import Emulation, fault_error, read_outputs, write_inputs
from edgepack.mcu.emulate.native import unicorn_hook
from edgepack.mcu.emulate.profile import BlockCounts, ProfilePlan
from edgepack.mcu.image.elf import read_elf
from edgepack.mcu.toolchain.program import Program
from edgepack.workers.worker import WorkerFailure, run_worker

_WORKER = Path(__file__).with_name("unicorn_worker.py")


def unicorn_present() -> bool:
    """Whether the unicorn package is installed."""
    return importlib.util.find_spec("unicorn") is not None


def run_on_unicorn(
    program: Program, inputs: Sequence[NDArray[np.generic]], plan: ProfilePlan | None = None, timeout_s: float = 300.0
) -> Emulation:
    """Run `program` on every example of `inputs`, counting blocks by `plan`.

    Raises:
        ToolError: EP-603 when unicorn is not installed or has no such core.
        DeviceError: EP-552 when the program ended early, EP-553 when it faulted, EP-554 when it took too long.
    """
    if not unicorn_present():
        raise ToolError("EP-603", "unicorn, the emulator, is not installed", "pip install unicorn")
    core = program.core
    if core.unicorn_model is None:
        raise ToolError("EP-603", f"unicorn has no {core.title}", "apt-get install qemu-system-arm to run it on QEMU")
    with scratch_folder("edgepack-") as name:
        folder = Path(name)
        count = write_inputs(folder / "inputs.bin", program.inputs, inputs)
        job = {
            "folder": str(folder),
            "elf": str(program.elf),
            "model": core.unicorn_model,
            "flash": (core.flash.origin, core.flash.length),
            "ram": (core.ram.origin, core.ram.length),
            "refuses_unaligned": not core.unaligned,
            "aligned_sites": aligned_sites(read_elf(program.elf)) if plan is not None and core.unaligned else [],
            "segments": _segments(program.elf),
            "plan": asdict(plan) if plan is not None else None,
            "hook": str(unicorn_hook()) if plan is not None else None,
        }
        result = _run_worker(job, timeout_s, program)
        if result["status"] == "fault":
            raise fault_error(program, result["detail"], result["registers"]["pc"], result["registers"]["lr"])
        outputs, statuses, stack = read_outputs(folder / "outputs.bin", program.outputs, count)
        counts = _read_counts(folder / "counts.npz", plan, result) if plan is not None else None
        return Emulation(outputs, statuses, stack, counts, _unicorn_version())


def _read_counts(path: Path, plan: ProfilePlan, result: dict[str, Any]) -> BlockCounts:
    with np.load(path) as saved:
        tables = (saved["start"], saved["bytes"], saved["executed"], saved["branched"])
        return BlockCounts(result["runs"], plan.owners, *tables, result["inexact"])


def _run_worker(job: dict[str, Any], timeout_s: float, program: Program) -> dict[str, Any]:
    try:
        return run_worker(_WORKER, job, timeout_s)
    except WorkerFailure as failure:
        if failure.kind == "timeout":
            raise DeviceError(
                "EP-554",
                f"{program.name} did not finish within {timeout_s:.0f} s on the emulated {program.core.title}",
                "raise the target's timeout, or run fewer examples",
            ) from failure
        why = failure.words or str(failure)
        raise DeviceError(
            "EP-555", f"the emulator crashed on {program.name}: {why}", "EDGEPACK_EMULATOR=qemu runs it on QEMU"
        ) from failure


def _segments(elf: Path) -> list[tuple[int, int, int]]:
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as stream:
        return [
            (segment["p_paddr"], segment["p_offset"], segment["p_filesz"])
            for segment in ELFFile(stream).iter_segments()
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
        ]


def _unicorn_version() -> str:
    import importlib.metadata

    return f"unicorn {importlib.metadata.version('unicorn')}"
