"""The Cortex-M85: the M55's instructions, two scalar ones a cycle; of pointer authentication generated code makes no use."""

from __future__ import annotations

from dataclasses import replace

from edgepack.cores.core import Timing
from edgepack.cores.cortex_m55 import CORTEX_M55

CORTEX_M85 = replace(
    CORTEX_M55,
    name="cortex-m85",
    title="Cortex-M85 with MVE",
    zig_cpu="cortex_m85+mve_fp+fp_armv8d16",
    # gcc_cpu stays the M55's, which every gcc with MVE knows (gcc 12 has no cortex-m85): its instructions are the M85's.
    # The board stays the M55's, too: QEMU has no M85, and without pointer authentication an M55 executes all that an M85 does.
    timing=Timing(
        "m85",
        1,
        "in-order dual issue by LLVM's Cortex-M85 model",
        "estimate; compared with no measurement, memories without wait states",
    ),
)
