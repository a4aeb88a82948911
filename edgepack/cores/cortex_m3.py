"""The Cortex-M3: Armv7-M, which brings 32-bit Thumb-2 instructions and unaligned accesses (TRM DDI 0337I)."""

from __future__ import annotations

from dataclasses import replace

from edgepack.cores.core import Timing
from edgepack.cores.cortex_m0plus import CORTEX_M0PLUS

CORTEX_M3 = replace(
    CORTEX_M0PLUS,
    name="cortex-m3",
    title="Cortex-M3",
    features=frozenset({"thumb2"}),
    zig_cpu="cortex_m3",
    gcc_cpu="cortex-m3",
    unaligned=True,
    unicorn_model="UC_CPU_ARM_CORTEX_M3",
    timing=Timing("m3", 2, "Cortex-M3 TRM timings", "estimate; 0 to 30 % low with flash wait states"),
)
