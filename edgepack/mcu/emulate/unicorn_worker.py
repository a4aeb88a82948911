"""Runs a firmware in unicorn.

A process of its own (workers/worker.py), because a wild program may crash the emulator or never end. It serves the semihosting
calls that firmware/main_emulated.c makes on files in the job's folder, and adds counts.npz there when it is asked to count.
"""

from __future__ import annotations

import ctypes
import importlib
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

SYS_OPEN, SYS_WRITE, SYS_READ, SYS_EXIT = 0x01, 0x05, 0x06, 0x18
EXIT_DONE = 0x20026
# QEMU's exception numbers (target/arm/cpu.h) as unicorn's interrupt hook passes them.
_EXCEPTIONS = {
    1: "undefined instruction",
    2: "SVC without a handler",
    3: "instruction fetch from a forbidden address",
    4: "data access to a forbidden or unaligned address",
    8: "jump to an exception return address",
    17: "coprocessor or FPU instruction on a core without it",
    18: "jump to an address without the Thumb bit",
    19: "stack limit reached",
    22: "unaligned access",
}
_EXCEPTION_BREAKPOINT = 7
_SYSTEM_SPACE = (0xE0000000, 0x100000)


class Alignment(ctypes.Structure):
    """`struct alignment` of native/unicorn_hook.c."""

    _fields_ = (
        ("read_register", ctypes.c_void_p),
        ("program_counter", ctypes.c_int),
        ("found", ctypes.c_uint32),
        ("pc", ctypes.c_uint32),
        ("address", ctypes.c_uint32),
    )


class Site(ctypes.Structure):
    """`struct site` of native/unicorn_hook.c."""

    _fields_ = (("alignment", ctypes.c_void_p), ("base_register", ctypes.c_int))


class Fault(Exception):
    """The program did what the core refuses: what, and where if not at the current instruction."""

    def __init__(self, what: str, pc: int | None = None) -> None:
        super().__init__(what)
        self.pc = pc


