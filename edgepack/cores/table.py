"""The table of cores: every page of this folder, and finding one by name. Nothing else in edgepack lists core names."""

from __future__ import annotations

from edgepack.cores.core import Core, Cpu
from edgepack.cores.cortex_m0 import CORTEX_M0
from edgepack.cores.cortex_m0plus import CORTEX_M0PLUS
from edgepack.cores.cortex_m3 import CORTEX_M3
from edgepack.cores.cortex_m4 import CORTEX_M4
from edgepack.cores.cortex_m7 import CORTEX_M7
from edgepack.cores.cortex_m23 import CORTEX_M23
from edgepack.cores.cortex_m33 import CORTEX_M33
from edgepack.cores.cortex_m55 import CORTEX_M55
from edgepack.cores.cortex_m85 import CORTEX_M85
from edgepack.cores.generic import GENERIC
from edgepack.ground.errors import ProjectError

CORES: dict[str, Core] = {
    core.name: core
    for core in (
        CORTEX_M0,
        CORTEX_M0PLUS,
        CORTEX_M3,
        CORTEX_M4,
        CORTEX_M7,
        CORTEX_M23,
        CORTEX_M33,
        CORTEX_M55,
        CORTEX_M85,
    )
}
CPUS: dict[str, Cpu] = {GENERIC.name: GENERIC, **CORES}


def find_cpu(name: str) -> Cpu:
    """What C code is generated for: "generic", or a core by any spelling that `find_core` takes.

    Raises:
        ProjectError: EP-702 for a name that is not in the table.
    """
    found = CPUS.get(_spelling(name))
    if found is None:
        raise ProjectError("EP-702", f"unknown cpu '{name}'", f"Use one of: {', '.join(CPUS)}.")
    return found


def find_core(name: str) -> Core:
    """The Cortex-M core called `name`, such as "cortex-m4"; "Cortex-M4F" and "cortex_m0+" are understood, too.

    Raises:
        ProjectError: EP-550 for a core that is not in the table.
    """
    found = CORES.get(_spelling(name))
    if found is None:
        raise ProjectError("EP-550", f"unknown core {name!r}", f"use one of {', '.join(CORES)}")
    return found


def _spelling(name: str) -> str:
    """The table's spelling: "m4" is cortex-m4, and an F for the FPU that the core has anyway is left out."""
    key = name.strip().lower().replace("_", "-").replace("m0+", "m0plus")
    key = f"cortex-{key}" if key[:1] == "m" else key
    core = CORES.get(key.removesuffix("f"))
    return core.name if core is not None and core.fpu is not None else key
