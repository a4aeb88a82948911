"""The Cortex-M0: Armv6-M, three pipeline stages (TRM DDI 0432C)."""

from __future__ import annotations

from edgepack.cores.core import Core, Region, Timing

CORTEX_M0 = Core(
    name="cortex-m0",
    title="Cortex-M0",
    features=frozenset({"armv6m"}),
    zig_cpu="cortex_m0",
    gcc_cpu="cortex-m0",
    fpu=None,
    unaligned=False,
    unicorn_model="UC_CPU_ARM_CORTEX_M0",
    qemu_machine="mps2-an385",  # a Cortex-M3, which executes all of Armv6-M: QEMU's only M0 board has 16 KiB of RAM
    # QEMU's MPS2 boards (hw/arm/mps2.c) have 4 MiB of flash there; unicorn has what it is told: models of up to 16 MB run.
    flash=Region(0x0000_0000, 16 << 20),
    ram=Region(0x2000_0000, 4 << 20),
    vectors=None,
    # Table 3-1 is that of the M0+ but for what leaves the line of code: the third stage makes it a cycle dearer.
    timing=Timing("m0plus", 2, "Cortex-M0 TRM timings", "estimate; low by the flash's wait states on parts that have them"),
)
