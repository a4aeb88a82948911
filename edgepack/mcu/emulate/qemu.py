"""Running a firmware on qemu-system-arm: the cores with the vector extension, and every other core on request."""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DeviceError, ToolError
from edgepack.ground.scratch import scratch_folder
from edgepack.mcu.emulate.emulation import Emulation, fault_error, read_outputs, write_inputs
from edgepack.mcu.emulate.native import qemu_plugin
from edgepack.mcu.emulate.profile import BLOCK_CAPACITY, BlockCounts, ProfilePlan
from edgepack.mcu.image.elf import read_elf
from edgepack.mcu.toolchain.program import Program
from edgepack.workers.process import MOST_WORDS, Finished, run_process

_MINIMUM_API = re.compile(r"minimum version of (\d+)")
# IPSR's exception numbers (Armv7-M ARM, B1.5.2).
_EXCEPTIONS = {3: "HardFault", 4: "MemManage fault", 5: "BusFault", 6: "UsageFault", 7: "SecureFault"}
# CFSR's bits worth a word (Armv7-M ARM, B3.2.15).
_CAUSES = {
    0: "instruction fetch violation",
    1: "data access violation",
    8: "instruction bus error",
    9: "data bus error",
    16: "undefined instruction",
    17: "jump to an address without the Thumb bit",
    19: "coprocessor or FPU instruction on a core without it",
    20: "stack limit reached",
    24: "unaligned access",
    25: "division by zero",
}


def qemu_present() -> bool:
    """Whether qemu-system-arm is installed."""
    return shutil.which("qemu-system-arm") is not None


def run_on_qemu(
    program: Program, inputs: Sequence[NDArray[np.generic]], plan: ProfilePlan | None = None, timeout_s: float = 300.0
) -> Emulation:
    """Run `program` on every example of `inputs`, counting blocks by `plan`.

    Raises:
        ToolError: EP-604 when QEMU is not installed, EP-602 when counting needs a C compiler and there is none.
        DeviceError: EP-533 when it wrote without end, EP-552 when the program ended early, EP-553 when it faulted, EP-554 when it
            took too long, EP-555 when QEMU itself failed.
    """
    if not qemu_present():
        raise ToolError("EP-604", "qemu-system-arm is not installed", "apt-get install qemu-system-arm")
    with scratch_folder("edgepack-") as name:
        folder = Path(name)
        count = write_inputs(folder / "inputs.bin", program.inputs, inputs)
        if plan is not None:
            _write_plan(folder / "plan.bin", plan, program.elf)
        done = _run(program, folder, plan is not None, timeout_s)
        _check_fault(program, folder, done)
        outputs, statuses, stack = read_outputs(folder / "outputs.bin", program.outputs, count)
        counts = _read_counts(folder / "counts.bin", plan) if plan is not None else None
        return Emulation(outputs, statuses, stack, counts, f"{qemu_version()}, {program.core.qemu_machine}")


@cache
def qemu_version() -> str:
    """`QEMU 7.2.22`."""
    done = run_process(["qemu-system-arm", "--version"], timeout=60, most=MOST_WORDS)
    match = re.search(r"version ([\d.]+)", done.text)
    return f"QEMU {match.group(1)}" if match else "QEMU"


def _run(program: Program, folder: Path, counted: bool, timeout_s: float) -> Finished:
    command = ["qemu-system-arm", "-M", program.core.qemu_machine, "-nographic", "-monitor", "none", "-serial", "none"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(program.elf)]
    if not counted:
        return _start(command, folder, timeout_s, program)
    done = _start([*command, "-plugin", f"{qemu_plugin(1)},plan=plan.bin,counts=counts.bin"], folder, timeout_s, program)
    newer = _MINIMUM_API.search(done.errors)
    if newer:
        plugin = qemu_plugin(int(newer.group(1)))
        done = _start([*command, "-plugin", f"{plugin},plan=plan.bin,counts=counts.bin"], folder, timeout_s, program)
    return done


def _start(command: list[str], folder: Path, timeout_s: float, program: Program) -> Finished:
    done = run_process(command, folder=folder, timeout=timeout_s, kill_group=True, most=MOST_WORDS)
    if done.status is None:
        raise DeviceError(
            "EP-554",
            f"{program.name} did not finish within {timeout_s:.0f} s on the emulated {program.core.title}",
            "raise the target's timeout, or run fewer examples",
        )
    return done


def _check_fault(program: Program, folder: Path, done: Finished) -> None:
    record = folder / "fault.bin"
    if record.is_file() and record.stat().st_size == 48:
        words = struct.unpack("<12I", record.read_bytes())
        lr, pc, exception, status, address = words[5], words[6], words[8] & 0x1FF, words[9], words[10]
        causes = [text for bit, text in _CAUSES.items() if status >> bit & 1]
        what = ", ".join([_EXCEPTIONS.get(exception, f"exception {exception}"), *causes])
        if status >> 15 & 1:
            what += f" at {address:#010x}"
        raise fault_error(program, what, pc, lr)
    assert done.status is not None
    if done.status < 0 or "Lockup" in done.errors:
        registers = {key: int(value, 16) for key, value in re.findall(r"R(14|15)=([0-9a-f]{8})", done.errors)}
        raise fault_error(program, "lockup: a fault inside the fault handler", registers.get("15", 0), registers.get("14", 0))
    if done.status != 0 and not (folder / "outputs.bin").is_file():
        last = (done.errors.strip().splitlines() or [f"exit status {done.status}"])[-1][:300]
        raise DeviceError("EP-555", f"QEMU failed on {program.name}: {last}", "run it by hand with the same ELF to see more")


def _write_plan(path: Path, plan: ProfilePlan, elf: Path) -> None:
    code = read_elf(elf).memory(*plan.code)
    head = (plan.code[0], plan.code[1] - plan.code[0], plan.entry, *plan.caller, len(plan.owners), BLOCK_CAPACITY)
    path.write_bytes(struct.pack("<7I", *head) + plan.owner_table().tobytes() + code)


def _read_counts(path: Path, plan: ProfilePlan) -> BlockCounts:
    if not path.is_file():
        raise DeviceError("EP-555", "QEMU wrote no block counts", "use a QEMU built with plugin support (--enable-plugins)")
    data = path.read_bytes()
    runs, blocks, lost, resized = struct.unpack_from("<4I", data)
    words = np.frombuffer(data, dtype=np.uint32, offset=16, count=2 * blocks).reshape(2, blocks)
    owners = len(plan.owners)
    tables = np.frombuffer(data, dtype=np.uint64, offset=16 + 8 * blocks).reshape(2, owners, blocks)
    return BlockCounts(runs, plan.owners, words[0], words[1], tables[0], tables[1], lost + resized)
