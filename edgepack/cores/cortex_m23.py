"""The Cortex-M23: Armv8-M Baseline, which adds division, CBZ, MOVW and acquiring loads to the M0+."""

from __future__ import annotations

from dataclasses import replace

from edgepack.cores.core import Timing
from edgepack.cores.cortex_m0plus import CORTEX_M0PLUS
from edgepack.cores.cortex_m33 import CORTEX_M33

CORTEX_M23 = replace(
    CORTEX_M0PLUS,
    name="cortex-m23",
    title="Cortex-M23",
    zig_cpu="cortex_m23",
    gcc_cpu="cortex-m23",
    # Neither emulator has an M23; an M33 executes all that an M23 does.
    unicorn_model=CORTEX_M33.unicorn_model,
    qemu_machine=CORTEX_M33.qemu_machine,
    flash=CORTEX_M33.flash,
    ram=CORTEX_M33.ram,
    timing=Timing(
        "m0plus",
        1,
        "Cortex-M0+ TRM timings, 17 cycles a division",
        "estimate by its sibling's table; compared with no measurement, and low by the flash's wait states",
    ),
)
