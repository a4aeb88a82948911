"""The Cortex-M cores that code is built for: compiler flags, emulators, and the memory the emulated machine has.

Sources: Arm's Technical Reference Manuals for what a core has; QEMU's machine descriptions (hw/arm/mps2.c, mps2-tz.c,
mps3r.c) for the memory maps.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.ground.errors import ProjectError


@dataclass(frozen=True)
class Region:
    """A memory region: first address and length in bytes."""

    origin: int
    length: int

    def __contains__(self, address: int) -> bool:
        return self.origin <= address < self.origin + self.length


@dataclass(frozen=True)
class Core:
    """One Cortex-M core.

    `zig_cpu` is clang's -mcpu in zig's spelling; `gcc_flags` select the same instruction set in arm-none-eabi-gcc.
    `unicorn_model` is the name of unicorn's CPU constant, None where unicorn cannot run the core. `qemu_machine` is the
    board QEMU runs it on. `flash` and `ram` are that board's large memories: an emulated program is not limited to what
    a product has; the sizes come from the linked program instead. `vectors`, where set, is the memory the core reads its
    vector table from at reset, when that is not the start of `flash`. `unaligned`: whether plain loads and stores may be
    unaligned.
    """

    name: str
    title: str
    zig_cpu: str
    float_abi: str
    gcc_flags: tuple[str, ...]
    unicorn_model: str | None
    qemu_machine: str
    flash: Region
    ram: Region
    vectors: Region | None = None
    fpu: bool = False
    dsp: bool = False
    mve: bool = False
    unaligned: bool = True

    @property
    def zig_target(self) -> str:
        """zig's -target triple."""
        return f"thumb-freestanding-{'eabihf' if self.float_abi == 'hard' else 'eabi'}"


# QEMU's MPS2 boards have 4 MiB of flash there; unicorn has what it is told, so that models of up to 16 MB run.
_MPS2_FLASH, _MPS2_RAM = Region(0x0000_0000, 16 << 20), Region(0x2000_0000, 4 << 20)
_HARD = ("-mthumb", "-mfloat-abi=hard")

CORES: dict[str, Core] = {
    core.name: core
    for core in (
        Core(
            name="cortex-m0plus",
            title="Cortex-M0+",
            zig_cpu="cortex_m0plus",
            float_abi="soft",
            gcc_flags=("-mcpu=cortex-m0plus", "-mthumb", "-mfloat-abi=soft"),
            unicorn_model="UC_CPU_ARM_CORTEX_M0",
            unaligned=False,
            qemu_machine="mps2-an385",
            flash=_MPS2_FLASH,
            ram=_MPS2_RAM,
        ),
        Core(
            name="cortex-m3",
            title="Cortex-M3",
            zig_cpu="cortex_m3",
            float_abi="soft",
            gcc_flags=("-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft"),
            unicorn_model="UC_CPU_ARM_CORTEX_M3",
            qemu_machine="mps2-an385",
            flash=_MPS2_FLASH,
            ram=_MPS2_RAM,
        ),
        Core(
            # zig's bare CPU names leave out what is optional in the core: the FPU of the M4, FPU and DSP of the M33.
            name="cortex-m4",
            title="Cortex-M4F",
            zig_cpu="cortex_m4+vfp4d16sp",
            float_abi="hard",
            gcc_flags=("-mcpu=cortex-m4", *_HARD, "-mfpu=fpv4-sp-d16"),
            unicorn_model="UC_CPU_ARM_CORTEX_M4",
            qemu_machine="mps2-an386",
            flash=_MPS2_FLASH,
            ram=_MPS2_RAM,
            fpu=True,
            dsp=True,
        ),
        Core(
            # Single-precision FPU: unicorn has no fpv5-d16, and many M7 parts have none either.
            name="cortex-m7",
            title="Cortex-M7",
            zig_cpu="cortex_m7+fp_armv8d16sp",
            float_abi="hard",
            gcc_flags=("-mcpu=cortex-m7", *_HARD, "-mfpu=fpv5-sp-d16"),
            unicorn_model="UC_CPU_ARM_CORTEX_M7",
            qemu_machine="mps2-an500",
            flash=_MPS2_FLASH,
            ram=_MPS2_RAM,
            fpu=True,
            dsp=True,
        ),
        Core(
            name="cortex-m33",
            title="Cortex-M33",
            zig_cpu="cortex_m33+dsp+fp_armv8d16sp",
            float_abi="hard",
            gcc_flags=("-mcpu=cortex-m33", *_HARD, "-mfpu=fpv5-sp-d16"),
            unicorn_model="UC_CPU_ARM_CORTEX_M33",
            qemu_machine="mps2-an505",
            flash=Region(0x1000_0000, 16 << 20),
            ram=Region(0x3800_0000, 4 << 20),
            fpu=True,
            dsp=True,
        ),
        Core(
            # clang leaves the vector extension off for a plain cortex_m55.
            name="cortex-m55",
            title="Cortex-M55 with MVE",
            zig_cpu="cortex_m55+mve_fp+fp_armv8d16",
            float_abi="hard",
            gcc_flags=("-mcpu=cortex-m55", *_HARD, "-mfpu=auto"),
            unicorn_model=None,
            qemu_machine="mps3-an547",
            vectors=Region(0x1000_0000, 1 << 10),
            flash=Region(0x7000_0000, 16 << 20),
            ram=Region(0x3100_0000, 4 << 20),
            fpu=True,
            dsp=True,
            mve=True,
        ),
    )
}


def find_core(name: str) -> Core:
    """The core called `name`, such as "cortex-m4".

    Raises:
        ProjectError: EP-550 for a core edgepack does not know.
    """
    key = name.strip().lower().replace("_", "-").replace("m0+", "m0plus")
    key = {"cortex-m4f": "cortex-m4", "cortex-m33f": "cortex-m33", "cortex-m7f": "cortex-m7"}.get(key, key)
    if key not in CORES:
        raise ProjectError("EP-550", f"unknown core {name!r}", f"use one of {', '.join(CORES)}")
    return CORES[key]
