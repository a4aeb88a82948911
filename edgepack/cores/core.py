"""What a core is to edgepack: the instructions it offers, how code is built for it, where it is emulated, how it is timed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """A memory region: first address and length in bytes."""

    origin: int
    length: int

    def __contains__(self, address: int) -> bool:
        return self.origin <= address < self.origin + self.length


@dataclass(frozen=True)
class Timing:
    """How cycles are estimated from executed instructions.

    `costs` is a key of COSTS in edgepack/mcu/count/cycles.py, which holds the tables and pipelines; siblings may share one.
    `taken_branch` is what a taken branch costs on top, in cycles. `basis` says where the costs come from, `error` how far off
    the estimate may be, or that nobody compared it; both are printed beside each figure.
    """

    costs: str
    taken_branch: float
    basis: str
    error: str


@dataclass(frozen=True)
class Cpu:
    """What C code is generated for.

    `name` is spelled as GNU tools spell it, `title` as Arm does. `features` decide which kernels fit: "armv6m" is Armv6-M or the
    Armv8-M Baseline, "thumb2" everything above, "dsp" the DSP extension (SMLAD, SXTB16), "mve" the M-profile vector
    extension (Helium).
    """

    name: str
    title: str
    features: frozenset[str]


@dataclass(frozen=True)
class Core(Cpu):
    """A Cortex-M core: code for it can be linked, run on an emulator, and timed.

    `zig_cpu` is clang's -mcpu in zig's spelling. `gcc_cpu` is -mcpu of arm-none-eabi-gcc, `fpu` its -mfpu; a core without an FPU
    (None) passes floats in core registers. `unaligned`: whether plain loads and stores may be unaligned. `unicorn_model` is the
    name of unicorn's CPU constant, None where unicorn cannot run the core. `qemu_machine` is the board QEMU runs it on.
    `flash` and `ram` are that board's large memories: an emulated program is not limited to what a product has; the sizes come
    from the linked program instead. `vectors`, where set, is the memory the core reads its vector table from at reset, when
    that is not the start of `flash`.
    """

    zig_cpu: str
    gcc_cpu: str
    fpu: str | None
    unaligned: bool
    unicorn_model: str | None
    qemu_machine: str
    flash: Region
    ram: Region
    vectors: Region | None
    timing: Timing

    @property
    def zig_target(self) -> str:
        """zig's -target triple."""
        return f"thumb-freestanding-{'eabi' if self.fpu is None else 'eabihf'}"

    @property
    def gcc_flags(self) -> tuple[str, ...]:
        """What selects the instruction set and floating-point ABI in arm-none-eabi-gcc."""
        common = (f"-mcpu={self.gcc_cpu}", "-mthumb")
        return (*common, "-mfloat-abi=soft") if self.fpu is None else (*common, "-mfloat-abi=hard", f"-mfpu={self.fpu}")
