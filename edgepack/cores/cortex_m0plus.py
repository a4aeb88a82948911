"""The Cortex-M0+: as the M0, with two pipeline stages (TRM DDI 0484C)."""

from __future__ import annotations

from dataclasses import replace

from edgepack.cores.core import Timing
from edgepack.cores.cortex_m0 import CORTEX_M0

CORTEX_M0PLUS = replace(
    CORTEX_M0,
    name="cortex-m0plus",
    title="Cortex-M0+",
    zig_cpu="cortex_m0plus",
    gcc_cpu="cortex-m0plus",
    timing=Timing("m0plus", 1, "Cortex-M0+ TRM timings", "estimate; low by the flash's wait states on parts that have them"),
)
