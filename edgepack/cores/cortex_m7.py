"""The Cortex-M7: the M4's instructions, two of them a cycle."""

from __future__ import annotations

from dataclasses import replace

from edgepack.cores.core import Timing
from edgepack.cores.cortex_m4 import CORTEX_M4

CORTEX_M7 = replace(
    CORTEX_M4,
    name="cortex-m7",
    title="Cortex-M7",
    zig_cpu="cortex_m7+fp_armv8d16sp",
    gcc_cpu="cortex-m7",
    fpu="fpv5-sp-d16",  # single precision: unicorn has no fpv5-d16, and many M7 parts have none either
    unicorn_model="UC_CPU_ARM_CORTEX_M7",
    qemu_machine="mps2-an500",
    timing=Timing("m7", 1, "in-order dual issue by LLVM's Cortex-M7 model", "estimate; perhaps 25 % off, more with cache misses"),
)