class Machine:
    """A core with flash, RAM and the files that semihosting opens."""

    def __init__(self, job: dict[str, Any]) -> None:
        unicorn: Any = importlib.import_module("unicorn")
        arm_const: Any = importlib.import_module("unicorn.arm_const")
        self._binding: Any = importlib.import_module("unicorn.unicorn_py3.unicorn")
        self._job, self._folder = job, Path(job["folder"])
        self._unicorn, self._arm = unicorn, arm_const
        self._alignment: Alignment | None = None
        self._files: list[BinaryIO] = []
        self._fault: str | None = None
        self._finished: int | None = None
        engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        engine.ctl_set_cpu_model(getattr(arm_const, job["model"]))
        for origin, length in (job["flash"], job["ram"]):
            engine.mem_map(origin, length)
        engine.mem_map(*_SYSTEM_SPACE)
        for address, path_offset, size in job["segments"]:
            with open(job["elf"], "rb") as file:
                file.seek(path_offset)
                engine.mem_write(address, file.read(size))
        engine.mem_protect(*job["flash"], unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        engine.hook_add(unicorn.UC_HOOK_INTR, self._on_interrupt)
        engine.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_bad_memory)
        self._engine = engine

    def observe(self, library: Path, table: ctypes.Structure) -> None:
        """Have the C hooks in `library` count blocks into `table`, and watch for accesses that the core would refuse."""
        self._library = ctypes.CDLL(str(library))
        self._add_hook(self._unicorn.UC_HOOK_BLOCK, self._library.edgepack_block_hook, table)
        self._alignment = Alignment(
            read_register=ctypes.cast(self._binding.uclib.uc_reg_read, ctypes.c_void_p).value,
            program_counter=self._arm.UC_ARM_REG_PC,
        )
        if self._job["refuses_unaligned"]:
            accesses = self._unicorn.UC_HOOK_MEM_READ | self._unicorn.UC_HOOK_MEM_WRITE
            self._add_hook(accesses, self._library.edgepack_access_hook, self._alignment)
            return
        sites = self._job["aligned_sites"]
        self._sites = (Site * len(sites))()
        for site, (address, register) in zip(self._sites, sites, strict=True):
            site.alignment = ctypes.addressof(self._alignment)
            site.base_register = getattr(self._arm, f"UC_ARM_REG_R{register}")
            self._add_hook(self._unicorn.UC_HOOK_CODE, self._library.edgepack_base_hook, site, address, address)

    def _add_hook(self, kind: int, function: Any, data: ctypes.Structure, first: int = 1, last: int = 0) -> None:
        """Call `function` of the library, with `data`, for addresses from `first` to `last`; 1 to 0 is all of them."""
        handle = self._binding.uc_hook_h()
        hook, argument = ctypes.cast(function, ctypes.c_void_p), ctypes.cast(ctypes.byref(data), ctypes.c_void_p)
        status = self._binding.uclib.uc_hook_add(self._engine._uch, ctypes.byref(handle), kind, hook, argument, first, last)
        if status:
            raise RuntimeError(f"uc_hook_add: error {status}")

    def run(self) -> int:
        """Run from reset to the end of the program; returns the reason it gave.

        Raises:
            Fault: the program faulted.
        """
        from unicorn.unicorn_py3.unicorn import UcError

        stack, reset = struct.unpack("<II", self._engine.mem_read(self._job["flash"][0], 8))
        self._engine.reg_write(self._arm.UC_ARM_REG_SP, stack)
        try:
            self._engine.emu_start(reset | 1, 0xFFFFFFFE)
        except UcError as error:
            raise Fault(self._fault or str(error)) from error
        finally:
            for file in self._files:
                file.close()
        if self._fault is not None:
            raise Fault(self._fault)
        if self._alignment is not None and self._alignment.found:
            raise Fault(f"unaligned access at {self._alignment.address:#010x}", self._alignment.pc)
        if self._finished is None:
            raise Fault("the emulator stopped before the program ended")
        return self._finished

    def registers(self) -> dict[str, int]:
        """Program counter, link register and stack pointer."""
        arm = self._arm
        names = {"pc": arm.UC_ARM_REG_PC, "lr": arm.UC_ARM_REG_LR, "sp": arm.UC_ARM_REG_SP}
        return {name: self._engine.reg_read(register) for name, register in names.items()}

    def _on_interrupt(self, engine: Any, number: int, _data: object) -> None:
        pc = engine.reg_read(self._arm.UC_ARM_REG_PC)
        if number == _EXCEPTION_BREAKPOINT and bytes(engine.mem_read(pc, 2)) == b"\xab\xbe":
            operation, argument = engine.reg_read(self._arm.UC_ARM_REG_R0), engine.reg_read(self._arm.UC_ARM_REG_R1)
            engine.reg_write(self._arm.UC_ARM_REG_R0, self._semihosting(operation, argument) & 0xFFFFFFFF)
            engine.reg_write(self._arm.UC_ARM_REG_PC, (pc + 2) | 1)
            return
        self._fault = _EXCEPTIONS.get(number, f"exception {number}")
        engine.emu_stop()

    def _on_bad_memory(self, _engine: Any, access: int, address: int, size: int, _value: int, _data: object) -> bool:
        unicorn = self._unicorn
        kinds = {
            unicorn.UC_MEM_READ_UNMAPPED: "read from unmapped memory",
            unicorn.UC_MEM_WRITE_UNMAPPED: "write to unmapped memory",
            unicorn.UC_MEM_FETCH_UNMAPPED: "jump to unmapped memory",
            unicorn.UC_MEM_WRITE_PROT: "write to flash",
        }
        self._fault = f"{kinds.get(access, 'bad access')} at {address:#010x}, {size} bytes"
        return False

    def _semihosting(self, operation: int, argument: int) -> int:
        if operation == SYS_EXIT:
            self._finished = argument
            self._engine.emu_stop()
            return 0
        first, second, third = struct.unpack("<III", self._engine.mem_read(argument, 12))
        if operation == SYS_OPEN:
            name = bytes(self._engine.mem_read(first, third)).decode()
            self._files.append((self._folder / name).open("rb" if second == 1 else "wb"))
            return len(self._files)
        if operation == SYS_READ:
            data = self._files[first - 1].read(third)
            self._engine.mem_write(second, data)
            return int(third - len(data))
        if operation == SYS_WRITE:
            self._files[first - 1].write(self._engine.mem_read(second, third))
            return 0
        raise Fault(f"semihosting call {operation:#x} is not served")


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Run the program: its `status` (done, stopped or fault, with `reason` or `detail`), `registers`, and what was counted."""
    from edgepack.mcu.emulate.profile import ProfileArrays, ProfilePlan

    machine = Machine(job)
    arrays = None
    if job.get("plan"):
        plan = job["plan"]
        arrays = ProfileArrays(
            ProfilePlan(
                plan["entry"],
                tuple(plan["caller"]),
                tuple(plan["code"]),
                tuple(plan["owners"]),
                tuple((start, end, owner) for start, end, owner in plan["ranges"]),
            )
        )
        machine.observe(Path(job["hook"]), arrays.table)
    result: dict[str, Any] = {}
    where = None
    try:
        reason = machine.run()
        result = {"status": "done" if reason == EXIT_DONE else "stopped", "reason": reason}
    except Fault as fault:
        result = {"status": "fault", "detail": str(fault)}
        where = fault.pc
    result["registers"] = machine.registers() | ({"pc": where} if where is not None else {})
    if arrays is not None:
        counts = arrays.counts()
        result |= {"runs": counts.runs, "inexact": counts.inexact}
        np.savez(
            Path(job["folder"]) / "counts.npz",
            start=counts.start,
            bytes=counts.bytes,
            executed=counts.executed,
            branched=counts.branched,
        )
    return result
