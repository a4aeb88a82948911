"""The Cortex-M55: Armv8.1-M with the vector extension and low-overhead loops."""

from __future__ import annotations

from dataclasses import replace

from edgepack.cores.core import Region, Timing
from edgepack.cores.cortex_m33 import CORTEX_M33

CORTEX_M55 = replace(
    CORTEX_M33,
    name="cortex-m55",
    title="Cortex-M55 with MVE",
    features=CORTEX_M33.features | {"mve"},
    zig_cpu="cortex_m55+mve_fp+fp_armv8d16",  # clang leaves the vector extension off for a plain cortex_m55
    gcc_cpu="cortex-m55",
    fpu="auto",
    unicorn_model=None,
    qemu_machine="mps3-an547",
    vectors=Region(0x1000_0000, 1 << 10),  # hw/arm/mps2-tz.c and mps3r.c
    flash=Region(0x7000_0000, 16 << 20),
    ram=Region(0x3100_0000, 4 << 20),
    timing=Timing(
        "m55", 3, "in-order issue by LLVM's Cortex-M55 model", "estimate; perhaps 30 % off, memories without wait states"
    ),
)
