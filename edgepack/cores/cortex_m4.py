"""The Cortex-M4F: as the M3, with the DSP extension and a single-precision FPU (TRM 100166_0001)."""

from __future__ import annotations

from dataclasses import replace

from edgepack.cores.core import Timing
from edgepack.cores.cortex_m3 import CORTEX_M3

CORTEX_M4 = replace(
    CORTEX_M3,
    name="cortex-m4",
    title="Cortex-M4F",
    features=CORTEX_M3.features | {"dsp"},
    zig_cpu="cortex_m4+vfp4d16sp",  # zig's bare CPU names leave out what is optional in the core, such as this FPU
    gcc_cpu="cortex-m4",
    fpu="fpv4-sp-d16",
    unicorn_model="UC_CPU_ARM_CORTEX_M4",
    qemu_machine="mps2-an386",
    timing=Timing("m4", 2, "Cortex-M4 TRM timings", "estimate; within about 10 %, 0 to 30 % low with flash wait states"),
)
