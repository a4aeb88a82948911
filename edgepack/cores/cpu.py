"""The cores the compiler knows, and what their instruction sets offer.

A kernel names the features it needs; the first table below says which core has them. `dsp` is the Armv7E-M / Armv8-M DSP
extension (SMLAD, SXTB16), `mve` the M-profile vector extension (Helium), `thumb2` everything above Armv6-M.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.ground.errors import CompileError


@dataclass(frozen=True)
class Cpu:
    """A core: its name as GNU tools spell it, and its features."""

    name: str
    features: frozenset[str]


CPUS = {
    cpu.name: cpu
    for cpu in (
        Cpu("generic", frozenset()),
        Cpu("cortex-m0", frozenset({"armv6m"})),
        Cpu("cortex-m0plus", frozenset({"armv6m"})),
        Cpu("cortex-m3", frozenset({"thumb2"})),
        Cpu("cortex-m4", frozenset({"thumb2", "dsp"})),
        Cpu("cortex-m7", frozenset({"thumb2", "dsp"})),
        Cpu("cortex-m23", frozenset({"armv6m"})),
        Cpu("cortex-m33", frozenset({"thumb2", "dsp"})),
        Cpu("cortex-m55", frozenset({"thumb2", "dsp", "mve"})),
        Cpu("cortex-m85", frozenset({"thumb2", "dsp", "mve"})),
    )
}


def find_cpu(name: str) -> Cpu:
    """The core of that name. Raises CompileError EP-702."""
    if name not in CPUS:
        raise CompileError("EP-702", f"unknown cpu '{name}'", f"Use one of: {', '.join(CPUS)}.")
    return CPUS[name]
