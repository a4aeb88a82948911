"""Running a firmware on unicorn, a pip package, without installing anything as root: every core without vectors."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DeviceError, ToolError
from edgepack.mcu.emulate.alignment import aligned_sites
from edgepack.mcu.emulate.emulation import Emulation, fault_error, read_outputs, write_inputs
from edgepack.mcu.emulate.native import unicorn_hook
from edgepack.mcu.emulate.profile import BlockCounts, ProfilePlan
from edgepack.mcu.image.elf import read_elf
from edgepack.mcu.toolchain.program import Program


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
    with tempfile.TemporaryDirectory(prefix="edgepack-") as name:
        folder = Path(name)
        count = write_inputs(folder / "inputs.bin", program.inputs, inputs)
        job = {
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
        (folder / "job.json").write_text(json.dumps(job))
        result = _run_worker(folder, timeout_s, program)
        if result["status"] == "fault":
            raise fault_error(program, result["detail"], result["registers"]["pc"], result["registers"]["lr"])
        outputs, statuses, stack = read_outputs(folder / "outputs.bin", program.outputs, count)
        counts = _read_counts(folder / "counts.npz", plan, result) if plan is not None else None
        return Emulation(outputs, statuses, stack, counts, _unicorn_version())


def _read_counts(path: Path, plan: ProfilePlan, result: dict[str, Any]) -> BlockCounts:
    with np.load(path) as saved:
        tables = (saved["start"], saved["bytes"], saved["executed"], saved["branched"])
        return BlockCounts(result["runs"], plan.owners, *tables, result["inexact"])


def _run_worker(folder: Path, timeout_s: float, program: Program) -> dict[str, Any]:
    command = [sys.executable, "-m", "edgepack.mcu.emulate.unicorn_worker", str(folder / "job.json")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout_s, env=_environment())
    except subprocess.TimeoutExpired as error:
        raise DeviceError(
            "EP-554",
            f"{program.name} did not finish within {timeout_s:.0f} s on the emulated {program.core.title}",
            "raise the target's timeout, or run fewer examples",
        ) from error
    result = folder / "result.json"
    if not result.is_file():
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise DeviceError("EP-555", f"the emulator crashed on {program.name}: {last}", "EDGEPACK_EMULATOR=qemu runs it on QEMU")
    return dict(json.loads(result.read_text()))


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[3])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}


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
