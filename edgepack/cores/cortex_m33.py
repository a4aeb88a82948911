"""The Cortex-M33: Armv8-M Mainline with the DSP extension and the FPU, both optional in the core."""

from __future__ import annotations

from dataclasses import replace

from edgepack.cores.core import Region, Timing
from edgepack.cores.cortex_m4 import CORTEX_M4

CORTEX_M33 = replace(
    CORTEX_M4,
    name="cortex-m33",
    title="Cortex-M33",
    zig_cpu="cortex_m33+dsp+fp_armv8d16sp",
    gcc_cpu="cortex-m33",
    fpu="fpv5-sp-d16",
    unicorn_model="UC_CPU_ARM_CORTEX_M33",
    qemu_machine="mps2-an505",
    flash=Region(0x1000_0000, 16 << 20),  # hw/arm/mps2-tz.c: the secure side's memories
    ram=Region(0x3800_0000, 4 << 20),
    timing=Timing("m33", 2, "in-order issue by published Cortex-M33 latencies", "estimate; perhaps 15 % off"),
)
