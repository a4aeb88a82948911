"""The cores that code is compiled for, one page of facts each: what it can do, and how it is built for, emulated and timed.

A page states how its core differs from the nearest sibling; `table.py` lists them. docs/contributing/add-a-core.md says how to
add one.
"""

from __future__ import annotations

from edgepack.cores.core import Core, Cpu, Region, Timing
from edgepack.cores.table import CORES, CPUS, find_core, find_cpu

__all__ = ["CORES", "CPUS", "Core", "Cpu", "Region", "Timing", "find_core", "find_cpu"]
